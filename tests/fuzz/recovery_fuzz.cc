// Recovery over any directory of a partition: a small log of three segments, of which the input
// replaces bytes, cuts, drops, doubles or swaps files, or whole files as the input has them. What
// is recovered can be read, goes on, and recovers to the same again; the checker says no more than
// recovery. Input: a row of edits, see Edit.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "protocol/types/batch_builder.h"
#include "protocol/types/check.h"
#include "segment/log_check.h"
#include "segment/memory_file_system.h"
#include "segment/partition_log.h"

namespace raftmq {
namespace {

constexpr std::uint64_t kSeed = 99;
constexpr std::uint64_t kSegmentBytes = 16u << 10;
constexpr std::size_t kFileBytesMax = 64u << 10;

LogOptions Options() {
  LogOptions options;
  options.directory = "/p";
  options.group = {TopicId{1, 2}, PartitionNumber(3)};
  options.segment_bytes_first = kSegmentBytes;
  options.segment_bytes_max = kSegmentBytes;
  options.control_reserve_bytes = 1u << 10;
  return options;
}

void Run(PartitionLog& log, std::unique_ptr<LogJob> job) {
  if (!job) return;
  job->Write();
  job->Sync();
  log.Completed(std::move(job));
}

void Stage(PartitionLog& log, ByteBuffer frame) {
  const LogTail tail = log.tail();
  StampBatch(frame.span(),
             {.index = tail.index.Next(),
              .term = Term(std::max<std::uint64_t>(1, tail.term.value())),
              .base_offset = tail.next_offset,
              .append_time_ms = std::max<std::int64_t>(1000, tail.append_time_ms),
              .committed_up_to = log.bounds().durable,
              .chain = tail.chain},
             log.group_seed());
  log.Stage(SharedBytes(std::move(frame)));
}

void Append(PartitionLog& log, std::size_t bytes) {
  BatchBuilder builder(64u << 10);
  RAFTMQ_CHECK(builder.Append({.value = std::string(bytes, 'x'), .timestamp_ms = 1000}));
  ByteBuffer frame = builder.Finish({});
  if (log.room_for_data() < frame.size()) return;
  Stage(log, std::move(frame));
  Run(log, log.TakeJob());
}

void Roll(PartitionLog& log) {
  std::int64_t now_ms = 2000;
  while (!log.CanRoll(0)) Run(log, log.TakeBackgroundJob(now_ms += 100));
  const Checkpoint checkpoint{.group = Options().group,
                              .group_seed = kSeed,
                              .membership = {{.node = NodeId(1), .number = ReplicaNumber(1)}},
                              .before = log.tail(),
                              .segment_bytes = log.NextSegmentBytes(now_ms)};
  for (const ByteBuffer& part : EncodeCheckpoint(checkpoint))
    Stage(log, MakeControlEntry(EntryKind::kCheckpoint, part.span()));
  Run(log, log.TakeJob());
}

using Files = std::map<std::string, std::vector<std::byte>>;

Files FilesOf(MemoryFileSystem& disk) {
  Files files;
  const auto entries = disk.List("/p");
  RAFTMQ_CHECK(entries.has_value());
  for (const auto& entry : *entries) {
    const auto file = disk.Open("/p/" + entry.name, OpenMode::kRead);
    RAFTMQ_CHECK(file.has_value());
    std::vector<std::byte> bytes(*(*file)->Size());
    RAFTMQ_CHECK((*file)->Read(0, bytes).has_value());
    files[entry.name] = std::move(bytes);
  }
  return files;
}

// Three segments, the last not cleanly stopped.
const Files& WholeLog() {
  static const Files whole = [] {
    MemoryFileSystem disk;
    auto log =
        PartitionLog::Create(disk, Options(),
                             {.group_seed = kSeed,
                              .membership = {{.node = NodeId(1), .number = ReplicaNumber(1)}},
                              .replica = ReplicaNumber(1)});
    RAFTMQ_CHECK(log.has_value());
    for (int segment = 0; segment < 3; ++segment) {
      if (segment > 0) Roll(**log);
      for (const std::size_t bytes : {100u, 3000u, 7u}) Append(**log, bytes);
      (*log)->Committed((*log)->bounds().durable);
    }
    return FilesOf(disk);
  }();
  return whole;
}

class Input {
 public:
  explicit Input(ByteSpan bytes) : left_(bytes) {}
  bool IsEmpty() const { return left_.empty(); }
  std::uint8_t Byte() {
    if (left_.empty()) return 0;
    const auto byte = static_cast<std::uint8_t>(left_[0]);
    left_ = left_.subspan(1);
    return byte;
  }
  std::size_t Number() {
    const std::size_t low = Byte();
    return low | std::size_t{Byte()} << 8;
  }
  ByteSpan Bytes(std::size_t count) {
    const ByteSpan taken = left_.first(std::min(count, left_.size()));
    left_ = left_.subspan(taken.size());
    return taken;
  }

 private:
  ByteSpan left_;
};

// One edit: what, which file, where, how much, and bytes.
void Edit(Input& input, Files* files) {
  const std::uint8_t what = input.Byte();
  if (files->empty()) return;
  const auto file = std::next(files->begin(), input.Byte() % static_cast<int>(files->size()));
  std::vector<std::byte>& bytes = file->second;
  const std::size_t at = std::min(input.Number(), bytes.size());
  const std::size_t count = input.Number();
  switch (what % 7) {
    case 0: {  // Bytes of the input over what is there.
      const ByteSpan with = input.Bytes(std::min(count % 64, bytes.size() - at));
      std::ranges::copy(with, bytes.begin() + static_cast<std::ptrdiff_t>(at));
      break;
    }
    case 1:
      bytes.resize(at);
      break;
    case 2:
      files->erase(file);
      break;
    case 3: {  // A file of the input's own, or one more of a log.
      const std::array<std::string, 3> names{
          "meta", "00000000000000000004-00000000000000000003.log", "prepared.tmp"};
      const ByteSpan own = input.Bytes(std::min(count, kFileBytesMax));
      (*files)[names[at % names.size()]].assign(own.begin(), own.end());
      break;
    }
    case 4: {  // A run of zeros.
      const std::size_t end = std::min(bytes.size(), at + count);
      std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                bytes.begin() + static_cast<std::ptrdiff_t>(end), std::byte{0});
      break;
    }
    case 5: {  // A page over another: misdirected or stale.
      const std::size_t page = at / kPageBytes * kPageBytes;
      const std::size_t other = count / kPageBytes * kPageBytes;
      if (page + kPageBytes > bytes.size() || other + kPageBytes > bytes.size()) break;
      std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(page), kPageBytes,
                  bytes.begin() + static_cast<std::ptrdiff_t>(other));
      break;
    }
    case 6: {  // One file's bytes as another's.
      const auto other = std::next(files->begin(), static_cast<int>(at % files->size()));
      if (bytes.size() <= kFileBytesMax) other->second = bytes;
      break;
    }
  }
}

void Put(const Files& files, MemoryFileSystem* disk) {
  RAFTMQ_CHECK(disk->CreateDirectory("/p").has_value());
  for (const auto& [name, bytes] : files) {
    const auto file = disk->Open("/p/" + name, OpenMode::kCreate);
    RAFTMQ_CHECK(file.has_value());
    RAFTMQ_CHECK((*file)->Write(0, bytes).has_value() && (*file)->Sync().has_value());
  }
  RAFTMQ_CHECK(disk->SyncDirectory("/p").has_value() && disk->SyncDirectory("/").has_value());
}

// Reads what is not marked as damaged; returns how many entries came.
std::size_t ReadAll(const PartitionLog& log) {
  std::size_t entries = 0;
  for (Index next = log.bounds().first; next <= log.bounds().durable; next = next.Next()) {
    const auto read = log.Read({.value = next.value()}, log.bounds().durable, 1);
    if (!read) continue;
    const auto slice = read->Run();
    if (!slice || slice->last < slice->first) continue;
    RAFTMQ_CHECK(ParseBatchHeader(slice->bytes.view())->leader.index == slice->first);
    ++entries;
  }
  return entries;
}

void RunOne(ByteSpan bytes) {
  constexpr int kEditsMax = 16;
  Files files = WholeLog();
  Input input(bytes);
  for (int i = 0; i < kEditsMax && !input.IsEmpty(); ++i) Edit(input, &files);
  MemoryFileSystem disk;
  Put(files, &disk);
  static_cast<void>(CheckPartition(disk, "/p", {}));  // Any verdict, no crash.
  RecoveryReport report;
  auto log = PartitionLog::Open(disk, Options(), &report);
  if (!log) {
    RAFTMQ_CHECK(!log.error().message.empty());
    return;
  }
  const std::size_t before = ReadAll(**log);
  const Index last = (*log)->bounds().last;
  Append(**log, 50);
  if ((*log)->bounds().last > last) RAFTMQ_CHECK(ReadAll(**log) == before + 1);
  const Index appended = (*log)->bounds().last;
  log->reset();
  RecoveryReport again;
  const auto second = PartitionLog::Open(disk, Options(), &again);
  RAFTMQ_CHECK(second.has_value());
  RAFTMQ_CHECK((*second)->bounds().last == appended);
}

}  // namespace
}  // namespace raftmq

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  raftmq::RunOne({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}

// Reading a log through its map while all of it is in memory, every payload verified, against
// memcpy of a map of 1 GiB into a reused buffer of 64 KiB.
#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "protocol/types/batch_builder.h"
#include "protocol/types/batch_validator.h"
#include "protocol/types/check.h"
#include "segment/partition_log.h"
#include "segment/posix_file_system.h"
#include "tests/bench/bench.h"
#include "tests/bench/scratch_directory.h"

namespace raftmq::bench {
namespace {

constexpr std::size_t kMapBytes = 1u << 30;
constexpr std::size_t kBatchBytes = 64u << 10;
constexpr std::size_t kJobBytes = 8u << 20;
constexpr std::size_t kReadBytes = 1u << 20;
constexpr std::uint64_t kSeed = 99;

// 1 GiB of batches with records of 1 KiB in one segment, durable.
std::unique_ptr<PartitionLog> MakeLog(FileSystem& files, const std::string& directory) {
  auto created =
      PartitionLog::Create(files,
                           {.directory = directory,
                            .group = {TopicId{1, 2}, PartitionNumber(0)},
                            .segment_bytes_first = kMapBytes,
                            .segment_bytes_max = kMapBytes},
                           {.group_seed = kSeed,
                            .membership = {{.node = NodeId(1), .number = ReplicaNumber(1)}},
                            .replica = ReplicaNumber(1)});
  RAFTMQ_CHECK(created.has_value());
  PartitionLog& log = **created;
  const std::string value(1024, 'x');
  BatchBuilder builder(kBatchBytes);
  while (builder.Append({.value = value, .timestamp_ms = 1'700'000'000'000})) continue;
  const ByteBuffer batch = builder.Finish({.session = SessionId(1)});
  while (log.room_for_data() >= batch.size()) {
    for (std::size_t staged = 0; staged < kJobBytes && log.room_for_data() >= batch.size();
         staged += batch.size()) {
      ByteBuffer frame(batch.size());
      std::memcpy(frame.data(), batch.data(), batch.size());
      const LogTail tail = log.tail();
      StampBatch(frame.span(),
                 {.index = tail.index.Next(),
                  .term = Term(1),
                  .base_offset = tail.next_offset,
                  .append_time_ms = 1'700'000'000'000,
                  .committed_up_to = log.bounds().durable,
                  .chain = tail.chain},
                 kSeed);
      log.Stage(SharedBytes(std::move(frame)));
    }
    auto job = log.TakeJob();
    job->Write();
    job->Sync();
    log.Completed(std::move(job));
    log.Committed(log.bounds().durable);
  }
  return std::move(*created);
}

// Reads from where it stood, about 64 MiB, round and round.
Work ReadLog(const PartitionLog& log) {
  return [&log, next = log.bounds().first]() mutable {
    std::uint64_t bytes = 0;
    while (bytes < (64u << 20)) {
      if (next > log.bounds().durable) next = log.bounds().first;
      const auto slice = log.Read({.value = next.value()}, log.bounds().durable, kReadBytes)->Run();
      RAFTMQ_CHECK(slice.has_value());
      for (ByteSpan left = slice->bytes.view(); !left.empty();) {
        const auto header = ParseBatchHeader(left);
        RAFTMQ_CHECK(header.has_value());
        left = left.subspan(header->padded_length());
      }
      bytes += slice->bytes.size();
      next = slice->last.Next();
    }
    return bytes;
  };
}

// memcpy of the segment's file through a map of its own.
Work CopyMap(const FileMap& map) {
  return [&map, at = std::size_t{0}, buffer = std::make_shared<ByteBuffer>(kBatchBytes)]() mutable {
    const ByteSpan all = map.bytes();
    std::uint64_t bytes = 0;
    for (; bytes < (64u << 20); bytes += kBatchBytes) {
      if (at + kBatchBytes > all.size()) at = 0;
      std::memcpy(buffer->data(), all.data() + at, kBatchBytes);
      Keep(*buffer->data());
      at += kBatchBytes;
    }
    return bytes;
  };
}

}  // namespace
}  // namespace raftmq::bench

int main(int argc, char** argv) {
  using namespace raftmq;
  using namespace raftmq::bench;
  Runner runner(argc, argv);
  const ScratchDirectory scratch;
  PosixFileSystem files;
  const std::string directory = scratch.path() + "/partition";
  const auto log = MakeLog(files, directory);
  const auto entries = files.List(directory);
  RAFTMQ_CHECK(entries.has_value());
  const auto segment = std::ranges::find_if(
      *entries, [](const DirectoryEntry& entry) { return entry.name.ends_with(".log"); });
  RAFTMQ_CHECK(segment != entries->end());
  const auto file = files.Open(directory + "/" + segment->name, OpenMode::kRead);
  RAFTMQ_CHECK(file.has_value());
  const auto map = (*file)->Map();
  RAFTMQ_CHECK(map.has_value() && (*map)->Populate(0, (*map)->bytes().size()).has_value());
  runner.Compare({.name = "read_map",
                  .target = 0.8,
                  .baseline = CopyMap(**map),
                  .measured = ReadLog(*log),
                  .seconds_per_turn = 1});
  return 0;
}

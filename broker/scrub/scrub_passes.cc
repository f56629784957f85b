#include "broker/scrub/scrub_passes.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "protocol/types/hash.h"
#include "segment/byte_codec.h"
#include "segment/node_directory.h"

namespace raftmq::broker {
namespace {

constexpr std::uint32_t kMagic = 0x53514D52;  // "RMQS".
constexpr std::uint16_t kVersion = 1;
constexpr std::size_t kFileBytesMax = 1u << 20;
enum Flags : std::uint8_t { kRunning = 1, kByHand = 2 };

void Put(ByteWriter& out, const ScrubPass& pass) {
  out.Put(pass.began_ms);
  out.Put(pass.ended_ms);
  out.Put(
      static_cast<std::uint8_t>((pass.is_running ? kRunning : 0) | (pass.by_hand ? kByHand : 0)));
  out.Put(pass.group.topic.high);
  out.Put(pass.group.topic.low);
  out.Put(pass.group.partition.value());
  out.Put(pass.index.value());
  out.Put(pass.bytes_read);
}

ScrubPass Get(ByteReader& in) {
  ScrubPass pass;
  pass.began_ms = in.Get<std::int64_t>();
  pass.ended_ms = in.Get<std::int64_t>();
  const auto flags = in.Get<std::uint8_t>();
  pass.is_running = (flags & kRunning) != 0;
  pass.by_hand = (flags & kByHand) != 0;
  pass.group.topic.high = in.Get<std::uint64_t>();
  pass.group.topic.low = in.Get<std::uint64_t>();
  pass.group.partition = PartitionNumber(in.Get<std::uint32_t>());
  pass.index = Index(in.Get<std::uint64_t>());
  pass.bytes_read = in.Get<std::uint64_t>();
  return pass;
}

// One that has read no more than any of them.
ScrubPass LeastOf(const std::vector<ScrubPass>& passes) {
  ScrubPass least = passes.front();
  // What runs has more to do than what has ended.
  const auto place = [](const ScrubPass& pass) {
    return std::tuple(!pass.is_running, pass.group, pass.index);
  };
  for (const ScrubPass& pass : passes) {
    if (place(pass) < place(least)) least = pass;
  }
  for (const ScrubPass& pass : passes) {
    least.began_ms = std::min(least.began_ms, pass.began_ms);
    least.ended_ms = std::min(least.ended_ms, pass.ended_ms);
    least.by_hand = least.by_hand || (pass.is_running && pass.by_hand);
  }
  return least;
}

}  // namespace

std::vector<ScrubPass> PassesFor(std::vector<ScrubPass> saved, std::uint32_t shards) {
  if (saved.size() == shards) return saved;
  if (saved.empty()) return std::vector<ScrubPass>(shards);
  return std::vector<ScrubPass>(shards, LeastOf(saved));
}

std::vector<std::byte> EncodePasses(const std::vector<ScrubPass>& passes) {
  ByteWriter out;
  out.Put(kMagic);
  out.Put(kVersion);
  out.Put(static_cast<std::uint16_t>(passes.size()));
  for (const ScrubPass& pass : passes) Put(out, pass);
  out.Put(Hash64(out.bytes()));
  return out.bytes();
}

Result<std::vector<ScrubPass>> DecodePasses(ByteSpan bytes) {
  const auto damaged = [](std::string_view what) {
    return Fail(ErrorCode::kDataCorrupt, fmt::format("the file `scrub` is damaged: {}", what));
  };
  if (bytes.size() < sizeof(std::uint64_t)) return damaged("it is too short");
  const ByteSpan hashed = bytes.first(bytes.size() - sizeof(std::uint64_t));
  if (Hash64(hashed) != LoadLittleEndian<std::uint64_t>(bytes.data() + hashed.size()))
    return damaged("its hash does not hold");
  ByteReader in(hashed);
  const auto magic = in.Get<std::uint32_t>();
  const auto version = in.Get<std::uint16_t>();
  if (magic != kMagic) return damaged("it does not begin with RMQS");
  if (version != kVersion)
    return Fail(
        ErrorCode::kUnknownFormat,
        fmt::format("the file `scrub` has format {}, this program knows {}", version, kVersion));
  std::vector<ScrubPass> passes;
  for (auto left = in.Get<std::uint16_t>(); left > 0 && in.ok(); --left) passes.push_back(Get(in));
  if (!in.ok() || in.left() != 0) return damaged("its lengths do not add up");
  return passes;
}

Result<std::vector<ScrubPass>> LoadPasses(FileSystem& files, const std::string& directory) {
  const auto file = files.Open(directory + "/" + kScrubFileName, OpenMode::kRead);
  if (!file && file.error().code == ErrorCode::kNotFound) return std::vector<ScrubPass>();
  if (!file) return Fail(file.error());
  RAFTMQ_TRY_ASSIGN(const std::uint64_t size, (*file)->Size());
  ByteBuffer bytes(std::min<std::size_t>(size, kFileBytesMax));
  RAFTMQ_TRY((*file)->Read(0, bytes.span()));
  return DecodePasses(bytes.span());
}

Status SavePasses(FileSystem& files, const std::string& directory,
                  const std::vector<ScrubPass>& passes) {
  const std::string path = directory + "/" + kScrubFileName;
  const std::string unfinished = directory + "/" + kScrubUnfinishedName;
  if (const auto removed = files.Remove(unfinished);
      !removed && removed.error().code != ErrorCode::kNotFound)
    return removed;
  {
    RAFTMQ_TRY_ASSIGN(const auto file, files.Open(unfinished, OpenMode::kCreate));
    RAFTMQ_TRY(file->Write(0, EncodePasses(passes)));
    RAFTMQ_TRY(file->Sync());
  }
  RAFTMQ_TRY(files.Rename(unfinished, path));
  return files.SyncDirectory(directory);
}

}  // namespace raftmq::broker

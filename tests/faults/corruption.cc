#include "tests/faults/corruption.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>

#include "protocol/types/check.h"
#include "protocol/types/ids.h"
#include "segment/segment_name.h"

namespace raftmq::testing {
namespace {

namespace fs = std::filesystem;

constexpr std::array kNames{"flip in sealed segment",
                            "flip in active segment",
                            "cut sealed segment",
                            "cut active segment",
                            "lose oldest segment",
                            "lose middle segment",
                            "lose newest sealed",
                            "flip in index",
                            "cut index",
                            "lose index",
                            "flip in meta copy",
                            "flip in meta, both",
                            "flip in node copy",
                            "flip in manifest copy",
                            "lose manifest copy",
                            "flip in counter copy"};
static_assert(kNames.size() == kCorruptions);

constexpr std::array<std::uint64_t, 4> kCuts{1, 7, 100, 5'000};
// A running broker writes there; a page written back from the cache would undo its writes.
constexpr std::uint64_t kBeingWritten = 64u << 10;
constexpr std::uint64_t kPage = 4096;
constexpr auto kLost = ".lost";  // What is left of a replica that has been replaced.
constexpr std::uint64_t kCounterCopy = 16'384;

// A file that is changed by somebody who does not own it.
class Victim {
 public:
  explicit Victim(const fs::path& path)
      : path_(path), file_(open(path.c_str(), O_RDWR | O_CLOEXEC)) {
    RAFTMQ_CHECK(file_ >= 0);
  }
  ~Victim() {
    RAFTMQ_CHECK(fsync(file_) == 0);
    posix_fadvise(file_, 0, 0, POSIX_FADV_DONTNEED);
    close(file_);
  }
  Victim(const Victim&) = delete;
  Victim& operator=(const Victim&) = delete;

  // Up to the last byte that is not zero.
  std::uint64_t UsedBytes() const {
    std::vector<unsigned char> bytes(fs::file_size(path_));
    RAFTMQ_CHECK(pread(file_, bytes.data(), bytes.size(), 0) == std::ssize(bytes));
    const auto last = std::find_if(bytes.rbegin(), bytes.rend(), [](auto byte) { return byte; });
    return static_cast<std::uint64_t>(bytes.rend() - last);
  }
  std::string Flip(std::uint64_t at, unsigned bit) {
    unsigned char byte = 0;
    RAFTMQ_CHECK(pread(file_, &byte, 1, static_cast<off_t>(at)) == 1);
    byte ^= static_cast<unsigned char>(1u << bit);
    RAFTMQ_CHECK(pwrite(file_, &byte, 1, static_cast<off_t>(at)) == 1);
    return fmt::format("{}: bit {} of byte {}", path_.string(), bit, at);
  }
  std::string Cut(std::uint64_t size) {
    RAFTMQ_CHECK(ftruncate(file_, static_cast<off_t>(size)) == 0);
    return fmt::format("{}: cut to {} bytes", path_.string(), size);
  }

 private:
  const fs::path path_;
  const int file_;
};

struct Files {
  std::vector<fs::path> segments;  // Oldest first; the last is the active one.
  std::size_t sealed() const { return segments.empty() ? 0 : segments.size() - 1; }
};

Files Look(const fs::path& directory) {
  Files files;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (ParseSegmentLogFile(entry.path().filename().string()))
      files.segments.push_back(entry.path());
  }
  std::ranges::sort(files.segments);
  return files;
}

fs::path IndexOf(const fs::path& segment) {
  return segment.parent_path() / ParseSegmentLogFile(segment.filename().string())->IndexFile();
}

std::string Lose(const fs::path& path) {
  fs::remove(path);
  const int parent = open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  RAFTMQ_CHECK(fsync(parent) == 0);
  close(parent);
  return path.string() + ": removed";
}

std::string FlipBetween(const fs::path& path, std::uint64_t begin, std::uint64_t end,
                        sim::Choices& choices) {
  const std::uint64_t at = choices.Between(begin, end - 1);
  return Victim(path).Flip(at, static_cast<unsigned>(choices.Below(8)));
}

std::optional<std::string> FlipUsed(const fs::path& path, std::uint64_t spared,
                                    sim::Choices& choices) {
  const std::uint64_t used = Victim(path).UsedBytes();
  if (used <= spared) return std::nullopt;
  return FlipBetween(path, 0, used - spared, choices);
}

std::optional<std::string> CutUsed(const fs::path& path, sim::Choices& choices) {
  Victim victim(path);
  const std::uint64_t used = victim.UsedBytes();
  const std::uint64_t cut = kCuts[choices.Below(kCuts.size())];
  if (used <= cut) return std::nullopt;
  return victim.Cut(used - cut);
}

std::optional<std::string> CutIndex(const fs::path& path, sim::Choices& choices) {
  return Victim(path).Cut(choices.Below(fs::file_size(path)));
}

std::string FlipInMeta(const fs::path& path, bool both, sim::Choices& choices) {
  const std::uint64_t copy = 2 * choices.Below(4) + choices.Below(2);
  std::string what = FlipBetween(path, copy * kPage, (copy + 1) * kPage, choices);
  const std::uint64_t twin = copy ^ 1;
  if (both) what += " and " + FlipBetween(path, twin * kPage, (twin + 1) * kPage, choices);
  return what;
}

std::string FlipInCopy(const fs::path& path, std::uint64_t copy_bytes, sim::Choices& choices) {
  const std::uint64_t copy = choices.Below(2);
  return FlipBetween(path, copy * copy_bytes, (copy + 1) * copy_bytes, choices);
}

fs::path AnyManifest(const fs::path& directory, sim::Choices& choices) {
  return directory / (choices.Below(2) == 0 ? "manifest" : "manifest.copy");
}

std::optional<std::string> CorruptNode(Corruption kind, const fs::path& directory,
                                       sim::Choices& choices) {
  switch (kind) {
    case Corruption::kFlipInNodeCopy:
      return FlipInCopy(directory / "node", fs::file_size(directory / "node") / 2, choices);
    case Corruption::kFlipInManifest:
      return FlipUsed(AnyManifest(directory, choices), 0, choices);
    case Corruption::kLoseManifest:
      return Lose(AnyManifest(directory, choices));
    default:
      return FlipInCopy(directory / "counter", kCounterCopy, choices);
  }
}

std::optional<std::string> CorruptSealed(Corruption kind, const Files& files,
                                         sim::Choices& choices) {
  const std::size_t sealed = files.sealed();
  if (sealed == 0) return std::nullopt;
  const fs::path& any = files.segments[choices.Below(sealed)];
  const bool is_of_index = kind == Corruption::kFlipInIndex || kind == Corruption::kCutIndex ||
                           kind == Corruption::kLoseIndex;
  if (is_of_index && !fs::exists(IndexOf(any))) return std::nullopt;  // It was sealed just now.
  switch (kind) {
    case Corruption::kFlipInSealed:
      return FlipUsed(any, 0, choices);
    case Corruption::kCutSealed:
      return CutUsed(any, choices);
    case Corruption::kLoseOldest:
      return Lose(files.segments.front());
    case Corruption::kLoseMiddle:
      if (sealed < 3) return std::nullopt;
      return Lose(files.segments[choices.Between(1, sealed - 2)]);
    case Corruption::kLoseNewestSealed:
      if (sealed < 2) return std::nullopt;
      return Lose(files.segments[sealed - 1]);
    case Corruption::kFlipInIndex:
      return FlipBetween(IndexOf(any), 0, fs::file_size(IndexOf(any)), choices);
    case Corruption::kCutIndex:
      return CutIndex(IndexOf(any), choices);
    default:
      return Lose(IndexOf(any));
  }
}

}  // namespace

std::string_view NameOf(Corruption kind) { return kNames.at(static_cast<std::size_t>(kind)); }

bool IsOfNode(Corruption kind) { return kind >= Corruption::kFlipInNodeCopy; }

bool IsForRunning(Corruption kind) {
  return kind != Corruption::kCutActive && kind != Corruption::kFlipInCounterCopy;
}

std::vector<std::string> PartitionDirectories(const std::string& data_directory) {
  std::vector<std::string> directories;
  for (const auto& entry : fs::directory_iterator(data_directory + "/partitions")) {
    if (entry.path().extension() != kLost) directories.push_back(entry.path().string());
  }
  std::ranges::sort(directories);
  return directories;
}

bool IsCatalogue(const std::string& partition_directory) {
  return fs::path(partition_directory).filename() == GroupId{kClusterTopicId, {}}.ToString();
}

std::optional<std::string> Corrupt(Corruption kind, const std::string& directory, bool is_running,
                                   sim::Choices& choices) {
  if (IsOfNode(kind)) return CorruptNode(kind, directory, choices);
  const fs::path meta = fs::path(directory) / "meta";
  if (kind == Corruption::kFlipInMetaCopy) return FlipInMeta(meta, false, choices);
  if (kind == Corruption::kFlipInMeta) return FlipInMeta(meta, true, choices);
  const Files files = Look(directory);
  if (files.segments.empty()) return std::nullopt;
  if (kind == Corruption::kFlipInActive)
    return FlipUsed(files.segments.back(), is_running ? kBeingWritten : 0, choices);
  if (kind == Corruption::kCutActive) return CutUsed(files.segments.back(), choices);
  return CorruptSealed(kind, files, choices);
}

}  // namespace raftmq::testing

// The ways to append to a log, each synced per 64 KiB and per 1 MiB: which blocks a fresh segment
// should have, and why appends are direct (segment/DESIGN.md has the figures). MB/s, medians of
// five interleaved rounds. Other file systems: tests/bench/append_ways.sh.
//
// Usage: bench_append_ways [--directory DIR] [--label TEXT] [--json]
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/types/check.h"
#include "segment/posix_file_system.h"
#include "tests/bench/bench.h"

namespace raftmq::bench {
namespace {

constexpr std::size_t kWriteBytes = 64u << 10;
constexpr std::size_t kSyncBytesMax = 1u << 20;
constexpr std::size_t kFileBytes = 16u << 20;
constexpr int kRounds = 5;

enum class Blocks { kFallocated, kZeroed, kReused };
// kGathered: direct, with all that one sync covers in one write.
enum class Way { kDirect, kGathered, kBuffered, kMapped };

struct Case {
  const char* name;
  Way way;
  Blocks blocks;
};
constexpr Case kCases[] = {
    {"direct_reused", Way::kDirect, Blocks::kReused},
    {"direct_zeroed", Way::kDirect, Blocks::kZeroed},
    {"gathered_reused", Way::kGathered, Blocks::kReused},
    {"gathered_fallocated", Way::kGathered, Blocks::kFallocated},
    {"direct_fallocated", Way::kDirect, Blocks::kFallocated},
    {"buffered_reused", Way::kBuffered, Blocks::kReused},
    {"buffered_fallocated", Way::kBuffered, Blocks::kFallocated},
    {"map_fallocated", Way::kMapped, Blocks::kFallocated},
};

// 1 MiB that are not zero, aligned for direct writes; lives as long as the process.
ByteSpan Payload() {
  static std::byte* const payload = [] {
    auto* const block = static_cast<std::byte*>(std::aligned_alloc(kPageBytes, kSyncBytesMax));
    RAFTMQ_CHECK(block != nullptr);
    std::memset(block, 'x', kSyncBytesMax);
    return block;
  }();
  return {payload, kSyncBytesMax};
}

void Must(const Status& status) {
  if (status) return;
  fmt::print(stderr, "bench_append_ways: {}\n", status.error().ToString());
  std::exit(1);
}

// The file as a segment would find it, all of it durable.
void Prepare(PosixFileSystem& files, const std::string& path, Blocks blocks) {
  static_cast<void>(files.Remove(path));
  auto file = files.Open(path, OpenMode::kCreate);
  if (!file) Must(Fail(file.error()));
  Must((*file)->Allocate(kFileBytes));
  const std::vector<std::byte> chunk(kWriteBytes,
                                     blocks == Blocks::kReused ? std::byte{1} : std::byte{0});
  if (blocks != Blocks::kFallocated) {
    for (std::size_t at = 0; at < kFileBytes; at += kWriteBytes) Must((*file)->Write(at, chunk));
  }
  Must((*file)->Sync());
}

void AppendFile(PosixFileSystem& files, const std::string& path, Way way, std::size_t sync_bytes,
                std::size_t bytes) {
  auto file = files.Open(path, way == Way::kBuffered ? OpenMode::kWrite : OpenMode::kDirect);
  if (!file) Must(Fail(file.error()));
  const std::size_t write_bytes = way == Way::kGathered ? sync_bytes : kWriteBytes;
  for (std::size_t at = 0; at < bytes; at += write_bytes) {
    Must((*file)->Write(at, Payload().first(write_bytes)));
    if ((at + write_bytes) % sync_bytes == 0) Must((*file)->Sync());
  }
}

void AppendMap(const std::string& path, std::size_t sync_bytes, std::size_t bytes) {
  const int descriptor = open(path.c_str(), O_RDWR | O_CLOEXEC);
  RAFTMQ_CHECK(descriptor >= 0);
  void* const base = mmap(nullptr, kFileBytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  RAFTMQ_CHECK(base != MAP_FAILED);
  auto* const map = static_cast<std::byte*>(base);
  for (std::size_t at = 0; at < bytes; at += kWriteBytes) {
    std::memcpy(map + at, Payload().data(), kWriteBytes);
    const std::size_t end = at + kWriteBytes;
    if (end % sync_bytes == 0)
      RAFTMQ_CHECK(msync(map + end - sync_bytes, sync_bytes, MS_SYNC) == 0);
  }
  munmap(base, kFileBytes);
  close(descriptor);
}

// MB/s of one run.
double Measure(const Case& one, std::size_t sync_bytes, const std::string& path) {
  PosixFileSystem files;
  Prepare(files, path, one.blocks);
  const std::size_t bytes = sync_bytes == kWriteBytes ? kFileBytes / 4 : kFileBytes;
  const auto begin = std::chrono::steady_clock::now();
  if (one.way == Way::kMapped) {
    AppendMap(path, sync_bytes, bytes);
  } else {
    AppendFile(files, path, one.way, sync_bytes, bytes);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  Must(files.Remove(path));
  return static_cast<double>(bytes) / 1e6 / took.count();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void Run(Runner& runner, const std::string& directory, const std::string& label) {
  const std::string path = directory + "/append_ways.tmp";
  for (const std::size_t sync_bytes : {kWriteBytes, kSyncBytesMax}) {
    std::vector<double> rates[std::size(kCases)];
    for (int round = 0; round < kRounds; ++round) {
      for (std::size_t i = 0; i < std::size(kCases); ++i)
        rates[i].push_back(Measure(kCases[i], sync_bytes, path));
    }
    for (std::size_t i = 0; i < std::size(kCases); ++i)
      runner.Report(
          {.name = fmt::format("append_{}{}_sync_{}KiB", label, kCases[i].name, sync_bytes >> 10),
           .unit = "MB/s",
           .measured = Median(rates[i])});
  }
}

}  // namespace
}  // namespace raftmq::bench

int main(int argc, char** argv) {
  std::string directory = ".", label;
  std::vector<char*> others{argv[0]};
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--directory" && i + 1 < argc) {
      directory = argv[++i];
    } else if (argument == "--label" && i + 1 < argc) {
      label = std::string(argv[++i]) + "_";
    } else {
      others.push_back(argv[i]);
    }
  }
  raftmq::bench::Runner runner(static_cast<int>(others.size()), others.data());
  raftmq::bench::Run(runner, directory, label);
  return 0;
}

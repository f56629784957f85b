#include "segment/posix_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <vector>

#include "protocol/types/check.h"
#include "segment/posix_error.h"
#include "segment/sigbus_guard.h"

namespace raftmq {
namespace {

constexpr std::size_t kZeroChunkBytes = 1u << 20;

// A mapping and a descriptor of its own, for readahead requests.
class PosixFileMap final : public FileMap {
 public:
  PosixFileMap(int descriptor, std::byte* base, std::size_t size, std::string path)
      : descriptor_(descriptor),
        base_(base),
        size_(size),
        path_(std::move(path)),
        guard_(std::in_place, base_, size_, path_) {}
  ~PosixFileMap() override {
    guard_.reset();
    if (size_ > 0) munmap(base_, size_);
    close(descriptor_);
  }

  ByteSpan bytes() const override { return {base_, size_}; }

  void AdviseSequential(bool sequential) override {
    if (size_ == 0) return;
    madvise(base_, size_, sequential ? MADV_SEQUENTIAL : MADV_RANDOM);
    posix_fadvise(descriptor_, 0, 0, sequential ? POSIX_FADV_SEQUENTIAL : POSIX_FADV_RANDOM);
  }

  bool IsResident(std::size_t at, std::size_t count) const override {
    const auto [begin, length] = Pages(at, count);
    std::vector<unsigned char> pages(AlignUp(length, kPageBytes) / kPageBytes);
    if (pages.empty()) return true;
    if (mincore(base_ + begin, length, pages.data()) != 0) return false;
    return std::all_of(pages.begin(), pages.end(),
                       [](unsigned char page) { return (page & 1) != 0; });
  }

  void Release(std::size_t at, std::size_t count) override {
    const std::size_t begin = AlignUp(at, kPageBytes);
    const std::size_t end = AlignDown(std::min(at + count, size_), kPageBytes);
    if (begin < end) madvise(base_ + begin, end - begin, MADV_DONTNEED);
  }

  Status Populate(std::size_t at, std::size_t count) override {
    const auto [begin, length] = Pages(at, count);
    if (length == 0) return Ok();
    posix_fadvise(descriptor_, static_cast<off_t>(begin), static_cast<off_t>(length),
                  POSIX_FADV_WILLNEED);
    int failed = 0;
    do {
      failed = madvise(base_ + begin, length, MADV_POPULATE_READ);
    } while (failed != 0 && (errno == EINTR || errno == EAGAIN));
    if (failed == 0) return Ok();
    // A disk that cannot read gives EFAULT (the SIGBUS of a plain access), never a signal here.
    const bool is_unreadable = errno == EFAULT || errno == EHWPOISON || errno == EIO;
    return Fail(is_unreadable ? ErrorCode::kIoError : ErrorCode::kInternal,
                fmt::format("cannot read {} bytes at {} of '{}' through its map: {}", length, begin,
                            path_, std::strerror(errno)));
  }

 private:
  std::pair<std::size_t, std::size_t> Pages(std::size_t at, std::size_t count) const {
    const std::size_t begin = std::min(AlignDown(at, kPageBytes), size_);
    return {begin, std::min(at + count, size_) - begin};
  }

  const int descriptor_;
  std::byte* const base_;
  const std::size_t size_;
  const std::string path_;
  std::optional<GuardedRange> guard_;  // Gone before the mapping is.
};

// A page-aligned block of zeros, as direct writes need it.
struct AlignedZeros {
  AlignedZeros() : data(static_cast<std::byte*>(std::aligned_alloc(kPageBytes, kZeroChunkBytes))) {
    RAFTMQ_CHECK(data != nullptr);
    std::fill_n(data, kZeroChunkBytes, std::byte{0});
  }
  ~AlignedZeros() { std::free(data); }
  AlignedZeros(const AlignedZeros&) = delete;
  AlignedZeros& operator=(const AlignedZeros&) = delete;
  std::byte* const data;
};

}  // namespace

PosixFile::~PosixFile() { close(descriptor_); }

Status PosixFile::Write(std::uint64_t at, ByteSpan bytes) {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return PosixFailure("write", path_, errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    at += static_cast<std::uint64_t>(written);
  }
  return Ok();
}

Status PosixFile::Read(std::uint64_t at, MutableByteSpan into) const {
  while (!into.empty()) {
    const ssize_t got = pread(descriptor_, into.data(), into.size(), static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return PosixFailure("read", path_, errno);
    if (got == 0)
      return Fail(ErrorCode::kIoError,
                  fmt::format("'{}' ends at {}: expected {} bytes more", path_, at, into.size()));
    into = into.subspan(static_cast<std::size_t>(got));
    at += static_cast<std::uint64_t>(got);
  }
  return Ok();
}

Status PosixFile::Sync() {
  if (!options_.syncs) return Ok();
  // Not repeated on EINTR or anything else: a sync that fails once says all there is to know.
  if (fdatasync(descriptor_) != 0) return PosixFailure("sync", path_, errno);
  return Ok();
}

Status PosixFile::Allocate(std::uint64_t size) {
  int failed = 0;
  do {
    failed = fallocate(descriptor_, 0, 0, static_cast<off_t>(size));
  } while (failed != 0 && errno == EINTR);
  if (failed == 0) return Ok();
  if (errno != EOPNOTSUPP) return PosixFailure("allocate", path_, errno);
  return WriteZeros(0, size);  // Sparse files would make a full disk a SIGBUS.
}

Status PosixFile::Zero(std::uint64_t at, std::uint64_t count) {
  if (count == 0) return Ok();
  if (fallocate(descriptor_, FALLOC_FL_ZERO_RANGE, static_cast<off_t>(at),
                static_cast<off_t>(count)) == 0)
    return Ok();
  if (errno != EOPNOTSUPP && errno != EINTR) return PosixFailure("zero a range of", path_, errno);
  return WriteZeros(at, count);
}

Status PosixFile::WriteZeros(std::uint64_t at, std::uint64_t count) {
  const AlignedZeros zeros;
  for (const std::uint64_t end = at + count; at < end;) {
    const std::size_t chunk =
        static_cast<std::size_t>(std::min<std::uint64_t>(end - at, kZeroChunkBytes));
    RAFTMQ_TRY(Write(at, {zeros.data, chunk}));
    at += chunk;
  }
  return Ok();
}

Result<std::uint64_t> PosixFile::Size() const {
  struct stat status {};
  if (fstat(descriptor_, &status) != 0) return PosixFailure("stat", path_, errno);
  return static_cast<std::uint64_t>(status.st_size);
}

Result<std::unique_ptr<FileMap>> PosixFile::Map() const {
  RAFTMQ_TRY_ASSIGN(const std::uint64_t size, Size());
  const int descriptor = open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor < 0) return PosixFailure("open", path_, errno);
  void* base = nullptr;
  if (size > 0) {
    base = mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor, 0);
    if (base == MAP_FAILED) {
      const int number = errno;
      close(descriptor);
      return PosixFailure("map", path_, number);
    }
  }
  auto map = std::make_unique<PosixFileMap>(descriptor, static_cast<std::byte*>(base), size, path_);
  map->AdviseSequential(false);
  return std::unique_ptr<FileMap>(std::move(map));
}

}  // namespace raftmq

#include "segment/posix_file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "segment/posix_error.h"
#include "segment/posix_file.h"

namespace raftmq {
namespace {

constexpr mode_t kFileMode = 0600;
constexpr mode_t kDirectoryMode = 0700;

class PosixLock final : public FileLock {
 public:
  explicit PosixLock(int descriptor) : descriptor_(descriptor) {}
  ~PosixLock() override { close(descriptor_); }

 private:
  const int descriptor_;
};

int FlagsOf(OpenMode mode) {
  switch (mode) {
    case OpenMode::kRead:
      return O_RDONLY;
    case OpenMode::kWrite:
      return O_RDWR;
    case OpenMode::kCreate:
      return O_RDWR | O_CREAT | O_EXCL;
    case OpenMode::kDirect:
      return O_RDWR | O_DIRECT;
  }
  return O_RDONLY;
}

// O_NONBLOCK: opening a fifo must not wait for a writer; regular files ignore it.
int OpenDescriptor(const std::string& path, int flags) {
  return open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, kFileMode);
}

// For the message of whoever is refused; the lock holds without it, so failures do not matter.
void LeavePid(int descriptor) {
  const std::string text = fmt::format("{}\n", getpid());
  if (ftruncate(descriptor, 0) != 0 || pwrite(descriptor, text.data(), text.size(), 0) < 0) return;
}

// ", pid 1234", or nothing if the holder left no number.
std::string HolderOf(int descriptor) {
  char text[16] = {};
  const ssize_t got = pread(descriptor, text, sizeof text - 1, 0);
  std::string digits(text, got > 0 ? static_cast<std::size_t>(got) : 0);
  digits.resize(std::min(digits.find_first_not_of("0123456789"), digits.size()));
  return digits.empty() ? "" : ", pid " + digits;
}

FileType TypeOf(mode_t mode) {
  if (S_ISREG(mode)) return FileType::kRegular;
  return S_ISDIR(mode) ? FileType::kDirectory : FileType::kOther;
}

}  // namespace

Result<std::unique_ptr<File>> PosixFileSystem::Open(const std::string& path, OpenMode mode) {
  bool direct = mode == OpenMode::kDirect;
  int descriptor = OpenDescriptor(path, FlagsOf(mode));
  if (descriptor < 0 && errno == EINVAL && direct) {  // A file system that refuses O_DIRECT.
    direct = false;
    descriptor = OpenDescriptor(path, FlagsOf(OpenMode::kWrite));
  }
  if (descriptor < 0) return PosixFailure("open", path, errno);
  struct stat status {};
  if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(descriptor);
    return Fail(ErrorCode::kForeignDirectory,
                fmt::format("expected a regular file at '{}', found another type", path));
  }
  if (status.st_uid != geteuid()) {
    close(descriptor);
    return Fail(ErrorCode::kForeignDirectory,
                fmt::format("expected '{}' to belong to user {}, who runs this; it belongs to {}",
                            path, geteuid(), status.st_uid));
  }
  return std::unique_ptr<File>(std::make_unique<PosixFile>(
      descriptor, PosixFile::Options{.is_direct = direct, .syncs = syncing_ == Syncing::kOn},
      path));
}

Status PosixFileSystem::Rename(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) != 0) return PosixFailure("rename", from, errno);
  return Ok();
}

Status PosixFileSystem::Remove(const std::string& path) {
  if (remove(path.c_str()) != 0) return PosixFailure("remove", path, errno);
  return Ok();
}

Status PosixFileSystem::CreateDirectory(const std::string& path) {
  if (mkdir(path.c_str(), kDirectoryMode) != 0) return PosixFailure("make directory", path, errno);
  return Ok();
}

Status PosixFileSystem::SyncDirectory(const std::string& path) {
  if (syncing_ == Syncing::kUnsafeOff) return Ok();
  const int descriptor = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return PosixFailure("open directory", path, errno);
  const int number = fsync(descriptor) == 0 ? 0 : errno;
  close(descriptor);
  if (number != 0) return PosixFailure("sync directory", path, number);
  return Ok();
}

Result<std::vector<DirectoryEntry>> PosixFileSystem::List(const std::string& path) {
  DIR* const directory = opendir(path.c_str());
  if (!directory) return PosixFailure("list", path, errno);
  std::vector<DirectoryEntry> entries;
  while (const dirent* const entry = readdir(directory)) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct stat status {};
    if (fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0)
      continue;  // Gone meanwhile.
    entries.push_back({name, TypeOf(status.st_mode)});
  }
  closedir(directory);
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return entries;
}

Result<std::unique_ptr<FileLock>> PosixFileSystem::Lock(const std::string& path) {
  const int descriptor = OpenDescriptor(path, O_RDWR | O_CREAT);
  if (descriptor < 0) return PosixFailure("open", path, errno);
  if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) {
    LeavePid(descriptor);
    return std::unique_ptr<FileLock>(std::make_unique<PosixLock>(descriptor));
  }
  const int number = errno;
  const std::string holder = HolderOf(descriptor);
  close(descriptor);
  if (number == EWOULDBLOCK)
    return Fail(ErrorCode::kLocked,
                fmt::format("'{}' is locked by another process{}", path, holder));
  return PosixFailure("lock", path, number);
}

Result<std::uint64_t> PosixFileSystem::FreeBytes(const std::string& path) {
  struct statvfs status {};
  if (statvfs(path.c_str(), &status) != 0)
    return PosixFailure("ask for free space of", path, errno);
  return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

Result<PathInfo> PosixFileSystem::Inspect(const std::string& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return PosixFailure("stat", path, errno);
  return PathInfo{.type = TypeOf(status.st_mode), .owned_by_us = status.st_uid == geteuid()};
}

}  // namespace raftmq

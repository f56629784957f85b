// The only door to the disk. Three implementations: the real one, one in memory that keeps apart
// what is durable and what is not (and records every step, to build the images a crash may leave),
// and one that puts faults in front of another.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "protocol/types/bytes.h"
#include "raftmq/result.h"

namespace raftmq {

inline constexpr std::size_t kPageBytes = 4096;    // Unit of direct writes.
inline constexpr std::byte kUnreadableByte{0xFF};  // Stands for what a disk cannot read.
inline constexpr std::size_t kSectorBytes = 512;   // Unit that a power cut leaves old or new.

enum class OpenMode {
  kRead,    // Must exist.
  kWrite,   // Must exist; buffered.
  kCreate,  // Must not exist; buffered.
  kDirect,  // Must exist; direct I/O where the file system grants it, else buffered: see
            // IsDirect().
};

// A read-only mapping of a whole file. The bytes live as long as the object.
class FileMap {
 public:
  virtual ~FileMap() = default;
  virtual ByteSpan bytes() const = 0;
  // Tells the kernel how the range is read next: sequentially, or at random (no readahead).
  virtual void AdviseSequential(bool sequential) = 0;
  // True if no byte of the range has to come from the disk (a hint: it may change at once).
  virtual bool IsResident(std::size_t at, std::size_t count) const = 0;
  // Brings the range into memory; blocks. kIoError if the disk cannot read it, kInternal if the
  // system has not even tried.
  virtual Status Populate(std::size_t at, std::size_t count) = 0;
  // A hint that the range was read and will not be again soon: the process need not map its pages.
  // They stay in the page cache, and the bytes stay valid.
  virtual void Release(std::size_t, std::size_t) {}
};

// One open file. Used by one thread at a time. Closed by its destructor.
// Failed writes and syncs come back as kIoError and are final: the caller ends the process.
class File {
 public:
  virtual ~File() = default;
  // Writes all of `bytes` at `at`. A direct file needs `at`, the size and the address of bytes to
  // be multiples of kPageBytes. Errors: kDiskFull (ENOSPC, EDQUOT), kIoError.
  virtual Status Write(std::uint64_t at, ByteSpan bytes) = 0;
  // Reads exactly into.size() bytes; kIoError if the disk fails or the file ends before.
  // Direct files have Write's alignment rules.
  virtual Status Read(std::uint64_t at, MutableByteSpan into) const = 0;
  // Makes all finished writes, the size and the allocation of this file durable (fdatasync).
  virtual Status Sync() = 0;
  // Reserves blocks for the whole range and extends the size; kDiskFull if there is no room.
  virtual Status Allocate(std::uint64_t size) = 0;
  // Makes the range read as zeros, allocated (FALLOC_FL_ZERO_RANGE, else written zeros).
  virtual Status Zero(std::uint64_t at, std::uint64_t count) = 0;
  virtual Result<std::uint64_t> Size() const = 0;
  virtual Result<std::unique_ptr<FileMap>> Map() const = 0;
  virtual bool IsDirect() const = 0;
  virtual const std::string& path() const = 0;
};

// Released when destroyed.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

enum class FileType { kRegular, kDirectory, kOther };
struct DirectoryEntry {
  std::string name;
  FileType type = FileType::kRegular;  // Symbolic links, fifos and devices are kOther.
  bool operator==(const DirectoryEntry&) const = default;
};

// What a path names, without following a symbolic link.
struct PathInfo {
  FileType type = FileType::kRegular;
  bool owned_by_us = true;  // The owner is this process's effective user.
};

// Thread-safe. Paths are as given by the caller; nothing follows a symbolic link in the last part.
// Created files have mode 0600, directories 0700.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  // Errors: kNotFound, kAlreadyExists (kCreate), kForeignDirectory (not a regular file, or somebody
  // else's), kDiskFull, kIoError.
  virtual Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) = 0;
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  virtual Status Remove(const std::string& path) = 0;           // A file or an empty directory.
  virtual Status CreateDirectory(const std::string& path) = 0;  // kAlreadyExists if it is there.
  virtual Status SyncDirectory(const std::string& path) = 0;    // Makes names in it durable.
  virtual Result<std::vector<DirectoryEntry>> List(const std::string& path) = 0;  // Sorted by name.
  virtual Result<std::unique_ptr<FileLock>> Lock(const std::string& path) = 0;  // kLocked if held.
  virtual Result<std::uint64_t> FreeBytes(const std::string& path) = 0;
  virtual Result<PathInfo> Inspect(const std::string& path) = 0;  // kNotFound.
};

}  // namespace raftmq

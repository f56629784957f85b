// A whole disk in memory: a tree of names and the files under them, each with what programs see and
// what a power cut would leave. A value: a copy is a snapshot, cheap because pages are shared.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "raftmq/result.h"
#include "segment/crash_chooser.h"
#include "segment/file_system.h"
#include "segment/memory_inode.h"

namespace raftmq {

// What a power cut may do: each change of names (create, remove, rename) that no SyncDirectory of
// its directory followed is kept or lost on its own, a rename as a whole; for files see
// MemoryInode. Not thread-safe.
class MemoryDisk {
 public:
  using InodeNumber = std::uint64_t;

  // Begins with an empty root directory "/". Relative paths begin there too.
  explicit MemoryDisk(std::uint64_t capacity_bytes = std::uint64_t{1} << 40);

  // Errors: kNotFound, kForeignDirectory if a part before the last is not a directory.
  Result<InodeNumber> Find(const std::string& path) const;
  Result<InodeNumber> Create(const std::string& path, FileType type);  // kAlreadyExists.
  Status Remove(const std::string& path);
  Status Rename(const std::string& from, const std::string& to);
  Status SyncDirectory(const std::string& path);
  Result<std::vector<DirectoryEntry>> List(const std::string& path) const;
  FileType TypeOf(InodeNumber number) const { return nodes_.at(number).type; }

  // An open file outlives its name. Each Hold needs one Release.
  void Hold(InodeNumber number) { ++nodes_.at(number).held; }
  void Release(InodeNumber number);

  // REQUIRES: a held regular file. Errors: kDiskFull.
  Status Write(InodeNumber number, std::uint64_t at, ByteSpan bytes);
  Status Zero(InodeNumber number, std::uint64_t at, std::uint64_t count);
  Status Allocate(InodeNumber number, std::uint64_t size);
  void Sync(InodeNumber number);
  const MemoryInode& Content(InodeNumber number) const { return nodes_.at(number).content; }
  void Damage(InodeNumber number, std::uint64_t at, std::byte flips);

  std::uint64_t FreeBytes() const;
  void SetCapacity(std::uint64_t bytes) { capacity_pages_ = bytes / kPageBytes; }

  // How many questions AfterPowerCut will ask.
  std::size_t unsynced_units() const;
  // Equal for two moments of one disk's life if nothing was synced between them.
  std::uint64_t synced_sum() const { return units_.synced_sum(); }
  MemoryDisk AfterPowerCut(CrashChooser& chooser) const;

 private:
  using Names = std::map<std::string, InodeNumber, std::less<>>;
  struct Node {
    FileType type = FileType::kRegular;
    MemoryInode content;  // kRegular.
    Names seen, durable;  // kDirectory.
    int held = 0;
  };
  struct Place {
    InodeNumber directory = 0;  // 0 = none.
    std::string name;
  };
  // Create: only `to`. Remove: only `from`. Rename: both, kept or lost together.
  struct NameChange {
    std::uint64_t unit = 0;
    Place from, to;
    InodeNumber node = 0;
  };

  Result<Place> PlaceOf(const std::string& path) const;
  Status TakeRoom(std::uint64_t pages);
  // Makes the change visible, and remembers it as not durable.
  void Change(NameChange change);
  static void Apply(const NameChange& change, Names Node::*view,
                    std::map<InodeNumber, Node>* nodes);
  void DropUnreachable();

  std::map<InodeNumber, Node> nodes_;
  InodeNumber last_number_ = 1;
  std::vector<NameChange> unsynced_names_;  // In the order they were made.
  UnsyncedUnits units_;
  std::uint64_t capacity_pages_ = 0;
};

}  // namespace raftmq

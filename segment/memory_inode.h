// The content of one file of the disk in memory: as programs see it, and as it would be found after
// a power cut.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "protocol/types/bytes.h"
#include "segment/crash_chooser.h"
#include "segment/file_system.h"

namespace raftmq {

// Hands out the numbers of unsynced changes and remembers, as one sum, which of them were synced:
// two disks with the same history and the same sum have promised the same.
class UnsyncedUnits {
 public:
  std::uint64_t Next() { return ++last_; }
  void Synced(std::uint64_t unit) { synced_sum_ += Mixed(unit); }
  std::uint64_t synced_sum() const { return synced_sum_; }
  // A well-spread word for a number.
  static std::uint64_t Mixed(std::uint64_t number);

 private:
  std::uint64_t last_ = 0;
  std::uint64_t synced_sum_ = 0;
};

// A value: copies share their pages and are cheap. Not thread-safe.
class MemoryInode {
 public:
  using Page = std::array<std::byte, kPageBytes>;
  using PagePointer = std::shared_ptr<const Page>;  // Null reads as zeros.

  std::uint64_t size() const { return seen_.size; }
  std::uint64_t allocated_pages() const { return seen_.allocated; }
  // Pages of [at, at + count) that still have no blocks.
  std::uint64_t MissingPages(std::uint64_t at, std::uint64_t count) const;

  // REQUIRES: the disk has room for MissingPages.
  void Write(std::uint64_t at, ByteSpan bytes, UnsyncedUnits* units);
  void Zero(std::uint64_t at, std::uint64_t count, UnsyncedUnits* units);
  void Allocate(std::uint64_t size, UnsyncedUnits* units);
  // REQUIRES: at + into.size() <= size().
  void Read(std::uint64_t at, MutableByteSpan into) const;
  // The whole file into zeroed memory, touching only what is not zero. REQUIRES: into has size().
  void ReadOver(MutableByteSpan zeros) const;
  void Sync(UnsyncedUnits* units);

  std::size_t unsynced_units() const { return unsynced_.size(); }
  MemoryInode AfterPowerCut(CrashChooser& chooser) const;
  // Flips bits of what is stored, whether it is synced or not: decay, not a write. REQUIRES: at <
  // size().
  void Damage(std::uint64_t at, std::byte flips);

 private:
  struct Slot {
    PagePointer page;
    bool allocated = false;
    SectorMask synced = 0;  // Sectors that hold synced bytes; kept in the durable view only.
  };
  struct View {
    std::vector<Slot> slots;
    std::uint64_t size = 0;
    std::uint64_t allocated = 0;  // Slots with blocks.
    Slot& At(std::uint64_t page);
    void MarkAllocated(std::uint64_t page);
  };
  struct Unsynced {
    enum class Kind { kPage, kSize, kAllocation } kind = Kind::kPage;
    std::uint64_t unit = 0;
    std::uint64_t page = 0;  // kAllocation: first page.
    std::uint64_t end = 0;   // kAllocation: the page after the last. kSize: the size.
    SectorMask written = 0;
    PagePointer after;  // kPage: the whole page as the write left it.
  };

  // `bytes` null: zeros.
  void Change(std::uint64_t at, std::uint64_t count, const std::byte* bytes, UnsyncedUnits* units);
  void Grow(std::uint64_t size, UnsyncedUnits* units);
  // Returns the sectors that the change put on the disk.
  static SectorMask Apply(const Unsynced& change, CrashChooser& chooser, View* view);
  static void CutAtSize(View* view);

  View seen_;
  View durable_;
  std::vector<Unsynced> unsynced_;  // In the order they were made.
};

}  // namespace raftmq

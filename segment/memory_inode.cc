#include "segment/memory_inode.h"

#include <algorithm>
#include <cstring>

#include "protocol/types/check.h"

namespace raftmq {
namespace {

constexpr SectorMask kAllSectors = 0xFF;
static_assert(kPageBytes / kSectorBytes == 8, "a SectorMask has one bit for each sector of a page");

SectorMask SectorsOf(std::size_t begin, std::size_t end) {
  const std::size_t first = begin / kSectorBytes;
  const std::size_t after = (end + kSectorBytes - 1) / kSectorBytes;
  return static_cast<SectorMask>((0xFFu >> (8 - (after - first))) << first);
}

std::shared_ptr<MemoryInode::Page> CopyOf(const MemoryInode::PagePointer& page) {
  if (page) return std::make_shared<MemoryInode::Page>(*page);
  auto zeros = std::make_shared<MemoryInode::Page>();
  zeros->fill(std::byte{0});
  return zeros;
}

void Garble(std::uint64_t unit, std::size_t sector, MemoryInode::Page* page) {
  for (std::size_t i = 0; i < kSectorBytes; i += sizeof(std::uint64_t))
    StoreLittleEndian(page->data() + sector * kSectorBytes + i,
                      UnsyncedUnits::Mixed((unit << 12) + sector * kSectorBytes + i));
}

}  // namespace

std::uint64_t UnsyncedUnits::Mixed(std::uint64_t number) {
  std::uint64_t z = (number + 1) * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

MemoryInode::Slot& MemoryInode::View::At(std::uint64_t page) {
  if (slots.size() <= page) slots.resize(page + 1);
  return slots[page];
}

void MemoryInode::View::MarkAllocated(std::uint64_t page) {
  Slot& slot = At(page);
  if (!slot.allocated) ++allocated;
  slot.allocated = true;
}

std::uint64_t MemoryInode::MissingPages(std::uint64_t at, std::uint64_t count) const {
  if (count == 0) return 0;
  std::uint64_t missing = 0;
  for (std::uint64_t page = at / kPageBytes; page <= (at + count - 1) / kPageBytes; ++page)
    missing += page >= seen_.slots.size() || !seen_.slots[page].allocated ? 1 : 0;
  return missing;
}

void MemoryInode::Write(std::uint64_t at, ByteSpan bytes, UnsyncedUnits* units) {
  Change(at, bytes.size(), bytes.data(), units);
}

void MemoryInode::Zero(std::uint64_t at, std::uint64_t count, UnsyncedUnits* units) {
  Change(at, count, nullptr, units);
}

void MemoryInode::Change(std::uint64_t at, std::uint64_t count, const std::byte* bytes,
                         UnsyncedUnits* units) {
  if (count == 0) return;
  const std::uint64_t end = at + count;
  while (at < end) {
    const std::uint64_t number = at / kPageBytes;
    const std::size_t begin = at % kPageBytes;
    const std::size_t part = std::min<std::uint64_t>(kPageBytes - begin, end - at);
    Slot& slot = seen_.At(number);
    if (!bytes && part == kPageBytes) {
      slot.page = nullptr;
    } else {
      auto page = CopyOf(slot.page);
      if (bytes) std::memcpy(page->data() + begin, bytes, part);
      if (!bytes) std::memset(page->data() + begin, 0, part);
      slot.page = std::move(page);
    }
    seen_.MarkAllocated(number);
    unsynced_.push_back({.unit = units->Next(),
                         .page = number,
                         .written = SectorsOf(begin, begin + part),
                         .after = slot.page});
    if (bytes) bytes += part;
    at += part;
  }
  Grow(end, units);
}

void MemoryInode::Grow(std::uint64_t size, UnsyncedUnits* units) {
  if (size <= seen_.size) return;
  seen_.size = size;
  unsynced_.push_back({.kind = Unsynced::Kind::kSize, .unit = units->Next(), .end = size});
}

void MemoryInode::Allocate(std::uint64_t size, UnsyncedUnits* units) {
  const std::uint64_t pages = AlignUp(size, kPageBytes) / kPageBytes;
  if (MissingPages(0, size) > 0) {
    for (std::uint64_t page = 0; page < pages; ++page) seen_.MarkAllocated(page);
    unsynced_.push_back(
        {.kind = Unsynced::Kind::kAllocation, .unit = units->Next(), .page = 0, .end = pages});
  }
  Grow(size, units);
}

void MemoryInode::Read(std::uint64_t at, MutableByteSpan into) const {
  RAFTMQ_CHECK(at + into.size() <= seen_.size);
  while (!into.empty()) {
    const std::uint64_t number = at / kPageBytes;
    const std::size_t begin = at % kPageBytes;
    const std::size_t part = std::min(kPageBytes - begin, into.size());
    const PagePointer page = number < seen_.slots.size() ? seen_.slots[number].page : PagePointer();
    if (page) std::memcpy(into.data(), page->data() + begin, part);
    if (!page) std::memset(into.data(), 0, part);
    into = into.subspan(part);
    at += part;
  }
}

void MemoryInode::ReadOver(MutableByteSpan zeros) const {
  RAFTMQ_CHECK(zeros.size() == seen_.size);
  for (std::size_t number = 0; number < seen_.slots.size(); ++number) {
    const std::size_t at = number * kPageBytes;
    if (!seen_.slots[number].page || at >= zeros.size()) continue;
    std::memcpy(zeros.data() + at, seen_.slots[number].page->data(),
                std::min(kPageBytes, zeros.size() - at));
  }
}

void MemoryInode::Sync(UnsyncedUnits* units) {
  UniformCrashChooser all(true);
  for (const Unsynced& change : unsynced_) {
    const SectorMask stored = Apply(change, all, &durable_);
    if (stored != 0) durable_.At(change.page).synced |= stored;
    units->Synced(change.unit);
  }
  unsynced_.clear();
}

// Later changes go over earlier ones; what was lost in between is simply not applied.
SectorMask MemoryInode::Apply(const Unsynced& change, CrashChooser& chooser, View* view) {
  if (change.kind != Unsynced::Kind::kPage) {
    if (!chooser.Keeps(change.unit)) return 0;
    if (change.kind == Unsynced::Kind::kSize) view->size = std::max(view->size, change.end);
    if (change.kind == Unsynced::Kind::kAllocation)
      for (std::uint64_t page = change.page; page < change.end; ++page) view->MarkAllocated(page);
    return 0;
  }
  const CrashChooser::PageFate fate = chooser.FateOf(change.unit, change.written);
  Slot& slot = view->At(change.page);
  const auto kept = static_cast<SectorMask>(fate.kept & change.written);
  const auto garbled =
      static_cast<SectorMask>(fate.garbled & change.written & ~kept & ~slot.synced);
  const auto stored = static_cast<SectorMask>(kept | garbled);
  if (stored == 0) return 0;
  view->MarkAllocated(change.page);
  if (kept == kAllSectors) {
    slot.page = change.after;
    return stored;
  }
  auto page = CopyOf(slot.page);
  for (std::size_t sector = 0; sector < 8; ++sector) {
    std::byte* const to = page->data() + sector * kSectorBytes;
    if ((kept >> sector & 1) != 0) {
      if (change.after) std::memcpy(to, change.after->data() + sector * kSectorBytes, kSectorBytes);
      if (!change.after) std::memset(to, 0, kSectorBytes);
    } else if ((garbled >> sector & 1) != 0) {
      Garble(change.unit, sector, page.get());
    }
  }
  slot.page = std::move(page);
  return stored;
}

// Bytes that reached the disk behind a size that did not are not in the file.
void MemoryInode::CutAtSize(View* view) {
  const std::uint64_t pages = AlignUp(view->size, kPageBytes) / kPageBytes;
  while (view->slots.size() > pages) {
    if (view->slots.back().allocated) --view->allocated;
    view->slots.pop_back();
  }
  const std::size_t rest = view->size % kPageBytes;
  if (rest == 0 || view->slots.size() < pages || !view->slots.back().page) return;
  auto page = CopyOf(view->slots.back().page);
  std::memset(page->data() + rest, 0, kPageBytes - rest);
  view->slots.back().page = std::move(page);
}

MemoryInode MemoryInode::AfterPowerCut(CrashChooser& chooser) const {
  MemoryInode left;
  left.durable_ = durable_;
  std::vector<SectorMask> stored;
  for (const Unsynced& change : unsynced_) stored.push_back(Apply(change, chooser, &left.durable_));
  // Only now, so that two unsynced writes of one sector may both be garbled. The page's other
  // sectors too: what they hold now, zeros perhaps, has outlived a power cut.
  for (std::size_t i = 0; i < stored.size(); ++i)
    if (stored[i] != 0) left.durable_.At(unsynced_[i].page).synced = kAllSectors;
  CutAtSize(&left.durable_);
  left.seen_ = left.durable_;
  return left;
}

void MemoryInode::Damage(std::uint64_t at, std::byte flips) {
  RAFTMQ_CHECK(at < seen_.size);
  for (View* const view : {&seen_, &durable_}) {
    if (at / kPageBytes >= view->slots.size()) continue;
    Slot& slot = view->slots[at / kPageBytes];
    auto page = CopyOf(slot.page);
    (*page)[at % kPageBytes] ^= flips;
    slot.page = std::move(page);
  }
  // What is written and not synced yet decays with what is seen of it.
  for (Unsynced& change : unsynced_) {
    const SectorMask hit = SectorsOf(at % kPageBytes, at % kPageBytes + 1);
    if (change.kind != Unsynced::Kind::kPage || change.page != at / kPageBytes) continue;
    if ((change.written & hit) == 0) continue;
    auto page = CopyOf(change.after);
    (*page)[at % kPageBytes] ^= flips;
    change.after = std::move(page);
  }
}

}  // namespace raftmq

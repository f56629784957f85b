// Which pages of a mapped file can be read. A page that the disk cannot read must not be touched:
// that would end the process (SIGBUS).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

#include "raftmq/result.h"
#include "segment/file_system.h"

namespace raftmq {

// Of one read; used by one thread at a time. The map outlives it.
class MapPages {
 public:
  explicit MapPages(FileMap& map) : map_(map) {}

  // Brings the range into memory in one piece: page faults without readahead take ten times as
  // long. If that fails, each page is looked at when it is asked for.
  void Load(std::uint64_t at, std::uint64_t count);
  // The range is in memory.
  void TakeAsLoaded(std::uint64_t at, std::uint64_t count);
  // Brings in what is not there yet, page by page.
  bool IsReadable(std::uint64_t at, std::uint64_t count);
  // Copies the range. What cannot be read becomes bytes that are no frame, nor zeros.
  // REQUIRES: it lies in the map.
  void Copy(std::uint64_t at, MutableByteSpan into);
  // Why some page counts as unreadable though the disk has not said that it is; null if none does.
  const Error* failure() const { return failure_ ? &*failure_ : nullptr; }

 private:
  bool IsPageReadable(std::uint64_t page);

  FileMap& map_;
  std::uint64_t loaded_from_ = 0, loaded_to_ = 0;
  std::map<std::uint64_t, bool> pages_;  // Of those that were looked at one by one.
  std::optional<Error> failure_;
};

}  // namespace raftmq

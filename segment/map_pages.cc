#include "segment/map_pages.h"

#include <algorithm>
#include <cstring>

namespace raftmq {

void MapPages::Load(std::uint64_t at, std::uint64_t count) {
  const Status loaded = map_.Populate(at, count);
  if (loaded) return TakeAsLoaded(at, count);
  if (loaded.error().code != ErrorCode::kIoError) failure_ = loaded.error();
}

void MapPages::TakeAsLoaded(std::uint64_t at, std::uint64_t count) {
  loaded_from_ = at;
  loaded_to_ = at + count;
}

bool MapPages::IsReadable(std::uint64_t at, std::uint64_t count) {
  if (at >= loaded_from_ && at + count <= loaded_to_) return true;
  for (std::uint64_t page = AlignDown(at, kPageBytes); page < at + count; page += kPageBytes) {
    if (!IsPageReadable(page)) return false;
  }
  return true;
}

bool MapPages::IsPageReadable(std::uint64_t page) {
  if (page >= loaded_from_ && page + kPageBytes <= loaded_to_) return true;
  const auto known = pages_.find(page);
  if (known != pages_.end()) return known->second;
  const Status loaded = map_.Populate(page, kPageBytes);
  if (!loaded && loaded.error().code != ErrorCode::kIoError) failure_ = loaded.error();
  pages_.emplace(page, loaded.has_value());
  return loaded.has_value();
}

void MapPages::Copy(std::uint64_t at, MutableByteSpan into) {
  const ByteSpan bytes = map_.bytes();
  while (!into.empty()) {
    const std::uint64_t page = AlignDown(at, kPageBytes);
    const std::size_t count = std::min<std::size_t>(into.size(), page + kPageBytes - at);
    if (IsPageReadable(page)) {
      std::memcpy(into.data(), bytes.data() + at, count);
    } else {
      std::fill_n(into.data(), count, kUnreadableByte);
    }
    at += count;
    into = into.subspan(count);
  }
}

}  // namespace raftmq

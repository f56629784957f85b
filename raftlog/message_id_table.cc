#include "raftlog/message_id_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "protocol/types/check.h"
#include "segment/byte_codec.h"

namespace raftmq {
namespace {

constexpr std::size_t kHeadBytes = 4;
constexpr std::size_t kIdBytes = 32;

}  // namespace

std::optional<StoredBatch> MessageIdTable::Find(const MessageId& id) const {
  const auto found = ids_.find(id);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

void MessageIdTable::Append(const MessageId& id, const StoredBatch& stored) {
  Appended undo;
  const auto [place, is_new] = ids_.try_emplace(id, stored);
  if (!is_new) undo.before = std::exchange(place->second, stored);
  order_.push_back({id, stored});
  undo_.push_back({stored.index, undo});
}

void MessageIdTable::Expire(Index index, std::int64_t before_ms) {
  Expired undo;
  while (HasOlderThan(before_ms)) {
    const Entry oldest = order_.front();
    order_.pop_front();
    if (IsNewest(oldest)) ids_.erase(oldest.id);
    undo.dropped.push_back(oldest);
  }
  undo_.push_back({index, std::move(undo)});
}

bool MessageIdTable::IsNewest(const Entry& entry) const {
  const auto found = ids_.find(entry.id);
  return found != ids_.end() && found->second.base_offset == entry.stored.base_offset;
}

void MessageIdTable::UndoAfter(Index last_kept) {
  while (!undo_.empty() && undo_.back().index > last_kept) {
    std::visit([this](const auto& change) { TakeBack(change); }, undo_.back().change);
    undo_.pop_back();
  }
}

void MessageIdTable::TakeBack(const Appended& appended) {
  const MessageId id = order_.back().id;
  order_.pop_back();
  if (appended.before) {
    ids_[id] = *appended.before;
  } else {
    ids_.erase(id);
  }
}

// An id that is known all the same came again later.
void MessageIdTable::TakeBack(const Expired& expired) {
  for (const Entry& entry : expired.dropped) {
    const auto [place, is_new] = ids_.try_emplace(entry.id, entry.stored);
    if (!is_new && place->second.base_offset < entry.stored.base_offset)
      place->second = entry.stored;
  }
  order_.insert(order_.begin(), expired.dropped.begin(), expired.dropped.end());
}

void MessageIdTable::SetCommit(Index commit) {
  while (!undo_.empty() && undo_.front().index <= commit) undo_.pop_front();
}

std::int64_t MessageIdTable::ExpiryOf(std::size_t count, std::int64_t before_ms) const {
  if (order_.size() <= count) return before_ms;
  const std::int64_t first_kept_ms = order_[count].stored.append_time_ms;
  return std::min(before_ms, std::max(first_kept_ms, order_.front().stored.append_time_ms + 1));
}

ByteBuffer MessageIdTable::Encode() const {
  if (ids_.empty()) return {};
  ByteWriter out;
  out.Put(static_cast<std::uint32_t>(ids_.size()));
  // The look-ups take most of the time, and mostly no id came twice.
  const bool are_all_newest = order_.size() == ids_.size();
  for (const Entry& entry : order_) {
    if (!are_all_newest && !IsNewest(entry)) continue;
    out.Put(entry.id.high);
    out.Put(entry.id.low);
    out.Put(entry.stored.base_offset.value());
    out.Put(entry.stored.append_time_ms);
  }
  RAFTMQ_CHECK(out.bytes().size() == encoded_bytes());
  ByteBuffer encoded(out.bytes().size());
  std::ranges::copy(out.bytes(), encoded.data());
  return encoded;
}

std::size_t MessageIdTable::encoded_bytes() const {
  return ids_.empty() ? 0 : kHeadBytes + ids_.size() * kIdBytes;
}

Result<MessageIdTable> MessageIdTable::Decode(ByteSpan bytes) {
  MessageIdTable table;
  if (bytes.empty()) return table;
  ByteReader in(bytes);
  const auto count = in.Get<std::uint32_t>();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    Entry entry;
    entry.id.high = in.Get<std::uint64_t>();
    entry.id.low = in.Get<std::uint64_t>();
    entry.stored.base_offset = Offset(in.Get<std::uint64_t>());
    entry.stored.append_time_ms = in.Get<std::int64_t>();
    const bool rises = table.order_.empty() ||
                       (table.order_.back().stored.base_offset < entry.stored.base_offset &&
                        table.order_.back().stored.append_time_ms <= entry.stored.append_time_ms);
    if (!rises || !table.ids_.emplace(entry.id, entry.stored).second) {
      return Fail(ErrorCode::kBadBatch,
                  fmt::format("expected a message id above offset {}, each once, found offset {}",
                              table.order_.back().stored.base_offset.value(),
                              entry.stored.base_offset.value()));
    }
    table.order_.push_back(entry);
  }
  if (count == 0 || !in.ok() || in.left() != 0) {
    return Fail(ErrorCode::kBadBatch,
                fmt::format("a table of {} message ids has fields of another length than {} bytes",
                            count, bytes.size()));
  }
  return table;
}

}  // namespace raftmq

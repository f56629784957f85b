#include "consumer/read_queue.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace raftmq::internal {
namespace {

// A batch that came damaged is asked for again: the copy may have been hurt on the way.
constexpr std::uint32_t kDamagedInARowMax = 3;
constexpr std::chrono::hours kLongest{24 * 365};  // So that no deadline overflows.

// Of the last of several batches; 0 if they cannot be told apart.
Term LastTerm(ByteSpan batches) {
  Term term;
  while (!batches.empty()) {
    const Result<BatchHeader> header = ParseBatchHeader(batches);
    if (!header) return Term();
    term = header->leader.term;
    batches = batches.subspan(std::min(header->padded_length(), batches.size()));
  }
  return term;
}

}  // namespace

ReadQueue::ReadQueue(std::vector<std::uint32_t> partitions, Events events)
    : events_(std::move(events)), slots_(partitions.size()) {
  for (std::size_t i = 0; i < partitions.size(); ++i) slots_[i].partition = partitions[i];
}

Result<std::optional<ReadQueue::Lease>> ReadQueue::Take(std::chrono::milliseconds timeout) {
  const auto deadline =
      std::chrono::steady_clock::now() + std::min<std::chrono::milliseconds>(timeout, kLongest);
  std::unique_lock lock(mutex_);
  bool in_time = true;
  while (!stopped_) {
    while (const auto index = FindReady()) {
      const Slot& slot = slots_[*index];
      if (slot.chunks.empty()) return Fail(*slot.error);
      Result<std::optional<Lease>> taken = Read(lock, *index);
      if (!taken || taken->has_value()) return taken;
    }
    if (!restarts_.empty()) {
      const auto restarts = std::exchange(restarts_, {});
      lock.unlock();
      for (const std::size_t slot : restarts) events_.on_restart(slot);
      lock.lock();
      continue;
    }
    if (!in_time) break;
    in_time = changed_.wait_until(lock, deadline) == std::cv_status::no_timeout;
  }
  return std::optional<Lease>();
}

std::optional<std::size_t> ReadQueue::FindReady() {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const std::size_t index = (next_ + i) % slots_.size();
    const Slot& slot = slots_[index];
    if (slot.busy || slot.paused || (slot.chunks.empty() && !slot.error)) continue;
    next_ = index + 1;
    return index;
  }
  return std::nullopt;
}

Result<std::optional<ReadQueue::Lease>> ReadQueue::Read(std::unique_lock<std::mutex>& lock,
                                                        std::size_t index) {
  Slot& slot = slots_[index];
  const Chunk& chunk = slot.chunks.front();
  slot.busy = true;
  Lease lease{.slot = index,
              .generation = slot.generation,
              .freed_bytes = 0,
              .bytes = chunk.bytes.Slice(chunk.at, chunk.bytes.size() - chunk.at),
              .batch = {}};
  const std::uint32_t partition_number = slot.partition;
  const Offset position = slot.position;
  const bool is_first = slot.is_first;
  lock.unlock();  // Hashing and decompressing are the long part.
  Result<ReadBatch> batch = ReadNextBatch(lease.bytes.view(), partition_number, position, is_first);
  lock.lock();
  return Accept(slot, std::move(lease), std::move(batch));
}

Result<std::optional<ReadQueue::Lease>> ReadQueue::Accept(Slot& slot, Lease lease,
                                                          Result<ReadBatch> batch) {
  slot.busy = false;
  if (slot.generation != lease.generation) return std::optional<Lease>();
  if (!batch) {
    OnDamage(slot, batch.error());
    return std::optional<Lease>();
  }
  slot.damaged_in_a_row = 0;
  slot.is_first = false;
  slot.from_log_start = false;
  slot.position = batch->next_position;
  slot.term_before = batch->term;
  Chunk& chunk = slot.chunks.front();
  chunk.at += batch->padded_bytes;
  if (chunk.at == chunk.bytes.size()) {
    lease.freed_bytes = chunk.bytes.size();
    slot.chunks.pop_front();
    if (!slot.chunks.empty() && slot.chunks.front().bytes.empty()) {
      Jump(slot, slot.chunks.front().jump_to);
      slot.chunks.pop_front();
    }
  }
  slot.busy = true;
  lease.batch = std::move(*batch);
  return std::optional<Lease>(std::move(lease));
}

void ReadQueue::OnDamage(Slot& slot, const Error& error) {
  if (++slot.damaged_in_a_row > kDamagedInARowMax) {
    slot.chunks.clear();
    slot.error = Error{ErrorCode::kDataCorrupt, fmt::format("{}; it came damaged {} times",
                                                            error.message, slot.damaged_in_a_row)};
    return;
  }
  Restart(slot);
  restarts_.push_back(static_cast<std::size_t>(&slot - slots_.data()));
}

void ReadQueue::Restart(Slot& slot) {
  ++slot.generation;
  slot.chunks.clear();
  slot.buffered = 0;
  slot.is_first = true;
  slot.error.reset();
}

void ReadQueue::Return(const Lease& lease) {
  bool is_current = false;
  {
    std::lock_guard lock(mutex_);
    Slot& slot = slots_[lease.slot];
    slot.busy = false;
    is_current = slot.generation == lease.generation;
    if (is_current) slot.buffered -= lease.freed_bytes;
  }
  changed_.notify_one();
  if (is_current && lease.freed_bytes > 0) events_.on_freed(lease.slot, lease.freed_bytes);
}

void ReadQueue::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
}

void ReadQueue::ClearStop() {
  std::lock_guard lock(mutex_);
  stopped_ = false;
}

void ReadQueue::Seek(std::size_t index, Offset offset) {
  {
    std::lock_guard lock(mutex_);
    Slot& slot = slots_[index];
    // What was seen of another log says nothing about this one.
    if (slot.error && slot.error->code == ErrorCode::kPositionDiverged)
      slot.log_start = slot.end_seen = Offset();
    Restart(slot);
    slot.position = offset;
    slot.term_before = Term();
    slot.from_log_start = false;
    slot.damaged_in_a_row = 0;
  }
  events_.on_restart(index);
}

void ReadQueue::SeekToLogStart(std::size_t index) {
  {
    std::lock_guard lock(mutex_);
    Slot& slot = slots_[index];
    Restart(slot);
    slot.position = slot.log_start;
    slot.term_before = Term();
    slot.from_log_start = true;
    slot.damaged_in_a_row = 0;
  }
  events_.on_restart(index);
}

void ReadQueue::SetPaused(std::size_t index, bool paused) {
  {
    std::lock_guard lock(mutex_);
    slots_[index].paused = paused;
  }
  changed_.notify_all();
}

std::vector<Consumer::Position> ReadQueue::Positions() const {
  std::lock_guard lock(mutex_);
  std::vector<Consumer::Position> positions;
  for (const Slot& slot : slots_) {
    positions.push_back({.partition = slot.partition,
                         .next_offset = slot.position.value(),
                         .log_start = slot.log_start.value(),
                         .end = slot.end_seen.value()});
  }
  return positions;
}

std::vector<std::uint32_t> ReadQueue::partitions() const {
  std::vector<std::uint32_t> numbers;
  for (const Slot& slot : slots_) numbers.push_back(slot.partition);
  return numbers;
}

std::optional<std::size_t> ReadQueue::SlotOf(std::uint32_t partition_number) const {
  const auto found = std::ranges::find(slots_, partition_number, &Slot::partition);
  if (found == slots_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - slots_.begin());
}

ReadQueue::Start ReadQueue::StartOf(std::size_t index) const {
  std::lock_guard lock(mutex_);
  const Slot& slot = slots_[index];
  return {slot.generation, slot.position, slot.from_log_start, slot.end_seen};
}

Term ReadQueue::TermBefore(std::size_t index, std::uint64_t generation) const {
  std::lock_guard lock(mutex_);
  const Slot& slot = slots_[index];
  if (slot.generation != generation) return Term();
  if (slot.chunks.empty()) return slot.term_before;
  const Chunk& last = slot.chunks.back();
  return LastTerm(last.bytes.Slice(last.at, last.bytes.size() - last.at).view());
}

void ReadQueue::Saw(std::size_t index, Offset log_start, Offset end) {
  std::lock_guard lock(mutex_);
  slots_[index].Saw(log_start, end);
}

bool ReadQueue::Push(std::size_t index, std::uint64_t generation, SharedBytes attachment,
                     Offset log_start, Offset end) {
  {
    std::lock_guard lock(mutex_);
    Slot& slot = slots_[index];
    slot.Saw(log_start, end);
    if (slot.generation != generation) return false;
    if (attachment.empty()) return true;
    slot.buffered += attachment.size();
    slot.chunks.push_back({.bytes = std::move(attachment), .at = 0, .jump_to = {}});
  }
  changed_.notify_one();
  return true;
}

bool ReadQueue::MovePosition(std::size_t index, std::uint64_t generation, Offset offset) {
  std::lock_guard lock(mutex_);
  Slot& slot = slots_[index];
  if (slot.generation != generation) return false;
  if (slot.chunks.empty()) {
    Jump(slot, offset);
  } else {
    slot.chunks.push_back({.bytes = {}, .at = 0, .jump_to = offset});
  }
  return true;
}

void ReadQueue::Jump(Slot& slot, Offset to) {
  slot.position = to;
  slot.term_before = Term();
  slot.is_first = true;
}

void ReadQueue::SetError(std::size_t index, std::uint64_t generation, Error error) {
  {
    std::lock_guard lock(mutex_);
    Slot& slot = slots_[index];
    if (slot.generation != generation) return;
    slot.error = std::move(error);
  }
  changed_.notify_all();
}

std::size_t ReadQueue::buffered_bytes(std::size_t index) const {
  std::lock_guard lock(mutex_);
  return slots_[index].buffered;
}

}  // namespace raftmq::internal

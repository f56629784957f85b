#include "producer/accumulator.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "protocol/types/check.h"

namespace raftmq::internal {

Accumulator::Accumulator(Options options)
    : options_(options), builder_(options.batch_bytes), next_position_(options.first) {}

Accumulator::Added Accumulator::Add(const Record& record, std::size_t charge,
                                    Producer::SendCallback& callback) {
  std::lock_guard lock(mutex_);
  if (closed_) return {.closed = true};
  const bool was_empty = builder_.empty();
  if (Append(record, charge, callback)) return {.opened = was_empty};
  if (!was_empty) SealOpen();
  if (Append(record, charge, callback)) return {.opened = true, .sealed = true};
  SealAlone({}, record, charge, callback);
  return {.sealed = true};
}

Accumulator::Added Accumulator::AddAlone(const Alone& alone, const Record& record,
                                         std::size_t charge, Producer::SendCallback& callback) {
  std::lock_guard lock(mutex_);
  if (closed_) return {.closed = true};
  if (!builder_.empty()) SealOpen();
  SealAlone(alone, record, charge, callback);
  return {.sealed = true};
}

bool Accumulator::Append(const Record& record, std::size_t charge,
                         Producer::SendCallback& callback) {
  const bool first = builder_.empty();
  if (!builder_.Append(record)) return false;
  if (first) open_since_ = RealClock().SteadyNow();
  callbacks_.push_back(std::move(callback));
  charge_ += charge;
  return true;
}

// A message above batch_bytes is legal, too.
void Accumulator::SealAlone(const Alone& alone, const Record& record, std::size_t charge,
                            Producer::SendCallback& callback) {
  BatchBuilder builder(kBatchBytesMax);
  RAFTMQ_CHECK(builder.Append(record));  // The producer has checked its size.
  open_since_ = RealClock().SteadyNow();
  callbacks_.push_back(std::move(callback));
  charge_ = charge;
  SealOptions seal = NextSeal();
  seal.has_message_id = alone.has_message_id;
  if (seal.has_message_id) seal.codec = Codec::kNone;  // Brokers read it.
  PushSealed(builder.Finish(seal));
  sealed_.back().base_offset = alone.base_offset;
}

void Accumulator::SealOpen() { PushSealed(builder_.Finish(NextSeal())); }

SealOptions Accumulator::NextSeal() const {
  return {.codec = options_.codec,
          .session = next_position_.session,
          .session_epoch = next_position_.epoch,
          .base_sequence = next_position_.sequence};
}

void Accumulator::PushSealed(ByteBuffer frame) {
  const std::size_t records = callbacks_.size();
  sealed_.push_back({.number = next_number_++,
                     .frame = SharedBytes(std::move(frame)),
                     .position = next_position_.Take(records),
                     .callbacks = std::exchange(callbacks_, {}),
                     .charge = std::exchange(charge_, 0),
                     .deadline = open_since_ + options_.delivery_timeout});
  callbacks_.reserve(records);  // The next batch is likely to be much the same.
}

bool Accumulator::Take(bool seal_open, std::deque<OutgoingBatch>* to) {
  std::lock_guard lock(mutex_);
  const bool seals = seal_open && !builder_.empty();
  if (seals) SealOpen();
  std::ranges::move(sealed_, std::back_inserter(*to));
  sealed_.clear();
  return seals;
}

void Accumulator::Renumber(SessionPosition first, std::deque<OutgoingBatch>* waiting) {
  std::lock_guard lock(mutex_);
  std::ranges::move(sealed_, std::back_inserter(*waiting));
  sealed_.clear();
  next_position_ = first;
  for (OutgoingBatch& batch : *waiting)
    batch.position = next_position_.Take(batch.callbacks.size());
}

std::optional<Microseconds> Accumulator::open_since() const {
  std::lock_guard lock(mutex_);
  if (builder_.empty()) return std::nullopt;
  return open_since_;
}

void Accumulator::Close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
}

}  // namespace raftmq::internal

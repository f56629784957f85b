#include "broker/fetch_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "broker/handlers.h"
#include "broker/partition.h"
#include "broker/session.h"
#include "broker/shard.h"
#include "protocol/types/batch_header.h"

namespace raftmq::broker {

FetchStream::FetchStream(Session& session, Partition& partition, std::uint64_t id,
                         const wire::FetchRequest& request, std::shared_ptr<Responder> responder)
    : session_(session),
      partition_(&partition),
      id_(id),
      responder_(std::move(responder)),
      next_(request.offset),
      credit_(request.credit_bytes) {
  partition_->Attach(*this);
  if (!responder_) return;
  // An answer is owed whatever the credit: at least one batch.
  credit_ = std::max<std::int64_t>(credit_, 1);
  wait_ = std::make_unique<Timer>(session_.shard().loop());
  wait_->Start(
      Milliseconds(std::min(request.wait_ms, session_.shard().options().session.fetch_wait_max_ms)),
      [this] { OnWaitOver(); });
}

FetchStream::~FetchStream() {
  if (partition_ != nullptr) partition_->Detach(*this);
}

void FetchStream::Begin(const wire::FetchRequest& request) {
  reading_ = true;
  partition_->group().CheckPosition(
      next_, request.term_before,
      [ref = anchor_.Ref(), end_seen = request.end_seen](const Status& position) {
        if (FetchStream* stream = ref.get()) stream->BeginOnChecked(position, end_seen);
      });
}

// First the position: of another log, no end that was seen there can be waited for here.
void FetchStream::BeginOnChecked(const Status& position, Offset end_seen) {
  reading_ = false;
  if (!position) return End(position.error());
  if (const Status seen = CheckEndSeen(end_seen); !seen) return End(seen.error());
  Pump();
}

Status FetchStream::CheckEndSeen(Offset end_seen) const {
  const Offset end = partition_->group().status().end;
  if (end >= end_seen) return Ok();
  return Fail(ErrorCode::kNotYet,
              fmt::format("{} ends at {} on this replica, the client has seen {}",
                          partition_->Name(), end.value(), end_seen.value()));
}

void FetchStream::AddCredit(std::uint32_t bytes) {
  constexpr std::int64_t kCreditMax = std::int64_t{1} << 40;  // A client may add without end.
  credit_ = std::min(credit_ + bytes, kCreditMax);
  Pump();
}

bool FetchStream::MayRead() const {
  return partition_ != nullptr && !reading_ && !parked_ && credit_ > 0 && !session_.IsOutputFull();
}

void FetchStream::Pump() {
  if (!MayRead()) return;
  reading_ = true;
  moved_ = false;
  const auto bytes_max = std::min<std::size_t>(static_cast<std::size_t>(credit_),
                                               session_.shard().options().session.fetch_bytes_max);
  partition_->group().Fetch(next_, bytes_max, [ref = anchor_.Ref()](Result<FetchSlice> slice) {
    if (FetchStream* stream = ref.get()) stream->PumpOnSlice(std::move(slice));
  });
}

void FetchStream::PumpOnSlice(Result<FetchSlice> slice) {
  reading_ = false;
  if (!slice) return End(std::move(slice).error());
  if (slice->batches.empty()) return OnEmpty(*slice);
  Send(*slice);
  if (responder_) return Finish();
  // The next read from a turn of its own: one stream must not keep the loop from the others.
  session_.shard().loop().Post([ref = anchor_.Ref()] {
    if (FetchStream* stream = ref.get()) stream->Pump();
  });
}

void FetchStream::OnEmpty(const FetchSlice& slice) {
  next_ = slice.next_offset;
  if (moved_) return Pump();  // The end moved while the answer was on its way.
  parked_ = true;
  if (responder_ && !wait_->IsPending()) return OnWaitOver();
  if (responder_ || told_end_) return;
  told_end_ = true;
  SendEnd();
}

void FetchStream::OnEndMoved() {
  moved_ = true;
  parked_ = false;
  Pump();
}

void FetchStream::OnWaitOver() {
  if (!parked_) return;  // Still reading: the answer follows with what is found.
  SendEnd();
  Finish();
}

void FetchStream::OnPartitionGone() {
  partition_ = nullptr;
  End({ErrorCode::kTopicNotFound, "the topic was deleted"});
}

void FetchStream::Send(const FetchSlice& slice) {
  std::size_t bytes = 0;
  std::uint64_t records = 0;
  for (const SharedBytes& batch : slice.batches) {
    bytes += batch.size();
    if (const auto header = ParseBatchHeader(batch.view()))
      records += header->producer.record_count;
  }
  partition_->metrics().messages_out.Add(records);
  partition_->metrics().bytes_out.Add(bytes);
  told_end_ = true;  // It says where the end is.
  next_ = slice.next_offset;
  credit_ -= static_cast<std::int64_t>(bytes);
  session_.Send(id_,
                wire::FetchData{.log_start = slice.log_start,
                                .end = slice.end,
                                .next_offset = slice.next_offset,
                                .term = slice.term,
                                .last = responder_ != nullptr},
                slice.batches);
}

void FetchStream::SendEnd() {
  const GroupStatus status = partition_->group().status();
  session_.Send(id_,
                wire::FetchData{.log_start = status.log_start,
                                .end = status.end,
                                .next_offset = next_,
                                .term = status.term,
                                .last = responder_ != nullptr},
                {});
}

void FetchStream::End(Error error) {
  session_.CountError(Api::kFetch, error.code);
  session_.Send(id_,
                partition_ != nullptr ? WithBounds(std::move(error), *partition_, next_)
                                      : wire::ErrorReply{std::move(error), {}, {}},
                {});
  Finish();
}

void FetchStream::Finish() {
  if (responder_) responder_->Finish();
  session_.CloseStream(id_);  // Destroys this.
}

}  // namespace raftmq::broker

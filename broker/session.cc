#include "broker/session.h"

#include <fmt/format.h>

#include <utility>

#include "broker/fetch_stream.h"
#include "broker/handlers.h"
#include "broker/shard.h"
#include "protocol/types/check.h"
#include "protocol/wire/codec.h"

namespace raftmq::broker {

Session::Session(Shard& shard, std::unique_ptr<Connection> connection, Handover handover)
    : shard_(shard),
      connection_(std::move(connection)),
      reader_(std::move(handover.reader)),
      ticket_(std::move(handover.ticket)),
      active_(shard.Now()) {}

Session::~Session() {
  is_closed_ = true;
  streams_.clear();
}

void Session::Start(std::uint64_t hello_id) {
  const BrokerOptions& options = shard_.options();
  reader_.SetFrameBytesMax(options.session.frame_bytes_max);
  connection_->SetLowWater(options.session.output_bytes_max / 2);
  Send(hello_id,
       wire::HelloReply{
           .version = wire::kWireVersion,
           .cluster_id = options.cluster_id,
           .node = options.node,
           .shards = options.shards,
           .frame_bytes_max = static_cast<std::uint32_t>(options.session.frame_bytes_max),
           .boot_id = options.boot_id},
       {});
  connection_->Start(*this);
  ProcessFrames();  // What came behind the hello.
}

void Session::Send(std::uint64_t request_id, wire::Body body,
                   const std::vector<SharedBytes>& attachment) {
  if (is_closed_) return;
  std::size_t bytes = 0;
  for (const SharedBytes& part : attachment) bytes += part.size();
  SharedBytes head = wire::EncodeHead({request_id, std::move(body)}, bytes);
  shard_.metrics().bytes_out.Add(head.size() + bytes);
  connection_->Write(std::move(head));
  for (const SharedBytes& part : attachment) connection_->Write(part);
}

std::shared_ptr<Responder> Session::MakeResponder(std::uint64_t request_id, Api api,
                                                  std::size_t bytes, MemoryShare memory,
                                                  bool is_silent) {
  ++requests_in_flight_;
  bytes_in_flight_ += bytes;
  return std::make_shared<Responder>(Responder::Options{.session = anchor_.Ref(),
                                                        .request_id = request_id,
                                                        .api = api,
                                                        .started = shard_.Now(),
                                                        .bytes = bytes,
                                                        .memory = std::move(memory),
                                                        .is_silent = is_silent});
}

void Session::RequestDone(Api api, Microseconds started, std::size_t bytes) {
  RAFTMQ_CHECK(requests_in_flight_ > 0);
  RAFTMQ_CHECK(bytes_in_flight_ >= bytes);
  --requests_in_flight_;
  bytes_in_flight_ -= bytes;
  shard_.metrics().RecordRequest(api, static_cast<std::uint64_t>((shard_.Now() - started).count()));
  if (!is_closed_ && is_reading_paused_ && MayProcess()) shard_.ResumeLater(anchor_.Ref());
}

void Session::CountError(Api api, ErrorCode code) { shard_.metrics().RecordError(api, code); }

Status Session::CanOpenStream(std::uint64_t id) const {
  if (streams_.size() >= shard_.options().session.streams_max) {
    return Fail(
        ErrorCode::kLimitExceeded,
        fmt::format("{} fetches are open on this connection, the most allowed", streams_.size()));
  }
  if (streams_.contains(id)) {
    return Fail(ErrorCode::kBadRequest, fmt::format("request id {} has a fetch open already", id));
  }
  return Ok();
}

FetchStream& Session::OpenStream(std::unique_ptr<FetchStream> stream, std::uint64_t id) {
  return *streams_.emplace(id, std::move(stream)).first->second;
}

FetchStream* Session::FindStream(std::uint64_t id) {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

void Session::CloseStream(std::uint64_t id) { streams_.erase(id); }

bool Session::IsOutputFull() const {
  return connection_->queued_bytes() >= shard_.options().session.output_bytes_max;
}

MutableByteSpan Session::PrepareRead() { return reader_.PrepareRead(); }

void Session::OnRead(std::size_t count) {
  shard_.metrics().bytes_in.Add(count);
  active_ = shard_.Now();
  frame_bytes_ += count;
  reader_.Commit(count);
  ProcessFrames();
}

void Session::ProcessFrames() {
  if (is_processing_) return;
  is_processing_ = true;
  while (!is_closed_ && MayProcess()) {
    auto frame = reader_.Next();
    if (!frame) {
      Close(std::move(frame).error());
      break;
    }
    if (!*frame) break;
    frame_began_ = shard_.Now();
    frame_bytes_ = 0;
    Dispatch(*this, std::move(**frame));
  }
  is_processing_ = false;
  if (is_closed_) return;
  if (!reader_.IsInsideFrame()) frame_began_ = shard_.Now();
  const bool pause = !MayProcess();
  if (pause == is_reading_paused_) return;
  is_reading_paused_ = pause;
  if (pause) {
    connection_->PauseReading();
  } else {
    frame_began_ = shard_.Now();  // The wait was ours, not the client's.
    frame_bytes_ = 0;
    connection_->ResumeReading();
  }
}

bool Session::MayProcess() const {
  const SessionLimits& limits = shard_.options().session;
  return requests_in_flight_ < limits.requests_in_flight_max &&
         bytes_in_flight_ < limits.bytes_in_flight_max && !IsOutputFull();
}

void Session::Resume() { ProcessFrames(); }

void Session::OnDrained() {
  active_ = shard_.Now();
  PumpStreams();
  ProcessFrames();
}

void Session::PumpStreams() {
  // Round and round from where the last pass ended, so that no stream starves the others.
  std::vector<std::uint64_t> ids;
  ids.reserve(streams_.size());
  const auto first = streams_.upper_bound(last_pumped_);
  for (auto at = first; at != streams_.end(); ++at) ids.push_back(at->first);
  for (auto at = streams_.begin(); at != first; ++at) ids.push_back(at->first);
  for (const std::uint64_t id : ids) {
    if (IsOutputFull()) return;
    last_pumped_ = id;
    if (FetchStream* stream = FindStream(id)) stream->Pump();
  }
}

void Session::OnTime(Microseconds now) {
  if (is_closed_) return;
  if (const std::size_t unsent = connection_->queued_bytes(); unsent != output_seen_) {
    output_seen_ = unsent;
    active_ = now;
  }
  if (IsTooSlow(now)) {
    return Close({ErrorCode::kTimeout, "the rest of a frame came too slowly (limits.body_rate)"});
  }
  if (IsIdle(now)) return Close({ErrorCode::kTimeout, "the connection was idle (limits.idle)"});
}

bool Session::IsTooSlow(Microseconds now) const {
  if (is_reading_paused_ || !reader_.IsInsideFrame()) return false;
  const SessionLimits& limits = shard_.options().session;
  const Microseconds took = now - frame_began_;
  if (took < limits.body_grace) return false;
  const auto seconds = static_cast<std::size_t>(took.count()) / 1'000'000;
  return frame_bytes_ < seconds * limits.body_bytes_per_second_min;
}

bool Session::IsIdle(Microseconds now) const {
  if (now - active_ < shard_.options().session.idle_timeout) return false;
  // A consumer that waits at the end is not idle; one that does not take its bytes is.
  return connection_->queued_bytes() > 0 || (streams_.empty() && requests_in_flight_ == 0);
}

void Session::Close(Error reason) {
  if (is_closed_) return;
  is_closed_ = true;
  streams_.clear();
  connection_->Close(std::move(reason));
}

void Session::OnClosed(const Error&) {
  is_closed_ = true;
  streams_.clear();
  shard_.Retire(*this);
}

}  // namespace raftmq::broker

#include "tests/client/fake_session.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <variant>

#include "protocol/types/batch_cursor.h"
#include "protocol/types/batch_validator.h"
#include "protocol/wire/codec.h"

namespace raftmq::testing {
namespace {

using What = FakeBroker::Verdict::What;

}  // namespace

FakeSession::FakeSession(FakeBroker& broker, std::unique_ptr<Connection> connection)
    : broker_(broker), connection_(std::move(connection)), reader_(wire::kFrameBytesMaxDefault) {
  connection_->Start(*this);
}

void FakeSession::OnRead(std::size_t count) {
  reader_.Commit(count);
  while (!dropped_) {
    auto frame = reader_.Next();
    if (!frame) return Drop();
    if (!frame->has_value()) return;
    OnFrame(std::move(**frame));
  }
}

void FakeSession::OnFrame(wire::Frame frame) {
  std::uint64_t id = 0;
  const auto message = wire::DecodeMessage(frame.message(), &id);
  if (!message) return Send(id, wire::ErrorReply{.error = message.error()});
  Judge(std::make_shared<wire::Frame>(std::move(frame)), *message);
}

void FakeSession::Judge(const std::shared_ptr<wire::Frame>& frame, const wire::Message& message) {
  const FakeBroker::Verdict verdict =
      broker_.hook_ ? broker_.hook_(message) : FakeBroker::Verdict{};
  switch (verdict.what) {
    case What::kHandle:
      if (auto reply = Handle(message, *frame)) Send(message.request_id, std::move(*reply));
      return;
    case What::kDropBefore:
      return Drop();
    case What::kDropAfter:
      (void)Handle(message, *frame);
      return Drop();
    case What::kHold:
      broker_.held_.push_back([this, frame, message] {
        const auto known =
            std::ranges::find(broker_.sessions_, this, &std::unique_ptr<FakeSession>::get);
        if (known == broker_.sessions_.end() || dropped_) return;
        if (auto reply = Handle(message, *frame)) Send(message.request_id, std::move(*reply));
      });
      return;
    case What::kIgnore:
      return;
    case What::kFail:
      return Send(message.request_id, verdict.error);
  }
}

std::optional<wire::Body> FakeSession::Handle(const wire::Message& message, wire::Frame& frame) {
  if (std::holds_alternative<wire::HelloRequest>(message.body)) {
    return wire::HelloReply{.version = wire::kWireVersion,
                            .cluster_id = "fake",
                            .node = NodeId(broker_.node_),
                            .shards = 1,
                            .frame_bytes_max = wire::kFrameBytesMaxDefault,
                            .boot_id = 1};
  }
  if (const auto* request = std::get_if<wire::ProduceRequest>(&message.body)) {
    wire::Body reply = Produce(*request, frame);
    if (request->acks == wire::Acks::kNone) return std::nullopt;
    return reply;
  }
  if (const auto* request = std::get_if<wire::FetchRequest>(&message.body)) {
    if (auto refusal = RefuseData(request->group)) return *refusal;
    if (auto refusal = RefusePosition(*request)) return *refusal;
    Stream& stream = streams_[message.request_id];
    stream = {.group = request->group,
              .offset = request->offset.value(),
              .credit = request->credit_bytes,
              .credit_total = request->credit_bytes};
    PumpStream(message.request_id, stream);
    return std::nullopt;
  }
  if (const auto* request = std::get_if<wire::FetchCredit>(&message.body)) {
    if (const auto found = streams_.find(request->stream); found != streams_.end()) {
      found->second.credit += request->credit_bytes;
      PumpStream(found->first, found->second);
    }
    return std::nullopt;
  }
  if (const auto* request = std::get_if<wire::FetchClose>(&message.body)) {
    streams_.erase(request->stream);
    return std::nullopt;
  }
  return HandleOther(message);
}

std::optional<wire::Body> FakeSession::HandleOther(const wire::Message& message) {
  if (const auto* request = std::get_if<wire::MetadataRequest>(&message.body)) {
    return Metadata(*request);
  }
  if (const auto* request = std::get_if<wire::CreateTopicRequest>(&message.body)) {
    return CreateTopic(*request);
  }
  if (const auto* request = std::get_if<wire::DeleteTopicRequest>(&message.body)) {
    if (broker_.Remove(request->name)) return wire::EmptyReply{};
    return wire::ErrorReply{.error = {ErrorCode::kTopicNotFound, request->name}};
  }
  if (const auto* request = std::get_if<wire::ListOffsetsRequest>(&message.body)) {
    return ListOffsets(*request);
  }
  if (const auto* request = std::get_if<wire::ReadIndexRequest>(&message.body)) {
    if (auto refusal = RefuseData(request->group)) return *refusal;
    const FakeBroker::Log& log = *broker_.Find(request->group);
    return wire::ReadIndexReply{
        .end = Offset(log.end), .log_start = Offset(log.log_start), .term = Term(1)};
  }
  if (const auto* request = std::get_if<wire::InitProducerRequest>(&message.body)) {
    return broker_.Allot(request->name);
  }
  if (const auto* request = std::get_if<wire::OpenSessionRequest>(&message.body)) {
    return OpenSession(*request);
  }
  if (const auto* request = std::get_if<wire::TrimRequest>(&message.body)) {
    if (auto refusal = RefuseData(request->group)) return *refusal;
    broker_.Find(request->group)->log_start = request->offset.value();
    return wire::TrimReply{.log_start = request->offset};
  }
  if (const auto* request = std::get_if<wire::AcceptLossRequest>(&message.body)) {
    if (auto refusal = RefuseData(request->group)) return *refusal;
    broker_.Find(request->group)->log_start = request->offset.value();
    return wire::AcceptLossReply{.log_start = request->offset, .files_end = Offset(5)};
  }
  return wire::ErrorReply{.error = {ErrorCode::kUnsupported, "not in the fake broker"}};
}

wire::Body FakeSession::Produce(const wire::ProduceRequest& request, wire::Frame& frame) {
  if (auto refusal = RefuseData(request.group)) return *refusal;
  FakeBroker::Log& log = *broker_.Find(request.group);
  if (broker_.discards_) return wire::ProduceReply{.base_offset = Offset(log.end)};
  const auto header = ValidateBatch(frame.attachment());
  if (!header) return wire::ErrorReply{.error = header.error()};
  const std::uint64_t offset = log.OffsetFor(*header, frame.attachment());
  const auto known = log.sessions.Judge(header->producer, offset);
  if (!known) return wire::ErrorReply{.error = known.error()};
  if (*known) return wire::ProduceReply{.base_offset = Offset(**known), .append_time_ms = 5000};
  if (offset < log.end)
    return wire::ProduceReply{.base_offset = Offset(offset), .append_time_ms = 5000};
  if (request.base_offset && *request.base_offset != Offset(log.end))
    return wire::ErrorReply{.error = {ErrorCode::kOffsetMismatch, "the end is elsewhere"}};
  const std::uint64_t base = log.end;
  ByteBuffer batch(frame.attachment().size());
  std::memcpy(batch.data(), frame.attachment().data(), batch.size());
  broker_.Store(log, std::move(batch));
  broker_.loop_.Post([&broker = broker_] { broker.WakeStreams(); });
  return wire::ProduceReply{
      .base_offset = Offset(base), .append_time_ms = 5000, .log_start = Offset(log.log_start)};
}

wire::Body FakeSession::OpenSession(const wire::OpenSessionRequest& request) {
  if (auto refusal = RefuseData(request.group)) return *refusal;
  FakeSessions& sessions = broker_.Find(request.group)->sessions;
  const auto next = sessions.Open(request.session, request.epoch);
  if (!next) return wire::ErrorReply{.error = next.error()};
  return wire::OpenSessionReply{.epoch = request.epoch,
                                .next_sequence = *next,
                                .may_be_forgotten = sessions.MayHaveForgotten(request.session)};
}

wire::Body FakeSession::Metadata(const wire::MetadataRequest& request) const {
  wire::MetadataReply reply{.cluster_id = "fake", .answering = NodeId(broker_.node_)};
  reply.nodes.push_back({.node = NodeId(broker_.node_),
                         .host = broker_.address_.host,
                         .port = broker_.address_.port,
                         .shards = 1});
  if (broker_.leader_ != broker_.node_) {
    reply.nodes.push_back({.node = NodeId(broker_.leader_),
                           .host = broker_.leader_address_.host,
                           .port = broker_.leader_address_.port,
                           .shards = 1});
  }
  std::vector<std::string> names = request.topics;
  if (names.empty()) {
    for (const auto& [name, topic] : broker_.topics_) names.push_back(name);
  }
  for (const std::string& name : names) {
    wire::TopicInfo info{.name = name};
    const auto found = broker_.topics_.find(name);
    if (found == broker_.topics_.end()) {
      info.error = {ErrorCode::kTopicNotFound, "no topic named '" + name + "'"};
    } else {
      info.id = found->second.id;
      for (std::uint32_t i = 0; i < found->second.partitions.size(); ++i) {
        const FakeBroker::Log& log = found->second.partitions[i];
        info.partitions.push_back({.partition = PartitionNumber(i),
                                   .leader = NodeId(broker_.leader_),
                                   .shard = 0,
                                   .term = Term(1),
                                   .log_start = Offset(log.log_start),
                                   .end = Offset(log.end)});
      }
    }
    reply.topics.push_back(std::move(info));
  }
  return reply;
}

wire::Body FakeSession::CreateTopic(const wire::CreateTopicRequest& request) {
  if (broker_.topics_.contains(request.name)) {
    return wire::ErrorReply{.error = {ErrorCode::kTopicExists, request.name}};
  }
  FakeBroker::Topic& topic = broker_.topics_[request.name];
  topic.id = broker_.NewId(request.name);
  topic.partitions.resize(request.partitions);
  return wire::CreateTopicReply{.id = topic.id};
}

wire::Body FakeSession::ListOffsets(const wire::ListOffsetsRequest& request) {
  if (auto refusal = RefuseData(request.group)) return *refusal;
  const FakeBroker::Log& log = *broker_.Find(request.group);
  wire::ListOffsetsReply reply{.offset = Offset(log.end),
                               .log_start = Offset(log.log_start),
                               .end = Offset(log.end),
                               .term = Term(1)};
  for (std::size_t i = 0; i < log.batches.size(); ++i) {
    const auto batch = OpenRecords(log.batches[i].view());
    BatchCursor cursor(*batch);
    while (const auto record = cursor.Next()) {
      if (record->timestamp_ms < request.timestamp_ms) continue;
      reply.offset = record->offset;
      reply.timestamp_ms = record->timestamp_ms;
      return reply;
    }
  }
  return reply;
}

std::optional<wire::ErrorReply> FakeSession::RefuseData(GroupId group) {
  if (broker_.leader_ != broker_.node_) {
    return wire::ErrorReply{.error = {ErrorCode::kNotLeader, "another node leads"}};
  }
  if (broker_.Find(group) != nullptr) return std::nullopt;
  return wire::ErrorReply{.error = {ErrorCode::kPartitionNotFound, group.ToString()}};
}

std::optional<wire::ErrorReply> FakeSession::RefusePosition(const wire::FetchRequest& request) {
  const FakeBroker::Log& log = *broker_.Find(request.group);
  const std::uint64_t offset = request.offset.value();
  if (request.term_before == Term() || offset <= log.log_start || offset > log.end) return {};
  const auto after = std::ranges::lower_bound(log.bases, offset);
  const auto index = static_cast<std::size_t>(after - log.bases.begin()) - 1;
  const Term found = ParseBatchHeader(log.batches[index].view())->leader.term;
  if (found == request.term_before) return {};
  return wire::ErrorReply{
      .error = {ErrorCode::kPositionDiverged, "expected term " + request.term_before.ToString() +
                                                  ", found term " + found.ToString()}};
}

void FakeSession::PumpStreams() {
  std::vector<std::uint64_t> ids;
  for (const auto& [id, stream] : streams_) ids.push_back(id);
  for (const std::uint64_t id : ids) {
    if (const auto found = streams_.find(id); found != streams_.end()) {
      PumpStream(id, found->second);
    }
  }
}

void FakeSession::PumpStream(std::uint64_t id, Stream& stream) {
  const FakeBroker::Log* log = broker_.Find(stream.group);
  if (log == nullptr || dropped_) return;
  std::optional<wire::ErrorReply> refusal;
  if (stream.offset < log->log_start) {
    refusal = wire::ErrorReply{.error = {ErrorCode::kOffsetBelowStart, "below the log's start"},
                               .log_start = Offset(log->log_start)};
  } else if (stream.offset > log->end) {
    refusal = wire::ErrorReply{.error = {ErrorCode::kOffsetBeyondEnd, "beyond the end"},
                               .end = Offset(log->end)};
  }
  if (refusal) {
    streams_.erase(id);
    return Send(id, *refusal);
  }
  wire::FetchData data{
      .log_start = Offset(log->log_start), .end = Offset(log->end), .term = Term(1)};
  while (stream.credit > 0 && stream.offset < log->end) {
    const auto after = std::ranges::upper_bound(log->bases, stream.offset);
    const auto index = static_cast<std::size_t>(after - log->bases.begin()) - 1;
    SharedBytes batch = log->batches[index];
    const BatchHeader header = *ParseBatchHeader(batch.view());
    if (broker_.damage_ > 0) {
      --broker_.damage_;
      ByteBuffer copy(batch.size());
      std::memcpy(copy.data(), batch.data(), batch.size());
      copy.data()[header.producer.length - 1] ^= std::byte{1};
      batch = SharedBytes(std::move(copy));
    }
    stream.credit -= static_cast<std::int64_t>(batch.size());
    stream.offset = header.end_offset().value();
    data.next_offset = Offset(stream.offset);
    broker_.credit_used_max_ = std::max(
        broker_.credit_used_max_, static_cast<std::size_t>(stream.credit_total - stream.credit));
    Send(id, data, std::move(batch));
  }
  if (stream.offset < log->end || stream.told_end) return;
  stream.told_end = true;
  data.next_offset = Offset(stream.offset);
  Send(id, data);
}

void FakeSession::Send(std::uint64_t request_id, wire::Body body, SharedBytes attachment) {
  if (dropped_) return;
  connection_->Write(
      wire::EncodeHead({.request_id = request_id, .body = std::move(body)}, attachment.size()));
  if (!attachment.empty()) connection_->Write(std::move(attachment));
}

void FakeSession::Drop() {
  dropped_ = true;
  streams_.clear();
  connection_->Close({ErrorCode::kDisconnected, "dropped by the test"}, Milliseconds(0));
}

}  // namespace raftmq::testing

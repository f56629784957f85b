#include "tests/client/fake_broker.h"

#include <algorithm>
#include <utility>

#include "protocol/types/batch_builder.h"
#include "protocol/types/batch_cursor.h"
#include "protocol/types/check.h"
#include "tests/client/fake_session.h"

namespace raftmq::testing {

FakeBroker::FakeBroker(std::uint32_t node) : node_(node), leader_(node) {
  auto listener = Listener::Listen(loop_, {"127.0.0.1", 0}, [this](int socket, const std::string&) {
    auto connection = Connection::Adopt(loop_, socket);
    if (!connection) return;
    sessions_.push_back(std::make_unique<FakeSession>(*this, std::move(*connection)));
  });
  RAFTMQ_CHECK(listener.has_value());
  listener_ = std::move(*listener);
  address_ = listener_->bound();
  leader_address_ = address_;
  thread_ = std::thread([this] { loop_.Run(); });
}

FakeBroker::~FakeBroker() {
  OnLoop([this] {
    held_.clear();
    sessions_.clear();
    listener_.reset();
  });
  loop_.Stop();
  thread_.join();
}

void FakeBroker::OnLoop(const std::function<void()>& task) {
  std::promise<void> done;
  loop_.Post([&] {
    task();
    done.set_value();
  });
  done.get_future().wait();
}

void FakeBroker::AddTopic(const std::string& name, std::uint32_t partitions) {
  OnLoop([&] {
    Topic& topic = topics_[name];
    topic.id = NewId(name);
    topic.partitions.resize(partitions);
  });
}

void FakeBroker::RemoveTopic(const std::string& name) {
  OnLoop([&] { Remove(name); });
}

void FakeBroker::SetLeader(std::uint32_t node, const Address& address) {
  OnLoop([&] {
    leader_ = node;
    leader_address_ = address;
  });
}

void FakeBroker::SetHook(Hook hook) {
  OnLoop([&] { hook_ = std::move(hook); });
}

void FakeBroker::Release() {
  OnLoop([&] {
    hook_ = nullptr;
    for (const auto& handle : std::exchange(held_, {})) handle();
  });
}

std::size_t FakeBroker::held() {
  std::size_t count = 0;
  OnLoop([&] { count = held_.size(); });
  return count;
}

void FakeBroker::DropConnections() {
  OnLoop([&] {
    for (const auto& session : sessions_) session->Drop();
  });
}

std::size_t FakeBroker::connections() {
  std::size_t count = 0;
  OnLoop([&] { count = sessions_.size(); });
  return count;
}

void FakeBroker::Append(const std::string& topic, std::uint32_t partition,
                        const std::vector<std::string>& values, Codec codec,
                        std::int64_t timestamp_ms) {
  BatchBuilder builder(kBatchBytesMax);
  for (const std::string& value : values) {
    RAFTMQ_CHECK(builder.Append({.value = value, .timestamp_ms = timestamp_ms}));
  }
  OnLoop([&] {
    Store(topics_.at(topic).partitions.at(partition), builder.Finish({.codec = codec}));
    WakeStreams();
  });
}

void FakeBroker::Trim(const std::string& topic, std::uint32_t partition, std::uint64_t log_start) {
  OnLoop([&] { topics_.at(topic).partitions.at(partition).log_start = log_start; });
}

void FakeBroker::ForgetSessions(const std::string& topic, std::uint32_t partition) {
  OnLoop([&] { topics_.at(topic).partitions.at(partition).sessions.Forget(); });
}

void FakeBroker::TakeAnySequence(const std::string& topic, std::uint32_t partition) {
  OnLoop([&] { topics_.at(topic).partitions.at(partition).sessions.TakeAnySequence(); });
}

std::uint32_t FakeBroker::TakeOver(const std::string& name, const std::string& topic,
                                   std::uint32_t partition) {
  std::uint32_t next = 0;
  OnLoop([&] {
    const wire::InitProducerReply allotted = Allot(name);
    next =
        *topics_.at(topic).partitions.at(partition).sessions.Open(allotted.session, allotted.epoch);
  });
  return next;
}

void FakeBroker::SetTerm(Term term) {
  OnLoop([&] { term_ = term; });
}

void FakeBroker::Discard() {
  OnLoop([&] { discards_ = true; });
}

void FakeBroker::DamageFetches(int count) {
  OnLoop([&] { damage_ = count; });
}

std::vector<std::string> FakeBroker::Values(const std::string& topic, std::uint32_t partition) {
  std::vector<std::string> values;
  OnLoop([&] {
    for (const SharedBytes& frame : topics_.at(topic).partitions.at(partition).batches) {
      const auto batch = OpenRecords(frame.view());
      RAFTMQ_CHECK(batch.has_value());
      BatchCursor cursor(*batch);
      while (const auto record = cursor.Next()) values.emplace_back(record->value.value_or("null"));
    }
  });
  return values;
}

std::vector<BatchHeader> FakeBroker::Headers(const std::string& topic, std::uint32_t partition) {
  std::vector<BatchHeader> headers;
  OnLoop([&] {
    for (const SharedBytes& frame : topics_.at(topic).partitions.at(partition).batches)
      headers.push_back(*ParseBatchHeader(frame.view()));
  });
  return headers;
}

std::vector<std::uint32_t> FakeBroker::BatchSizes(const std::string& topic,
                                                  std::uint32_t partition) {
  std::vector<std::uint32_t> sizes;
  OnLoop([&] {
    for (const SharedBytes& frame : topics_.at(topic).partitions.at(partition).batches) {
      sizes.push_back(ParseBatchHeader(frame.view())->producer.record_count);
    }
  });
  return sizes;
}

std::size_t FakeBroker::largest_unreturned_credit() {
  std::size_t bytes = 0;
  OnLoop([&] { bytes = credit_used_max_; });
  return bytes;
}

TopicId FakeBroker::NewId(const std::string& name) const {
  return {7 + topics_removed_, std::hash<std::string>()(name)};
}

bool FakeBroker::Remove(const std::string& name) {
  ++topics_removed_;
  return topics_.erase(name) > 0;
}

FakeBroker::Log* FakeBroker::Find(GroupId group) {
  for (auto& [name, topic] : topics_) {
    const std::uint32_t number = group.partition.value();
    if (topic.id == group.topic && number < topic.partitions.size()) {
      return &topic.partitions[number];
    }
  }
  return nullptr;
}

// Ids of different brokers differ, as those of one cluster do.
wire::InitProducerReply FakeBroker::Allot(const std::string& name) {
  if (!name.empty() && names_.contains(name)) {
    ++names_[name].epoch;
    return names_[name];
  }
  const wire::InitProducerReply allotted{.session = SessionId(1000 * node_ + ++sessions_allotted_)};
  if (!name.empty()) names_[name] = allotted;
  return allotted;
}

void FakeBroker::Store(Log& log, ByteBuffer frame) {
  const BatchHeader header = *ParseBatchHeader(frame.span());
  StampBatch(frame.span().first(header.producer.length),
             {.index = Index(log.batches.size() + 1),
              .term = term_,
              .base_offset = Offset(log.end),
              .append_time_ms = 5000},
             0);
  log.bases.push_back(log.end);
  log.end += header.producer.record_count;
  log.batches.emplace_back(std::move(frame));
}

void FakeBroker::WakeStreams() {
  for (const auto& session : sessions_) session->PumpStreams();
}

void FakeBroker::Forget(FakeSession* session) {
  // Later: it is on the stack.
  loop_.Post([this, session] {
    std::erase_if(sessions_, [&](const auto& other) { return other.get() == session; });
  });
}

std::uint64_t FakeBroker::Log::OffsetFor(const BatchHeader& header, ByteSpan frame) {
  if (!header.producer.has_message_id) return end;
  const auto id = MessageIdOf(header.producer, frame.subspan(kBatchHeaderBytes));
  return ids.try_emplace(*id, end).first->second;
}

}  // namespace raftmq::testing

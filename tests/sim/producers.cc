#include "tests/sim/producers.h"

#include <algorithm>
#include <utility>

#include "tests/sim/network.h"
#include "tests/sim/node.h"

namespace raftmq::sim {

namespace {

constexpr std::uint32_t kCalmProducers = 4;  // Who go on in the liveness phase.

}  // namespace

SimProducer::SimProducer(Cluster& cluster, std::uint32_t number)
    : cluster_(cluster),
      number_(number),
      sends_ids_(cluster.choices.Below(4) != 0),
      builder_(cluster.scenario.batch_bytes_max),
      backoff_(Milliseconds(1 + cluster.choices.Below(20)), Milliseconds(200),
               cluster.choices.Next()),
      opener_(cluster, number),
      leaders_(cluster.partitions.size()),
      sessions_(cluster.partitions.size()),
      given_up_(cluster.partitions.size()),
      calm_acks_(cluster.partitions.size()) {}

void SimProducer::ThinkThenSend() {
  if (cluster_.is_quiet || IsSentHome()) return;
  cluster_.timeline.After(cluster_.choices.Around(cluster_.scenario.clients.think_mean), [this] {
    if (MaybeTakeOver()) return;
    Seal();
    Attempt();
  });
}

void SimProducer::Attempt() {
  cluster_.Event(number_);
  const NodeId believed = leaders_[partition_];
  const Sending sending{.attempt = ++attempts_,
                        .node = believed == NodeId(0) ? cluster_.PickNode() : believed,
                        .partition = partition_,
                        .payload_hash = payload_hash_,
                        .in_memory = in_memory_,
                        .batch = batch_};
  cluster_.partitions[partition_]->sent.Attempt(payload_hash_);
  op_ = RecordAttempt();
  cluster_.network->ForClient([this, sending] {
    if (sending.attempt == attempts_) Arrive(sending);  // Else the connection was closed.
  });
  MaybeComeLate(sending);
  cluster_.timeline.After(cluster_.scenario.clients.timeout, [this, attempt = sending.attempt] {
    if (attempt == attempts_) OnTimeout();
  });
}

// The same once more, from a connection on which it was held up, when the producer has moved on.
void SimProducer::MaybeComeLate(const Sending& sending) {
  const ClientOptions& options = cluster_.scenario.clients;
  if (!is_in_session_ && message_id_.empty()) return;
  if (cluster_.is_calm || !cluster_.choices.PerMille(options.late)) return;
  cluster_.partitions[sending.partition]->sent.Attempt(sending.payload_hash);
  RecordAttempt();  // Nobody waits for its outcome.
  cluster_.timeline.After(options.timeout + cluster_.choices.Around(options.timeout),
                          [this, sending] {
                            cluster_.coverage.Reach(Mark::kLateRequests);
                            Arrive(sending);
                          });
}

void SimProducer::Arrive(const Sending& sending) {
  Node& node = cluster_.node(sending.node);
  node.Do([this, &node, sending] {
    ByteBuffer copy(sending.batch.size());
    std::copy_n(sending.batch.data(), sending.batch.size(), copy.data());
    const Offset end = cluster_.partitions[sending.partition]->end();
    node.process()->Produce(sending.partition, std::move(copy), sending.in_memory,
                            [this, sending, end](const Result<Proposed>& proposed) {
                              const bool was_there = proposed && proposed->base_offset < end;
                              Reply(sending, proposed, was_there);
                            });
  });
}

// First the node's turn ends and the oracles look at it. `was_there`: what it names was committed
// when the batch arrived.
void SimProducer::Reply(const Sending& sending, const Result<Proposed>& proposed, bool was_there) {
  cluster_.timeline.After(0, [this, sending, proposed, was_there] {
    PartitionTruth& truth = *cluster_.partitions[sending.partition];
    SentBatches::Batch& batch = *truth.sent.Find(sending.payload_hash);
    if (proposed && !sending.in_memory) CheckAck(sending, *proposed, was_there);
    if (!proposed && proposed.error().definite()) ++batch.refused;
    const bool is_command = cluster_.scenario.IsInternal(sending.partition);
    if (!is_command && SentBatches::IsStoredTooOften(batch))
      truth.Broken("I-34", {}, "a batch was refused for certain and committed");
    Answer answer;
    if (!proposed) answer.error = proposed.error();
    if (proposed) answer.base = proposed->base_offset;
    answer.is_repeat = proposed && proposed->is_duplicate && batch.message_id;
    Process* const process = cluster_.node(sending.node).process();
    if (process != nullptr) answer.leader = process->LeaderOf(sending.partition);
    cluster_.network->ForClient(
        [this, attempt = sending.attempt, answer] { OnAnswer(attempt, answer); });
  });
}

void SimProducer::CheckAck(const Sending& sending, const Proposed& proposed, bool was_there) {
  PartitionTruth& truth = *cluster_.partitions[sending.partition];
  if (!proposed.is_duplicate) return truth.Acked(proposed, sending.payload_hash);
  const SentBatches::Batch& batch = *truth.sent.Find(sending.payload_hash);
  truth.Repeated(proposed, batch);
  if (batch.message_id && !was_there) cluster_.coverage.Reach(Mark::kMessageIdJoined);
}

void SimProducer::OnAnswer(std::uint64_t attempt, const Answer& answer) {
  if (attempt != attempts_) return;
  cluster_.Event(number_);
  ++attempts_;
  Record(answer);
  if (!answer.error) {
    backoff_.Reset();
    if (answer.leader != NodeId(0)) leaders_[partition_] = answer.leader;
    // Who says where another message is need not be able to commit any.
    if (cluster_.is_calm && !answer.is_repeat) ++calm_acks_[partition_];
    if (is_in_session_) sessions_[partition_].next_sequence += records_;
    return ThinkThenSend();
  }
  CheckRefusal(*answer.error);
  if (!answer.error->definite()) {
    cluster_.coverage.Reach(Mark::kUnknownOutcomes);
    cluster_.partitions[partition_]->sent.Find(payload_hash_)->was_unknown = true;
  }
  TryAgain(answer.leader);
}

checker::OpNumber SimProducer::RecordAttempt() {
  if (values_.empty()) return {};
  return cluster_.history.Sends(number_, partition_, values_, *ParseBatchHeader(batch_.view()),
                                session_life_);
}

void SimProducer::Record(const Answer& answer) {
  if (values_.empty()) return;
  const Result<Offset> base = answer.error ? Result<Offset>(Fail(*answer.error)) : answer.base;
  // Of a repeat the checker knows no more than that it may be stored: another value may stand
  // there.
  cluster_.history.Sent(op_, base, /*is_promise=*/!in_memory_ && !answer.is_repeat);
}

void SimProducer::OnTimeout() {
  ++attempts_;
  cluster_.coverage.Reach(Mark::kUnknownOutcomes);
  cluster_.partitions[partition_]->sent.Find(payload_hash_)->was_unknown = true;
  TryAgain(NodeId(0));
}

// A crowd whose patience is shorter than the queue that it makes would never see an ack.
bool SimProducer::IsSentHome() const { return cluster_.is_calm && number_ > kCalmProducers; }

// What became of the batch is not known: nothing can follow it in its session.
void SimProducer::GiveUp() {
  if (is_in_session_) sessions_[partition_] = {};
  given_up_[partition_] = message_id_;
  ThinkThenSend();
}

void SimProducer::TryAgain(NodeId leader) {
  if (IsSentHome()) return;
  leaders_[partition_] = leader;
  if (cluster_.choices.Below(8) == 0) return GiveUp();
  cluster_.timeline.After(static_cast<Time>(backoff_.Next().count()) * kMillisecond,
                          [this] { Attempt(); });
}

}  // namespace raftmq::sim

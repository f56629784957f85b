#include "tests/broker/cluster_history.h"

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <utility>

#include "protocol/types/check.h"
#include "tests/broker/broker_process.h"
#include "tests/checker/checker.h"
#include "tests/checker/history_json.h"

namespace raftmq::testing {
namespace {

using checker::Outcome;

constexpr std::chrono::milliseconds kPollTimeout{200};

Outcome OutcomeOf(const Error& error) { return error.definite() ? Outcome::kFail : Outcome::kInfo; }

// The last look at a partition: until all is read that was acked before, or patience ends.
void ReadToEnd(const Client& client, checker::HistoryRecorder& history,
               const RecordedReader::Options& options) {
  RecordedReader reader(client, history, options);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!reader.IsAtEnd() && std::chrono::steady_clock::now() < deadline) {
    if (!reader.Poll()) return;
  }
}

std::string Keep(const checker::History& history) {
  std::string path = ParentOfTemporaries() + "/raftmq-history-XXXXXX";
  const int file = mkstemp(path.data());
  RAFTMQ_CHECK(file >= 0);
  close(file);
  std::ofstream to(path);
  checker::WriteHistory(history, to);
  return path;
}

}  // namespace

void RecordOutcome(checker::HistoryRecorder& history, checker::OpNumber op,
                   const Result<SendReceipt>& outcome) {
  if (!outcome) return history.End(op, OutcomeOf(outcome.error()));
  history.End(op, Outcome::kOk, [&outcome](checker::Action& action) {
    if (outcome->is_offset_known) std::get<checker::Send>(action).offset = Offset(outcome->offset);
  });
}

RecordedReader::RecordedReader(const Client& client, checker::HistoryRecorder& history,
                               Options options)
    : history_(history), options_(std::move(options)), number_(history.NewClient()) {
  Open(client);
}

checker::Poll RecordedReader::NewPoll() const {
  return {.consumer = checker::ConsumerNumber(number_.value()),
          .is_final = options_.is_final,
          .node = options_.node,
          .partition = PartitionNumber(options_.partition),
          .from = next_};
}

// A poll that brings nothing but a promise.
void RecordedReader::Open(const Client& client) {
  ConsumerConfig config;
  config.topic = options_.topic;
  config.partitions = {options_.partition};
  config.replica = options_.node.value();
  config.linearizable = true;
  checker::Poll poll = NewPoll();
  poll.is_from_leader = true;
  const checker::OpNumber op = history_.Begin(number_, poll);
  auto consumer = Consumer::Create(client, config);
  if (!consumer) return EndBadly(op, consumer.error());
  consumer_ = std::move(*consumer);
  const Consumer::Position position = consumer_->Positions().front();
  history_.End(op, Outcome::kOk, [&position](checker::Action& action) {
    std::get<checker::Poll>(action).end = Offset(position.end);
    std::get<checker::Poll>(action).start = Offset(position.log_start);
  });
}

void RecordedReader::EndBadly(checker::OpNumber op, const Error& error) {
  error_ = error.ToString();
  history_.End(op, OutcomeOf(error));
}

bool RecordedReader::Poll() {
  if (!consumer_) return false;
  const checker::OpNumber op = history_.Begin(number_, NewPoll());
  const auto batch = consumer_->Poll(kPollTimeout);
  if (!batch) {
    EndBadly(op, batch.error());
    return false;
  }
  const Consumer::Position position = consumer_->Positions().front();
  next_ = Offset(position.next_offset);
  history_.End(op, Outcome::kOk, [&batch, &position](checker::Action& action) {
    auto& poll = std::get<checker::Poll>(action);
    for (const MessageView& message : batch->messages)
      poll.records.push_back(
          {Offset(message.offset), checker::ReadValue(message.value.value_or(""))});
    poll.end = Offset(position.end);
    poll.start = Offset(position.log_start);
  });
  return true;
}

// The answer tells the log start, as that of a poll does.
bool RecordedReader::Trim(Client& client) {
  const checker::OpNumber op = history_.Begin(number_, NewPoll());
  const auto log_start = client.Trim(options_.topic, options_.partition, next_.value());
  if (!log_start) {
    history_.End(op, OutcomeOf(log_start.error()));
    return false;
  }
  history_.End(op, Outcome::kOk, [&log_start](checker::Action& action) {
    std::get<checker::Poll>(action).start = Offset(*log_start);
  });
  return true;
}

bool RecordedReader::IsAtEnd() const {
  if (!consumer_) return true;
  const Consumer::Position position = consumer_->Positions().front();
  return position.next_offset >= position.end;
}

checker::Report FinalReport(const ClusterProcess& cluster, Client& client, const std::string& topic,
                            checker::HistoryRecorder& history, bool keeps_history) {
  const std::size_t partitions = cluster.Ask(cluster.Running().front(), topic)->partitions.size();
  history.Note(history.NewClient(), checker::Nemesis{"heal"});
  for (const NodeId node : cluster.Running()) {
    for (std::uint32_t partition = 0; partition < partitions; ++partition)
      ReadToEnd(client, history, {topic, partition, node, /*is_final=*/true});
  }
  const checker::History whole = history.Take();
  checker::Report report = checker::CheckHistory(whole);
  std::cout << report.figures.acked << " messages acked, " << report.figures.records_read
            << " read, " << report.figures.sends_unknown << " sends of unknown outcome\n";
  if (!report.is_clean() && keeps_history) std::cout << "the history: " << Keep(whole) << "\n";
  return report;
}

::testing::AssertionResult IsConsistent(const ClusterProcess& cluster, Client& client,
                                        const std::string& topic,
                                        checker::HistoryRecorder& history) {
  const checker::Report report = FinalReport(cluster, client, topic, history);
  if (report.is_clean()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << report.ToString();
}

}  // namespace raftmq::testing

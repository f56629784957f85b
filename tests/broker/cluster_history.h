// What clients of a cluster do, recorded and judged by the history checker (tests/checker).
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>

#include "raftmq/client.h"
#include "raftmq/consumer.h"
#include "raftmq/message.h"
#include "tests/broker/cluster_process.h"
#include "tests/checker/history_recorder.h"
#include "tests/checker/report.h"

namespace raftmq::testing {

// The end of a send: refused for certain only by a definite error.
void RecordOutcome(checker::HistoryRecorder& history, checker::OpNumber op,
                   const Result<SendReceipt>& outcome);

// Reads one partition from its start at one node, and records it. Used by one thread.
class RecordedReader {
 public:
  struct Options {
    std::string topic;
    std::uint32_t partition = 0;
    NodeId node;            // 0 = whoever leads.
    bool is_final = false;  // See checker::Poll.
  };
  // Opens it linearizably: it sees all that was acked before. `history` outlives it.
  RecordedReader(const Client& client, checker::HistoryRecorder& history, Options options);

  // Polls once; false if that brought an error, which error() tells.
  bool Poll();
  // The last one; empty if there was none.
  const std::string& error() const { return error_; }
  // It has read to the highest end that it knows.
  bool IsAtEnd() const;
  // Has everything removed that it has read; false if that brought an error.
  bool Trim(Client& client);

 private:
  checker::Poll NewPoll() const;
  void Open(const Client& client);
  void EndBadly(checker::OpNumber op, const Error& error);

  checker::HistoryRecorder& history_;
  const Options options_;
  const checker::ClientNumber number_;
  Offset next_;
  std::optional<Consumer> consumer_;  // Empty if it could not be opened.
  std::string error_;
};

// The final phase: reads each partition of the topic at each running node, and judges the history.
// A history with anomalies is kept in a file, whose name is printed, unless they are expected.
// REQUIRES: nothing is sent any more, and all outcomes have come.
checker::Report FinalReport(const ClusterProcess& cluster, Client& client, const std::string& topic,
                            checker::HistoryRecorder& history, bool keeps_history = true);
// Whether it is clean.
::testing::AssertionResult IsConsistent(const ClusterProcess& cluster, Client& client,
                                        const std::string& topic,
                                        checker::HistoryRecorder& history);

}  // namespace raftmq::testing

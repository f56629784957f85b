// A cluster under load on which faults are tried, and the judgement of what it told its clients.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "raftmq/client.h"
#include "tests/broker/broker_process.h"
#include "tests/broker/cluster_load.h"
#include "tests/broker/cluster_process.h"
#include "tests/broker/reader_thread.h"
#include "tests/checker/history_recorder.h"
#include "tests/checker/report.h"
#include "tests/sim/choices.h"

namespace raftmq::testing {

// What was found when the faults were over.
struct Judgement {
  checker::Report report;
  int verify_exit = 0;  // Of `raftmq log verify` over the directories of all nodes.
  // Anything that is wrong, by the checker, by verify, or told to a client on the way.
  std::vector<std::string> problems;
  std::uint64_t damaged_ranges = 0;  // That recoveries have found and kept as damaged.
  // Why brokers have ended themselves: a failed check, a directory that was rolled back.
  std::uint64_t refusals = 0;

  bool is_clean() const { return problems.empty(); }
  std::string ToString() const;
};
::testing::AssertionResult IsClean(const Judgement& judgement);

// Two producers write to partition 0, of which every replica is read along, and one to partition 1.
// Used by one thread. What cannot be had in time ends the test by an exception.
class LoadedCluster {
 public:
  struct Options {
    std::size_t nodes = ClusterProcess::kNodes;
    PeerNetwork* network = nullptr;
    std::function<std::string(NodeId)> data_directory = {};  // Empty: in a temporary one.
    std::map<std::string, std::string> environment = {};
    // Partition 1 is trimmed as it is read, so that new segments get the files of old ones.
    bool reuses_files = true;
    std::chrono::milliseconds delivery_timeout{120'000};
    std::uint32_t per_second = 300;  // Messages of each producer.
    bool keeps_history = true;       // Of a judgement that is not clean.
  };
  static constexpr auto kTopic = "orders";
  static constexpr std::uint32_t kPartitions = 2;
  explicit LoadedCluster(const Options& options);
  // If the test has failed, prints what the brokers have written, and keeps their data.
  ~LoadedCluster();
  LoadedCluster(const LoadedCluster&) = delete;
  LoadedCluster& operator=(const LoadedCluster&) = delete;

  ClusterProcess& processes() { return processes_; }
  Client& client() { return client_; }
  NodeId AnyNode(sim::Choices& choices) const;
  // Notes in the history what is done to the cluster.
  void Note(const std::string& fault);
  // Sends that many messages more to each partition, as fast as they are taken.
  void Fill(std::uint64_t messages);
  // Waits until one of the producers, whichever, has got some more acks: at most `most`.
  void AwaitAcks(sim::Choices& choices, std::size_t most = 150);
  // Until each has got one more.
  void AwaitAckOfEach();
  // The same again and again for that long.
  void AwaitAcksFor(std::chrono::milliseconds time);

  // Ends the load; reads each replica by itself; stops the brokers and compares their logs.
  // REQUIRES: all were started. Nothing may follow.
  Judgement Judge();
  // See Judgement::refusals; so far.
  std::uint64_t CountRefusals();

 private:
  void FinishClients(Judgement* judgement);
  void TakeEnded(Judgement* judgement);
  void AwaitEqualEnds(Judgement* judgement);
  void Verify(Judgement* judgement);

  std::function<std::string(NodeId)> InData() const;

  const Options options_;
  TemporaryDirectory data_;  // Unless the options name another place.
  ClusterProcess processes_;
  Client client_;
  checker::HistoryRecorder history_;
  const checker::ClientNumber nemesis_ = history_.NewClient();
  std::vector<std::unique_ptr<Load>> loads_;
  std::vector<std::unique_ptr<ReaderThread>> readers_;
};

}  // namespace raftmq::testing

#include "tests/faults/loaded_cluster.h"

#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <utility>

#include "tests/broker/cluster_fixture.h"
#include "tests/broker/cluster_history.h"
#include "tests/faults/fault_test.h"

namespace raftmq::testing {
namespace {

constexpr std::uint32_t kReused = 1;  // The partition whose files may be reused.
constexpr std::size_t kMessageBytes = 500;
constexpr auto kSegmentBytes = "1048576";  // Rolls every few seconds.

std::uint64_t CountOf(const std::string& what, const std::string& text) {
  std::uint64_t count = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

struct CommandOutcome {
  int exit_code = 0;
  std::string output;
};

CommandOutcome Run(const std::string& command) {
  FILE* const pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot run: " + command);
  CommandOutcome outcome;
  char chunk[4096];
  while (const std::size_t got = fread(chunk, 1, sizeof chunk, pipe))
    outcome.output.append(chunk, got);
  const int status = pclose(pipe);
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome;
}

}  // namespace

std::string Judgement::ToString() const {
  std::string text;
  for (const std::string& problem : problems) text += problem + "\n";
  return text;
}

::testing::AssertionResult IsClean(const Judgement& judgement) {
  if (judgement.is_clean()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << judgement.ToString();
}

LoadedCluster::LoadedCluster(const Options& options)
    : options_(options),
      processes_({.network = options.network,
                  .nodes = options.nodes,
                  .data_directory = options.data_directory ? options.data_directory : InData(),
                  .environment = options.environment}),
      client_(ConnectTo(processes_)) {
  MakeTopic(processes_, client_, kTopic, kPartitions, {{"segment.bytes", kSegmentBytes}});
  for (const std::uint32_t partition : {0u, 0u, kReused}) {
    loads_.push_back(
        std::make_unique<Load>(ConnectTo(processes_), history_,
                               Load::Options{.topic = kTopic,
                                             .partition = partition,
                                             .per_second = options_.per_second,
                                             .message_bytes = kMessageBytes,
                                             .delivery_timeout = options.delivery_timeout}));
  }
  const auto read = [this](const ReaderThread::Options& reading) {
    readers_.push_back(std::make_unique<ReaderThread>(client_, history_, reading));
  };
  for (const NodeId node : processes_.all())
    read({.reads = {.topic = kTopic, .partition = 0, .node = node}});
  read({.reads = {.topic = kTopic, .partition = kReused}, .trims = options_.reuses_files});
}

LoadedCluster::~LoadedCluster() {
  if (!HasFailed()) return;
  std::cout << processes_.Logs();
  if (options_.data_directory) return;
  data_.Keep();
  std::cout << "the data directories: " << data_.path() << "/node-*\n";
}

std::function<std::string(NodeId)> LoadedCluster::InData() const {
  return [this](NodeId node) { return data_.path() + "/node-" + node.ToString(); };
}

NodeId LoadedCluster::AnyNode(sim::Choices& choices) const {
  return processes_.all()[choices.Below(processes_.all().size())];
}

void LoadedCluster::Note(const std::string& fault) {
  history_.Note(nemesis_, checker::Nemesis{fault});
}

void LoadedCluster::Fill(std::uint64_t messages) {
  for (std::uint32_t partition = 0; partition < kPartitions; ++partition) {
    Load load(client_, history_,
              {.topic = kTopic,
               .partition = partition,
               .messages_allowed = messages,
               .message_bytes = kMessageBytes});
    if (!load.SendAll() || !load.errors().empty())
      throw std::runtime_error("not all is acked:\n" + processes_.Logs());
  }
}

void LoadedCluster::AwaitAcks(sim::Choices& choices, std::size_t most) {
  Load& load = *loads_.at(choices.Below(loads_.size()));
  if (!load.WaitForAcks(choices.Between(1, most)))
    throw std::runtime_error("a producer gets no acks:\n" + processes_.Logs());
}

void LoadedCluster::AwaitAckOfEach() {
  for (const auto& load : loads_) {
    if (!load->WaitForAcks(1))
      throw std::runtime_error("a producer gets no acks:\n" + processes_.Logs());
  }
}

void LoadedCluster::AwaitAcksFor(std::chrono::milliseconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  do {
    AwaitAckOfEach();
  } while (std::chrono::steady_clock::now() < until);
}

Judgement LoadedCluster::Judge() {
  Judgement judgement;
  FinishClients(&judgement);
  TakeEnded(&judgement);
  try {
    if (processes_.Running().empty()) throw std::runtime_error("no broker runs");
    AwaitEqualEnds(&judgement);
    judgement.report = FinalReport(processes_, client_, kTopic, history_, options_.keeps_history);
    if (!judgement.report.is_clean()) judgement.problems.push_back(judgement.report.ToString());
    TakeEnded(&judgement);
    Verify(&judgement);
  } catch (const std::exception& error) {
    judgement.problems.push_back(error.what());
  }
  judgement.damaged_ranges = CountOf("damage: entries", processes_.Logs());
  judgement.refusals = CountRefusals();
  std::cout << "damaged ranges kept by recoveries: " << judgement.damaged_ranges << "\n";
  return judgement;
}

std::uint64_t LoadedCluster::CountRefusals() {
  const std::string logs = processes_.Logs();
  return CountOf("CHECK failed", logs) + CountOf("ROLLED_BACK", logs);
}

void LoadedCluster::FinishClients(Judgement* judgement) {
  for (const auto& load : loads_) {
    if (!load->Finish()) judgement->problems.push_back("some sends have no outcome");
    for (const std::string& error : load->errors())
      judgement->problems.push_back("a send failed: " + error);
    std::cout << "longest pause between acks " << load->longest_pause().count() << " ms\n";
  }
  for (const auto& reader : readers_) {
    const std::string error = reader->Finish();
    if (!error.empty()) judgement->problems.push_back("a reader ended: " + error);
  }
}

void LoadedCluster::TakeEnded(Judgement* judgement) {
  for (const NodeId node : processes_.TakeEnded())
    judgement->problems.push_back("node " + node.ToString() + " has ended by itself");
}

// Verify compares what two replicas have; that each has all of it is seen here.
void LoadedCluster::AwaitEqualEnds(Judgement* judgement) {
  for (std::uint32_t partition = 0; partition < kPartitions; ++partition) {
    std::vector<Offset> ends;
    const auto are_equal = [&] {
      ends.clear();
      for (const NodeId node : processes_.Running())
        ends.push_back(processes_.DurableEnd(node, kTopic, partition));
      return std::adjacent_find(ends.begin(), ends.end(), std::not_equal_to()) == ends.end();
    };
    if (Becomes(are_equal)) continue;
    std::string problem = "the replicas of partition " + std::to_string(partition) + " end at";
    for (const Offset end : ends) problem += " " + end.ToString();
    judgement->problems.push_back(problem);
  }
}

void LoadedCluster::Verify(Judgement* judgement) {
  std::string command = std::string(RAFTMQ_PATH) + " log verify";
  for (const NodeId node : processes_.Running()) processes_.Stop(node);
  for (const NodeId node : processes_.all()) {
    command += " '" + processes_.data_directory(node) + "'";
  }
  const CommandOutcome outcome = Run(command);
  judgement->verify_exit = outcome.exit_code;
  if (outcome.exit_code == 0) return;
  judgement->problems.push_back("log verify exits with " + std::to_string(outcome.exit_code) +
                                ":\n" + outcome.output);
}

}  // namespace raftmq::testing

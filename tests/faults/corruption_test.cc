// Files of one of three brokers are damaged under load, stopped or running: it serves nothing
// wrong, nothing shortened, and is whole again by itself. RAFTMQ_CORRUPTIONS (8): how many.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "tests/faults/corruption.h"
#include "tests/faults/corruption_table.h"
#include "tests/faults/fault_test.h"
#include "tests/faults/healing.h"
#include "tests/faults/loaded_cluster.h"
#include "tests/faults/whole_reads.h"

namespace raftmq::testing {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kFillMessages = 6'000;  // Some segments.
constexpr std::size_t kDamagesMax = 3;          // Of a round, each in another place.

// Little stays in memory, so that reads meet files; scrubs are not held back.
const std::map<std::string, std::string> kSettings{{"RAFTMQ_STORAGE__TAIL_CACHE", "1MiB"},
                                                   {"RAFTMQ_STORAGE__SCRUB_STARTED_RATE", "1GiB"}};

// One cluster, damaged again and again.
class DamagedCluster {
 public:
  DamagedCluster(sim::Choices& choices, CorruptionTable& table) : choices_(choices), table_(table) {
    cluster_.Fill(kFillMessages);
    for (const NodeId node : cluster_.processes().all()) ReadFirst(node);
  }

  // Does at most so much damage to one node, waits until it is whole, and says how much it was.
  std::size_t DamageOneNode(std::size_t most);
  Judgement Judge() { return cluster_.Judge(); }

 private:
  struct Damage {
    Corruption kind;
    std::string what;
  };
  // A place is a partition's directory or the data directory itself.
  std::vector<std::string> DrawPlaces(NodeId node, std::size_t most);
  static std::vector<Corruption> KindsFor(const std::string& place, const std::string& data,
                                          bool is_running);
  std::vector<Damage> DamagePlaces(NodeId node, std::size_t most, bool is_running);
  void StopAnyhow(NodeId node);
  void ReadFirst(NodeId node);
  void Take(NodeId node, const std::vector<Damage>& damages, const Healing::Outcome& outcome);

  sim::Choices& choices_;
  CorruptionTable& table_;
  LoadedCluster cluster_{{.environment = kSettings, .reuses_files = false, .per_second = 50}};
  WholeReads reads_{cluster_.client(), LoadedCluster::kTopic, LoadedCluster::kPartitions};
  Healing healing_{cluster_.processes(), cluster_.client(), reads_};
};

void DamagedCluster::ReadFirst(NodeId node) {
  const auto read = reads_.From(node, kPatience);
  if (!read.is_whole) throw std::runtime_error("not read before any damage: " + read.error);
}

std::size_t DamagedCluster::DamageOneNode(std::size_t most) {
  ClusterProcess& processes = cluster_.processes();
  const NodeId node = cluster_.AnyNode(choices_);
  const bool is_running = choices_.PerMille(500);
  const bool is_restarted = is_running && choices_.PerMille(250);
  const auto by = choices_.PerMille(500) ? Healing::Meets::kScrub : Healing::Meets::kRead;
  cluster_.AwaitAcks(choices_);
  if (!is_running) StopAnyhow(node);
  const std::vector<Damage> damages = DamagePlaces(node, most, is_running);
  for (const Damage& damage : damages) {
    std::cout << "node " << node.value() << (is_running ? " running, " : " stopped, ")
              << (is_restarted ? "restart, " : "")
              << (by == Healing::Meets::kScrub ? "scrub: " : "read: ") << NameOf(damage.kind)
              << ", " << damage.what << std::endl;
    cluster_.Note(damage.what);
  }
  const auto since = Clock::now();
  if (is_restarted) processes.Stop(node);
  if (!is_running || is_restarted) processes.Start(node);
  Take(node, damages, healing_.Await(node, by, since));
  return damages.size();
}

// What a crash leaves behind the durable mark and damage there look the same, so a node whose
// newest entries may be damaged has written its mark.
void DamagedCluster::StopAnyhow(NodeId node) { cluster_.processes().Stop(node); }

std::vector<std::string> DamagedCluster::DrawPlaces(NodeId node, std::size_t most) {
  const std::string data = cluster_.processes().data_directory(node);
  std::vector<std::string> places = PartitionDirectories(data);
  places.push_back(data);
  for (std::size_t i = places.size(); i > 1; --i)
    std::swap(places[i - 1], places[choices_.Below(i)]);
  places.resize(std::min({places.size(), most, choices_.Between(1, kDamagesMax)}));
  return places;
}

std::vector<Corruption> DamagedCluster::KindsFor(const std::string& place, const std::string& data,
                                                 bool is_running) {
  std::vector<Corruption> kinds;
  for (int i = 0; i < kCorruptions; ++i) {
    const auto kind = static_cast<Corruption>(i);
    if (IsOfNode(kind) == (place == data) && (IsForRunning(kind) || !is_running))
      kinds.push_back(kind);
  }
  return kinds;
}

std::vector<DamagedCluster::Damage> DamagedCluster::DamagePlaces(NodeId node, std::size_t most,
                                                                 bool is_running) {
  const std::string data = cluster_.processes().data_directory(node);
  std::vector<Damage> damages;
  for (const std::string& place : DrawPlaces(node, most)) {
    std::vector<Corruption> kinds = KindsFor(place, data, is_running);
    const Corruption kind = kinds[choices_.Below(kinds.size())];
    if (const auto what = Corrupt(kind, place, is_running, choices_))
      damages.push_back({kind, *what});
  }
  return damages;
}

void DamagedCluster::Take(NodeId node, const std::vector<Damage>& damages,
                          const Healing::Outcome& outcome) {
  for (const Damage& damage : damages) table_.Add(damage.kind, outcome.fate);
  std::string all;
  for (const Damage& damage : damages) all += damage.what + "; ";
  std::cout << (outcome.fate.is_healed ? "healed" : "not healed") << " after "
            << outcome.fate.healed_after.count() << " ms" << std::endl;
  if (outcome.ended > 0)
    std::cout << "it has ended by itself " << outcome.ended << " times" << std::endl;
  for (const std::string& wrong : outcome.wrong)
    ADD_FAILURE() << "node " << node.value() << " serves what is wrong: " << wrong << "\nafter "
                  << all;
  if (outcome.fate.is_healed) return;
  // No more damage is done to a cluster that has some.
  ADD_FAILURE() << "node " << node.value() << " is not whole after " << all
                << "\nit says: " << outcome.still << "\nits last scrub: " << outcome.last_scrub;
}

class Corruptions : public FaultTest {};

TEST_F(Corruptions, OfOneNodeAreRepairedAndNeverServed) {
  CorruptionTable table;
  InPortions({"RAFTMQ_CORRUPTIONS", 8}, [&](sim::Choices& choices, std::uint64_t count) {
    DamagedCluster cluster(choices, table);
    while (count > 0 && !HasFailure()) count -= cluster.DamageOneNode(count);
    EXPECT_TRUE(IsClean(cluster.Judge()));
  });
  std::cout << table.ToString();
}

}  // namespace
}  // namespace raftmq::testing

#include "tests/sim/simulation.h"

#include <algorithm>
#include <utility>

#include "tests/sim/network.h"
#include "tests/sim/node.h"

namespace raftmq::sim {
namespace {

constexpr std::uint64_t kEventsBetweenLooks = 64;

}  // namespace

Simulation::Simulation(Choices& choices, const RunOptions& options, Coverage& coverage)
    : options_(options),
      cluster_(choices, DrawScenario(choices, options.nodes), coverage, options.mutant),
      nemesis_(cluster_),
      operator_(cluster_) {
  FoundPartitions();
  for (std::uint32_t i = 0; i < cluster_.scenario.clients.producers; ++i)
    producers_.push_back(std::make_unique<SimProducer>(cluster_, i + 1));
  for (std::uint32_t i = 0; i < cluster_.scenario.clients.readers; ++i)
    readers_.push_back(std::make_unique<SimReader>(cluster_, i + 1));
}

// As a catalogue would: each on some of the nodes, the first of which is to lead.
void Simulation::FoundPartitions() {
  const Scenario& scenario = cluster_.scenario;
  for (std::uint32_t i = 0; i < scenario.partitions; ++i) {
    PartitionTruth::Founding founding{.group = {.topic = {1, 2}, .partition = PartitionNumber(i)},
                                      .seed = cluster_.choices.Next(),
                                      .number = ReplicaNumber(1)};
    if (scenario.HasMessageIds(i))
      founding.message_id_window_ms =
          static_cast<std::int64_t>(scenario.message_ids.window / kMillisecond);
    const std::uint64_t first = cluster_.choices.Below(scenario.nodes);
    for (std::uint64_t n = 0; n < std::min(scenario.replicas, scenario.nodes); ++n)
      founding.nodes.push_back(
          NodeId(static_cast<std::uint32_t>((first + n) % scenario.nodes) + 1));
    auto truth =
        std::make_unique<PartitionTruth>(std::move(founding), cluster_.verdict, cluster_.coverage);
    truth->keeps_copies = scenario.faults.keeps_copies;
    for (const NodeId node : truth->founding.nodes) {
      truth->placements[node].record.id = {node, truth->founding.number};
      truth->placements[node].was_member = true;
    }
    cluster_.partitions.push_back(std::move(truth));
  }
}

Outcome Simulation::Run() {
  for (const auto& node : cluster_.nodes) node->StartLater();
  for (const auto& producer : producers_) producer->Start();
  for (const auto& reader : readers_) reader->Start();
  nemesis_.Start();
  operator_.Start();
  RunUntil(options_.events, kNever);
  if (!cluster_.verdict.is_broken()) Calm();
  if (!cluster_.verdict.is_broken()) JudgeClients();
  Finish();
  return {cluster_.digest.value(), cluster_.events, cluster_.timeline.now(),
          cluster_.verdict.violation()};
}

void Simulation::RunUntil(std::uint64_t events, Time until) {
  while (cluster_.events < events && cluster_.timeline.now() < until &&
         !cluster_.verdict.is_broken() && cluster_.timeline.RunNext()) {
    if (cluster_.events < looked_ + kEventsBetweenLooks) continue;
    looked_ = cluster_.events;
    for (const auto& truth : cluster_.partitions) truth->LookAtAll();
    for (const auto& node : cluster_.nodes) {
      if (node->IsUp()) node->process()->LookAtStates();
    }
  }
}

void Simulation::JudgeClients() {
  const checker::Report report = cluster_.history.Judge();
  if (!report.is_clean()) cluster_.verdict.Broken("I-26 to I-34", report.ToString());
}

void Simulation::Finish() {
  for (const auto& truth : cluster_.partitions) {
    cluster_.digest.Add(truth->committed().value());
    if (truth->committed() > Index(0))
      cluster_.digest.Add(truth->CommittedAt(truth->committed()).hash);
  }
}

}  // namespace raftmq::sim

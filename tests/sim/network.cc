#include "tests/sim/network.h"

#include <algorithm>
#include <array>
#include <utility>

#include "tests/sim/node.h"
#include "tests/sim/peer_wire.h"

namespace raftmq::sim {

Network::Network(Cluster& cluster)
    : cluster_(cluster),
      options_(cluster.scenario.network),
      links_(cluster.scenario.nodes * cluster.scenario.nodes) {}

const Network::Link& Network::LinkOf(NodeId from, NodeId to) const {
  return links_[(from.value() - 1) * cluster_.scenario.nodes + to.value() - 1];
}

Network::Link& Network::LinkOf(NodeId from, NodeId to) {
  return links_[(from.value() - 1) * cluster_.scenario.nodes + to.value() - 1];
}

void Network::Send(Parcel parcel) {
  if (IsCut(parcel.from, parcel.to)) return;
  if (options_.through_codec) {
    parcel.content = ThroughWire(parcel.content, cluster_.verdict);
  } else if (auto* const message = std::get_if<PeerMessage>(&parcel.content)) {
    // Or it would change with the sender's disk, whose mapped files it may come from.
    for (SharedBytes& frame : message->frames) frame = SharedBytes::Copy(frame.view());
  }
  if (!cluster_.is_calm) {
    if (cluster_.choices.PerMille(options_.loss))
      return cluster_.coverage.Reach(Mark::kMessagesLost);
    if (options_.replay > 0) Remember(parcel);
    if (cluster_.choices.PerMille(options_.duplicate)) {
      cluster_.coverage.Reach(Mark::kMessagesDoubled);
      Carry(parcel);
    }
  }
  Carry(parcel);
}

void Network::Carry(const Parcel& parcel) {
  Link& link = LinkOf(parcel.from, parcel.to);
  if (link.in_flight >= options_.in_flight_max) return cluster_.coverage.Reach(Mark::kLinkFull);
  Choices& choices = cluster_.choices;
  const Time now = cluster_.timeline.now();
  if (!cluster_.is_calm && choices.PerMille(options_.clog)) {
    cluster_.coverage.Reach(Mark::kClogged);
    link.clogged_until = now + choices.Around(options_.clog_mean);
  }
  const Time delay = options_.delay_min + choices.Around(options_.delay_mean);
  Time arrival = std::max(now + delay, link.clogged_until);
  if (!choices.PerMille(options_.reorder)) {
    arrival = std::max(arrival, link.last_arrival);
    link.last_arrival = arrival;
  }
  if (arrival < link.last_arrival) cluster_.coverage.Reach(Mark::kOvertaken);
  ++link.in_flight;
  cluster_.timeline.After(arrival - now, [this, parcel, healings = healings_] {
    if (healings == healings_) --LinkOf(parcel.from, parcel.to).in_flight;
    Deliver(parcel);
  });
}

void Network::Deliver(const Parcel& parcel) {
  Node& node = cluster_.node(parcel.to);
  node.Do([&node, parcel] { node.process()->Receive(parcel); });
}

void Network::Remember(const Parcel& parcel) {
  if (cluster_.choices.PerMille(options_.replay) && !old_.empty()) {
    const auto which = static_cast<std::size_t>(cluster_.choices.Below(old_.size()));
    cluster_.coverage.Reach(Mark::kReplayed);
    cluster_.timeline.After(cluster_.choices.Around(options_.delay_mean),
                            [this, old = old_[which]] { Deliver(old); });
  }
  if (cluster_.choices.Below(32) != 0) return;
  old_.push_back(parcel);
  if (old_.size() > options_.replay_kept)
    old_.erase(old_.begin() + static_cast<std::ptrdiff_t>(cluster_.choices.Below(old_.size())));
}

void Network::ForClient(std::function<void()> arrive) {
  if (!cluster_.is_calm && cluster_.choices.PerMille(options_.client_loss))
    return cluster_.coverage.Reach(Mark::kClientLost);
  cluster_.timeline.After(options_.delay_min + cluster_.choices.Around(options_.delay_mean),
                          std::move(arrive));
}

// The links that a partition goes through.
std::vector<Network::Directed> Network::DrawCuts() {
  std::vector<int> shapes;
  if (options_.isolates) shapes.push_back(0);
  if (options_.halves) shapes.push_back(1);
  if (options_.random_links) shapes.push_back(2);
  if (options_.ring) shapes.push_back(3);
  if (shapes.empty()) return {};
  Choices& choices = cluster_.choices;
  const int shape = shapes[static_cast<std::size_t>(choices.Below(shapes.size()))];
  constexpr std::array<Mark, 4> kShapes{Mark::kCutIsolated, Mark::kCutHalves, Mark::kCutRandom,
                                        Mark::kCutRing};
  const auto nodes = static_cast<std::uint32_t>(cluster_.nodes.size());
  const std::uint64_t side = shape == 0 ? 1ull << choices.Below(nodes) : choices.Next();
  std::vector<Directed> cuts;
  for (std::uint32_t a = 0; a < nodes; ++a) {
    for (std::uint32_t b = a + 1; b < nodes; ++b) {
      const bool is_across = ((side >> a) & 1) != ((side >> b) & 1);
      const bool is_far = b - a > 1 && b - a < nodes - 1;
      const bool is_cut = shape == 2 ? choices.Below(3) == 0 : shape == 3 ? is_far : is_across;
      if (is_cut) cuts.emplace_back(NodeId(a + 1), NodeId(b + 1));
    }
  }
  if (!cuts.empty()) cluster_.coverage.Reach(kShapes[static_cast<std::size_t>(shape)]);
  return cuts;
}

void Network::Partition() {
  Choices& choices = cluster_.choices;
  std::vector<Directed> cuts = DrawCuts();
  if (cuts.empty()) return;
  cluster_.coverage.Reach(Mark::kPartitions);
  const bool one_way = choices.PerMille(options_.one_way);
  const bool forth = choices.Below(2) == 0;
  if (one_way) cluster_.coverage.Reach(Mark::kOneWay);
  std::vector<Directed> directed;
  for (const auto& [a, b] : cuts) {
    if (!one_way || forth) directed.emplace_back(a, b);
    if (!one_way || !forth) directed.emplace_back(b, a);
    if (choices.PerMille(options_.reset_on_cut)) Reset(a, b);
  }
  for (const auto& [from, to] : directed) ++LinkOf(from, to).cuts;
  cluster_.timeline.After(choices.Around(options_.partition_mean),
                          [this, directed, healings = healings_] {
                            if (healings != healings_) return;
                            cluster_.coverage.Reach(Mark::kHealed);
                            for (const auto& [from, to] : directed) --LinkOf(from, to).cuts;
                          });
}

void Network::Reset(NodeId a, NodeId b) {
  const auto tell = [this](NodeId whom, NodeId of) {
    cluster_.timeline.After(cluster_.choices.Around(options_.delay_mean), [this, whom, of] {
      Node& node = cluster_.node(whom);
      node.Do([&node, of] { node.process()->PeerUnreachable(of); });
    });
  };
  cluster_.coverage.Reach(Mark::kResets);
  tell(a, b);
  tell(b, a);
}

void Network::ResetAny() {
  const NodeId a = cluster_.PickNode();
  const NodeId b = cluster_.PickNode();
  if (a != b) Reset(a, b);
}

// A machine that lost its power says nothing; one whose process died closes its connections.
void Network::ProcessEnded(NodeId node) {
  for (const auto& other : cluster_.nodes) {
    if (other->id() != node && cluster_.choices.Below(2) == 0) Reset(other->id(), node);
  }
}

void Network::CalmDown(Time election_timeout) {
  options_.delay_min = std::min(options_.delay_min, election_timeout / 50);
  options_.delay_mean = std::min(options_.delay_mean, election_timeout / 100);
}

void Network::Isolate(NodeId node, bool is_alone) {
  for (const auto& other : cluster_.nodes) {
    if (other->id() == node) continue;
    LinkOf(node, other->id()).cuts += is_alone ? 1 : -1;
    LinkOf(other->id(), node).cuts += is_alone ? 1 : -1;
  }
}

void Network::Heal(const std::vector<NodeId>& alone) {
  ++healings_;
  const auto is_alone = [&alone](NodeId node) { return std::ranges::count(alone, node) > 0; };
  for (const auto& a : cluster_.nodes) {
    for (const auto& b : cluster_.nodes) {
      Link& link = LinkOf(a->id(), b->id());
      link.cuts = is_alone(a->id()) != is_alone(b->id()) ? 1 : 0;
      link.clogged_until = 0;
      // What is under way comes as late as it would have, but stands in nobody's way.
      link.in_flight = 0;
      link.last_arrival = 0;
    }
  }
}

}  // namespace raftmq::sim

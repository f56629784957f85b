// The network between the nodes: late, lossy, doubling, cut in all shapes that a real one takes
// (NetworkOptions). What is sent between two clogs of a link arrives in order unless it is drawn to
// overtake.
#pragma once

#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "tests/sim/cluster.h"
#include "tests/sim/peer_wire.h"

namespace raftmq::sim {

// What goes over a connection between two nodes.
struct Parcel {
  NodeId from;
  NodeId to;
  std::uint32_t partition = 0;  // Of a PeerMessage; else the receiving shard.
  ParcelContent content;
};

class Network {
 public:
  explicit Network(Cluster& cluster);

  void Send(Parcel parcel);
  // What a client asks of a node, or the answer: lost, or there after a while.
  void ForClient(std::function<void()> arrive);

  // A partition of a drawn shape, for a while.
  void Partition();
  // A connection breaks: both ends learn it.
  void Reset(NodeId a, NodeId b);
  void ResetAny();
  void ProcessEnded(NodeId node);
  // Nothing is lost any more, and no message takes longer than a timeout of this length allows for
  // (Raft paper, section 5.6: broadcast time << election timeout).
  void CalmDown(Time election_timeout);
  // All links are whole again; with `alone`, those between these nodes and the others are cut for
  // ever.
  void Heal(const std::vector<NodeId>& alone);
  // Cuts all links of a node, or makes them whole again.
  void Isolate(NodeId node, bool is_alone);
  bool IsCut(NodeId from, NodeId to) const { return LinkOf(from, to).cuts > 0; }

 private:
  struct Link {
    int cuts = 0;  // Partitions that go through it.
    Time clogged_until = 0;
    Time last_arrival = 0;
    std::size_t in_flight = 0;
  };
  using Directed = std::pair<NodeId, NodeId>;

  const Link& LinkOf(NodeId from, NodeId to) const;
  Link& LinkOf(NodeId from, NodeId to);
  void Carry(const Parcel& parcel);
  void Deliver(const Parcel& parcel);
  void Remember(const Parcel& parcel);
  std::vector<Directed> DrawCuts();

  Cluster& cluster_;
  NetworkOptions options_;   // As in the scenario, until it is calm.
  std::vector<Link> links_;  // [from][to].
  std::deque<Parcel> old_;
  std::uint64_t healings_ = 0;  // Partitions from before the last one are over.
};

}  // namespace raftmq::sim

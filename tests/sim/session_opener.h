// How a producer takes a session over (Group::OpenSession): it asks whoever is believed to lead,
// and again elsewhere until the outcome is definite or patience ends.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "protocol/client/backoff.h"
#include "raftlog/group.h"
#include "tests/sim/cluster.h"
#include "tests/sim/session_catalogue.h"

namespace raftmq::sim {

// One session at a time.
class SessionOpener {
 public:
  // nullopt: refused for good, or given up; then it may be opened all the same.
  using Done = std::function<void(const std::optional<OpenedSession>&)>;

  SessionOpener(Cluster& cluster, std::uint32_t producer);

  void Open(const SessionCatalogue::Grant& grant, NodeId believed, Done done);
  // As the last answer said; 0 = none known.
  NodeId leader() const { return leader_; }

 private:
  // One sending to one node.
  struct Asking {
    std::uint64_t attempt = 0;
    NodeId node;
    SessionCatalogue::Grant grant;
  };
  void Attempt();
  void MaybeComeLate(const Asking& asking);
  void Arrive(const Asking& asking);
  void Reply(const Asking& asking, const Result<OpenedSession>& opened);
  void OnAnswer(const Asking& asking, const Result<OpenedSession>& opened, NodeId leader);
  bool IsRefused(const Error& error);
  void TryAgain(NodeId leader);

  Cluster& cluster_;
  const std::uint32_t producer_;
  internal::Backoff backoff_;
  SessionCatalogue::Grant grant_;
  NodeId leader_;               // Believed; 0 = unknown.
  NodeId first_asked_;          // 0 = nobody yet.
  std::uint64_t attempts_ = 0;  // The newest one is waited for; older answers come too late.
  Done done_;
};

}  // namespace raftmq::sim

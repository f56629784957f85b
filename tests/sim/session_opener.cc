#include "tests/sim/session_opener.h"

#include <utility>

#include "tests/sim/network.h"
#include "tests/sim/node.h"

namespace raftmq::sim {

SessionOpener::SessionOpener(Cluster& cluster, std::uint32_t producer)
    : cluster_(cluster),
      producer_(producer),
      backoff_(Milliseconds(1 + cluster.choices.Below(20)), Milliseconds(200),
               cluster.choices.Next()) {}

void SessionOpener::Open(const SessionCatalogue::Grant& grant, NodeId believed, Done done) {
  grant_ = grant;
  leader_ = believed;
  first_asked_ = NodeId(0);
  done_ = std::move(done);
  backoff_.Reset();
  Attempt();
}

void SessionOpener::Attempt() {
  cluster_.Event(producer_);
  const Asking asking{.attempt = ++attempts_,
                      .node = leader_ == NodeId(0) ? cluster_.PickNode() : leader_,
                      .grant = grant_};
  if (first_asked_ == NodeId(0)) first_asked_ = asking.node;
  cluster_.network->ForClient([this, asking] {
    if (asking.attempt == attempts_) Arrive(asking);  // Else the connection was closed.
  });
  MaybeComeLate(asking);
  cluster_.timeline.After(cluster_.scenario.clients.timeout, [this, attempt = asking.attempt] {
    if (attempt != attempts_) return;
    ++attempts_;
    TryAgain(NodeId(0));
  });
}

// The same once more, when whoever asked has moved on. Not where sessions are dropped early: one
// that comes after the drop would open the session once more, from its beginning, behind the back
// of a producer that has batches of it under way. Of real sessions none is as young as a request
// can be late (session_min_age_ms).
void SessionOpener::MaybeComeLate(const Asking& asking) {
  const ClientOptions& options = cluster_.scenario.clients;
  if (cluster_.is_calm || options.sessions_max > 0 || !cluster_.choices.PerMille(options.late))
    return;
  cluster_.timeline.After(options.timeout + cluster_.choices.Around(options.timeout),
                          [this, asking] { Arrive(asking); });
}

void SessionOpener::Arrive(const Asking& asking) {
  Node& node = cluster_.node(asking.node);
  node.Do([this, &node, asking] {
    const SessionCatalogue::Grant& grant = asking.grant;
    const bool is_open =
        cluster_.partitions[grant.partition]->HasOpened(grant.session, grant.epoch);
    node.process()->OpenSession(grant.partition, grant.session, grant.epoch,
                                [this, asking, is_open](const Result<OpenedSession>& opened) {
                                  if (opened && is_open)
                                    cluster_.coverage.Reach(Mark::kOpeningRepeated);
                                  Reply(asking, opened);
                                });
  });
}

// First the node's turn ends and the oracles look at it.
void SessionOpener::Reply(const Asking& asking, const Result<OpenedSession>& opened) {
  cluster_.timeline.After(0, [this, asking, opened] {
    const SessionCatalogue::Grant& grant = asking.grant;
    // Until the answer is there nothing is sent in this epoch, nor in a higher one.
    const bool is_exact =
        asking.attempt == attempts_ && cluster_.sessions.IsNewest(grant.session, grant.epoch);
    if (opened) {
      cluster_.partitions[grant.partition]->TakenOver(grant.session, *opened, is_exact);
    }
    Process* const process = cluster_.node(asking.node).process();
    const NodeId leader = process == nullptr ? NodeId(0) : process->LeaderOf(grant.partition);
    cluster_.network->ForClient(
        [this, asking, opened, leader] { OnAnswer(asking, opened, leader); });
  });
}

void SessionOpener::OnAnswer(const Asking& asking, const Result<OpenedSession>& opened,
                             NodeId leader) {
  if (asking.attempt != attempts_) return;
  cluster_.Event(producer_);
  ++attempts_;
  if (!opened) {
    if (IsRefused(opened.error())) return done_(std::nullopt);
    return TryAgain(leader);
  }
  leader_ = leader;
  cluster_.coverage.Reach(Mark::kTakeovers);
  if (asking.node != first_asked_) cluster_.coverage.Reach(Mark::kTakeoverElsewhere);
  done_(*opened);
}

// For good. I-33: nobody is fenced by himself; I-31: nothing is forgotten but for its age.
bool SessionOpener::IsRefused(const Error& error) {
  const bool may_expire = cluster_.scenario.clients.sessions_max > 0;
  const bool is_fenced = error.code == ErrorCode::kFenced;
  const bool is_lost =
      error.code == ErrorCode::kUnknownSession || error.code == ErrorCode::kLimitExceeded;
  const bool is_newest = cluster_.sessions.IsNewest(grant_.session, grant_.epoch);
  if ((is_fenced && is_newest) || (is_lost && !may_expire))
    cluster_.partitions[grant_.partition]->Broken(is_fenced ? "I-33" : "I-31", {},
                                                  error.ToString());
  return is_fenced || is_lost;
}

void SessionOpener::TryAgain(NodeId leader) {
  leader_ = leader;
  if (cluster_.choices.Below(8) == 0) return done_(std::nullopt);
  cluster_.timeline.After(static_cast<Time>(backoff_.Next().count()) * kMillisecond,
                          [this] { Attempt(); });
}

}  // namespace raftmq::sim

// Which data directory each node has, and what follows from another one: the catalogue's own
// members, this replica's number, and `raftmq node replace`.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "broker/catalogue.h"
#include "broker/membership_plan.h"
#include "broker/start_directory.h"

namespace raftmq::broker {
namespace {

constexpr Microseconds kKeepEvery{100'000};
constexpr Microseconds kAdmitPatience{1'000'000};  // Who is to be admitted calls again.
constexpr Microseconds kLostPatience{5'000'000};
constexpr Microseconds kReplacePatience{8'000'000};

}  // namespace

void Catalogue::ReplaceNode(Shard& from, NodeId node, std::function<void(Status)> done) {
  home_.Put([this, from = &from, node, done = std::move(done)](Shard&) {
    ReplaceHere(node, [from, done](Status outcome) {
      from->Put([done, outcome = std::move(outcome)](Shard&) { done(outcome); });
    });
  });
}

void Catalogue::ReplaceHere(NodeId node, const Done& done) {
  if (state_.nodes().empty())
    return done(Fail(ErrorCode::kNotYet, "this node knows no nodes yet: ask another"));
  const auto known = state_.nodes().find(node);
  if (known == state_.nodes().end()) {
    std::vector<std::uint32_t> nodes;
    for (const auto& [id, joined] : state_.nodes()) nodes.push_back(id.value());
    return done(Fail(ErrorCode::kInvalidArgument,
                     fmt::format("there is no node {}: the cluster has the nodes {}", node.value(),
                                 fmt::join(nodes, ", "))));
  }
  const auto life = state_.lives().find(node);
  if (life != state_.lives().end() && life->second.is_replaced) return done(Ok());
  if (node == home_.options().node || home_.IsConnectedTo(node)) {
    return done(Fail(ErrorCode::kInvalidArgument,
                     fmt::format("node {} runs with the data directory that it has joined with: "
                                 "stop it first, if that is to be replaced",
                                 node.value())));
  }
  const NodeReplaced command{node, known->second.incarnation};
  home_.services().log.Warn(
      "catalogue", fmt::format("node {} is to be replaced: its data directory (incarnation {}) "
                               "will never count again",
                               node.value(), command.incarnation));
  Propose(command, kReplacePatience, [done](const Result<Index>& proposed) {
    done(proposed ? Ok() : Status(Fail(proposed.error())));
  });
}

void Catalogue::TellBook(NodeId node) {
  const auto joined = state_.nodes().find(node);
  if (joined == state_.nodes().end()) return;
  PeerBook::Directory directory{.incarnation = joined->second.incarnation,
                                .number = state_.CatalogueReplicaOf(node),
                                .gone = {}};
  if (const auto life = state_.lives().find(node); life != state_.lives().end()) {
    directory.is_replaced = life->second.is_replaced;
    directory.gone.assign(life->second.gone.begin(), life->second.gone.end());
  }
  home_.services().peers.SetDirectory(node, std::move(directory));
}

void Catalogue::KeepIdentities() {
  const Microseconds now = home_.services().clock.SteadyNow();
  if (!HasPeers() || is_draining_ || now - identities_kept_ < kKeepEvery) return;
  identities_kept_ = now;
  if (is_replayed_) AdmitCandidates();
  if (is_replayed_) ReconcileMembers();
  if (is_replayed_) ProposeLost();
  MaybeRejoin();
}

void Catalogue::AdmitCandidates() {
  for (const auto& [node, incarnation] : home_.services().peers.TakeCandidates()) {
    const auto life = state_.lives().find(node);
    if (life == state_.lives().end() || !life->second.is_replaced) continue;
    Propose(NodeAdmitted{node, incarnation}, kAdmitPatience, [](const Result<Index>&) {});
  }
  for (const auto& [node, number] : home_.services().peers.TakeLost()) {
    home_.services().log.WarnLimited(
        "catalogue", "lost",
        fmt::format("node {} has lost its replica {} of the catalogue and gets another one",
                    node.value(), number.value()));
    Propose(ReplicaLost{kClusterTopicId, PartitionNumber(0), node, number}, kAdmitPatience,
            [](const Result<Index>&) {});
  }
}

void Catalogue::ReportLost(const GroupId& group, ReplicaNumber number) {
  home_.Put([this, group, number](Shard&) { lost_[group] = number; });
}

// One at a time; what has got another number is not lost any more.
void Catalogue::ProposeLost() {
  const NodeId self = home_.options().node;
  std::erase_if(lost_, [&](const auto& entry) {
    const CatalogueTopic* const topic = state_.FindTopic(entry.first.topic);
    if (topic == nullptr) return true;
    const auto wanted = state_.WantedReplicas(*topic, entry.first.partition);
    return std::ranges::find(wanted, ReplicaId{self, entry.second}) == wanted.end();
  });
  if (lost_.empty() || is_proposing_lost_) return;
  is_proposing_lost_ = true;
  const auto& [group, number] = *lost_.begin();
  Propose(ReplicaLost{group.topic, group.partition, self, number}, kLostPatience,
          [this](const Result<Index>&) { is_proposing_lost_ = false; });
}

void Catalogue::ReconcileMembers() {
  if (is_changing_members_ || !group_->status().is_leader) return;
  std::vector<NodeId> founders;
  for (const PeerNode& peer : home_.options().peers) founders.push_back(peer.node);
  const auto next =
      NextMembership(group_->membership(), state_.WantedOfCatalogue(founders, kCatalogueReplica),
                     {home_.options().node, number_});
  if (!next) return;
  is_changing_members_ = true;
  group_->ChangeMembership(*next,
                           [this](const Result<Proposed>&) { is_changing_members_ = false; });
}

// What is left of this replica has been set aside: it neither votes nor acks any more. Whoever is
// called by this node is told so (PeerBook::SetOwnLost) and proposes ReplicaLost.
void Catalogue::AskForAnother(const CatalogueAtStart& found) {
  number_ = found.lost;
  start_began_ = home_.services().clock.SteadyNow();
  home_.services().log.Fault(
      "catalogue", fmt::format("this node's replica {} of the catalogue is lost, the other nodes "
                               "are asked for another one: {}",
                               number_.value(), found.loss));
}

// Others have admitted this directory in the place of another, or a replica of the catalogue in the
// place of a lost one. Until now there was none, or a founder of its own, to whom nobody has
// listened; from now on it is the replica that they have asked for.
void Catalogue::MaybeRejoin() {
  const ReplicaNumber told = home_.services().peers.told_number();
  if (is_rejoining_ || told <= number_) return;
  if (!state_.nodes().empty()) {
    return home_.services().log.WarnLimited(
        "catalogue", "rejoin",
        fmt::format("others know this node's directory as {}, it was {} and is in use: stop the "
                    "node and start it with an empty directory",
                    told.value(), number_.value()));
  }
  is_rejoining_ = true;
  home_.services().log.Info(
      "catalogue",
      fmt::format("admitted with this data directory: joining as replica {}", told.value()));
  if (group_ == nullptr) return RejoinOnClosed(told);
  group_->Drain([this, told] {
    home_.loop().Post([ref = anchor_.Ref(), told] {
      if (Catalogue* const catalogue = ref.get()) catalogue->RejoinOnClosed(told);
    });
  });
}

void Catalogue::RejoinOnClosed(ReplicaNumber number) {
  home_.ClearCompanion();
  committed_.clear();
  group_.reset();
  auto founded = std::make_shared<Result<std::unique_ptr<OpenedLog>>>(nullptr);
  const auto& services = home_.services();
  const auto work = [&services, &options = home_.options(), number, founded] {
    *founded = FoundCatalogueAnew(services.files, services.manifest, options, number);
  };
  const auto done = [ref = anchor_.Ref(), number, founded] {
    Catalogue* const catalogue = ref.get();
    if (catalogue == nullptr) return;
    if (!*founded) {
      catalogue->home_.services().log.WarnLimited("catalogue", "rejoin",
                                                  founded->error().ToString());
      return catalogue->Later([catalogue, number] { catalogue->RejoinOnClosed(number); });
    }
    catalogue->is_rejoining_ = catalogue->is_replayed_ = false;
    catalogue->is_asking_ = catalogue->has_caught_up_ = false;
    catalogue->is_changing_members_ = false;
    catalogue->Adopt(std::move(**founded));
  };
  if (!home_.group_deps().work.Submit(work, done))
    Later([this, number] { RejoinOnClosed(number); });
}

}  // namespace raftmq::broker

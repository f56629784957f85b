// The topic catalogue: the `__cluster` group on its home shard, its state machine, and the requests
// that change it.
//
//   CreateTopic: check -> propose TopicCreated -> committed, applied -> partitions opened on their
//   shards -> propose ReplicasFounded -> picture shown to every shard -> answer
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/anchor.h"
#include "broker/catalogue_state.h"
#include "broker/local_topics.h"
#include "broker/shard.h"
#include "broker/start_directory.h"
#include "broker/topic_service.h"
#include "raftlog/group_factory.h"

namespace raftmq::broker {

inline constexpr GroupId kClusterGroup{kClusterTopicId, PartitionNumber(0)};

// Lives on the home shard's loop, but for the constructor, the destructor and TopicService.
class Catalogue final : public TopicService {
 public:
  // `shards` outlive it, and their loops have ended when it is destroyed.
  explicit Catalogue(std::vector<Shard*> shards);
  ~Catalogue() override;

  // Takes the group over, replays its commands and opens every partition of this node; `done` runs
  // when all that can be served is. If this replica is lost, another is asked for first. Errors:
  // kUnknownFormat, kForeignDirectory.
  void Start(CatalogueAtStart found, std::function<void(Status)> done);
  // Says who and where this node is, if that is news.
  void Join(const NodeJoined& self, std::function<void(Status)> done);
  void Drain(std::function<void()> done);

  void CreateTopic(Shard& from, wire::CreateTopicRequest request,
                   std::function<void(Result<TopicId>)> done) override;
  void DeleteTopic(Shard& from, std::string name, std::function<void(Status)> done) override;
  void AllotSession(Shard& from, std::string name,
                    std::function<void(Result<AllottedSession>)> done) override;

  void ReplaceNode(Shard& from, NodeId node, std::function<void(Status)> done) override;
  void ReportLost(const GroupId& group, ReplicaNumber number) override;

  NodeId metadata_leader() const override {
    return NodeId(static_cast<std::uint32_t>(leader_.value()));
  }

  Shard& home() { return home_; }
  // Any thread.
  std::size_t topic_count() const { return topic_count_.value(); }
  std::size_t partition_count() const { return partition_count_.value(); }

  static std::uint32_t HomeShard(std::uint32_t shards) { return ShardOf(kClusterGroup, shards); }
  static GroupOptions OptionsFor(const BrokerOptions& options);

 private:
  using Done = std::function<void(Status)>;
  using OnApplied = std::function<void(Result<Index>)>;  // Where in the log the command stands.

  void Adopt(std::unique_ptr<OpenedLog> log);
  void AskForAnother(const CatalogueAtStart& found);
  void Restore(ByteSpan bytes);
  void Apply(Index index, ByteSpan payload);
  void NoteAllotted(Index index, const SessionAllotted& command);
  // A command on its way, tried again while its outcome is unknown or there is no leader.
  struct Proposal {
    std::string bytes;
    Microseconds deadline;  // After it an error is final.
    OnApplied done;
    Index index;             // Once committed.
    bool has_effect = true;  // Else it is done when it is committed.
  };

  bool HasPeers() const { return home_.options().peers.size() > 1; }
  void OnTick();
  void OnTurnEnd();
  void StartCheck();
  bool HasCaughtUp();
  void StartWithoutMajority();
  void StartFinish(Status outcome);
  void StartClearLeftovers();
  void OnOpened(const TopicId& topic, Status outcome);
  void OnReady(const TopicId& topic);
  bool IsThere(const TopicId& id);
  void AnswerCreated();
  void Propose(const ClusterCommand& command, Microseconds patience, OnApplied done);
  void TryPropose(const std::shared_ptr<Proposal>& proposal);
  // Runs `task` on a later tick, some time from now.
  void Later(std::function<void()> task);
  void RunDueTasks();
  void SettleProposals();
  void TryCreate(const wire::CreateTopicRequest& request, Microseconds deadline,
                 std::function<void(Result<TopicId>)> done);
  Result<TopicCreated> Plan(const wire::CreateTopicRequest& request) const;
  void CreateHere(const wire::CreateTopicRequest& request,
                  std::function<void(Result<TopicId>)> done);
  void DeleteHere(const std::string& name, Done done);
  // catalogue_identity.cc
  void TellBook(NodeId node);
  void KeepIdentities();
  void AdmitCandidates();
  void ProposeLost();
  void ReconcileMembers();
  void MaybeRejoin();
  void RejoinOnClosed(ReplicaNumber number);
  void ReplaceHere(NodeId node, const Done& done);
  void AllotHere(const std::string& name, std::function<void(Result<AllottedSession>)> done);
  void FinishAllotment(Result<Index> proposed,
                       const std::function<void(Result<AllottedSession>)>& done);

  const std::vector<Shard*> shards_;
  Shard& home_;
  LocalTopics local_;
  std::unique_ptr<Group> group_;
  CatalogueState state_;
  std::optional<Error> broken_;       // A committed command that cannot be read.
  bool has_failed_ = false;           // The group has stopped, and the log says so.
  Index known_commit_;                // Of this node's own log when it started.
  bool knows_peers_ = false;          // All up to there is applied.
  bool has_moved_ = false;            // And some of them moved replicas.
  ReplicaNumber number_;              // Of this replica.
  bool is_rejoining_ = false;         // As a replica of another number: there is no group.
  bool is_changing_members_ = false;  // Of the catalogue's own group.
  Microseconds identities_kept_{0};
  std::map<GroupId, ReplicaNumber> lost_;  // Replicas here that are not replaced yet.
  bool is_proposing_lost_ = false;
  bool has_changed_ = false;             // Commands were applied since the last look.
  bool is_replayed_ = false;             // All that was committed before this start is applied.
  std::function<void(Status)> started_;  // Set until Start is done.
  std::map<TopicId, std::function<void(Result<TopicId>)>> creating_;   // Asked for, not yet ready.
  std::vector<std::pair<Microseconds, std::function<void()>>> later_;  // With when, in order.
  std::vector<std::shared_ptr<Proposal>> committed_;                   // Not yet applied here.
  std::size_t allotting_ = 0;  // Sessions asked for here and not yet answered.
  // What each allotment gave that was applied meanwhile: the next one of its name may be applied
  // before it is known which entry was ours.
  std::map<Index, Result<AllottedSession>> allotted_;
  bool is_draining_ = false;
  // Of the start with peers.
  Microseconds start_began_{0};
  bool is_asking_ = false;
  bool has_caught_up_ = false;
  std::map<TopicId, Microseconds> majority_since_;  // Of those in creating_.
  Counter leader_;                                  // Node id; 0 = none known.
  Counter topic_count_;
  Counter partition_count_;
  Anchor<Catalogue> anchor_{this};
};

}  // namespace raftmq::broker

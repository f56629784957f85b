// The oracles of one partition: what all its replicas, past and present, may never contradict. A
// ghost log remembers everything that was ever committed anywhere. Rules are named as in the list
// of invariants (tests/sim/DESIGN.md).
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "protocol/types/bytes.h"
#include "protocol/types/ids.h"
#include "protocol/types/message_id.h"
#include "raftlog/frames.h"
#include "raftlog/group.h"
#include "raftlog/message_id_table.h"
#include "raftlog/opened_log.h"
#include "raftlog/session_entry.h"
#include "raftlog/session_table.h"
#include "tests/sim/coverage.h"
#include "tests/sim/replica_record.h"
#include "tests/sim/sent_batches.h"
#include "tests/sim/state_machine.h"
#include "tests/sim/verdict.h"

namespace raftmq::sim {

class PartitionTruth {
 public:
  struct Founding {
    GroupId group;
    std::uint64_t seed = 0;
    std::vector<NodeId> nodes;
    ReplicaNumber number;                   // Of all founding replicas.
    std::int64_t message_id_window_ms = 0;  // 0 = it takes none.
  };
  PartitionTruth(Founding created, Verdict& verdict, Coverage& coverage)
      : founding(std::move(created)), verdict_(verdict), coverage_(coverage) {}

  // One node's replica, from its placement to its removal.
  struct Placement {
    ReplicaRecord record;
    bool was_member = false;    // Or may have been: its number is used up.
    bool is_founded = false;    // Its directory was made: it is never made again.
    bool is_lost = false;       // Its directory went, and what it had promised with it.
    bool is_disk_lost = false;  // With the node's whole disk, its manifest included.
    bool is_retired = false;    // By the operator: it is not opened again.
    bool IsWhole() const { return !is_lost; }
  };

  const Founding founding;
  bool keeps_copies = true;  // Whatever is damaged is whole elsewhere.
  bool was_damaged = false;  // Some replica's entries were, at some time.
  // Who is alone with its damage goes on with what it can read of its sessions and message ids.
  bool MayForget() const { return was_damaged && !keeps_copies; }
  std::map<NodeId, Placement> placements;
  Membership asked_for;  // By the operator's last change, unless that was refused: it may yet come.
  SentBatches sent;

  // Its durable state is gone for good: it never votes or acks again (I-11).
  void End(ReplicaId id) { ended_.insert(id); }
  // The number of one that ended on this node; 0 = none.
  ReplicaNumber EndedOn(NodeId node) const;

  // What happens to a replica's log.
  void Opened(Placement& placement, const OpenedLog& opened);
  void Staged(ReplicaRecord& record, const SharedBytes& frame);
  void Cut(ReplicaRecord& record, Index last_kept);
  void Trimmed(ReplicaRecord& record, Index first);
  void Reset(ReplicaRecord& record, const LogBase& base);
  void Saves(ReplicaRecord& record, const HardState& state);
  // A message has come. Before its group hears of it.
  void Hears(ReplicaRecord& record, const RaftMessage& message);
  // What its group knows to be damaged, after a tick.
  void KnowsDamage(ReplicaRecord& record, const std::vector<DamagedRange>& damage);
  // Of what is damaged, the first that was not trimmed anywhere; 0 = none.
  Index FirstMissed(const std::vector<DamagedRange>& damage) const;
  // Before a message leaves.
  void Sends(ReplicaRecord& record, const RaftMessage& message);
  // After each turn of its group.
  void Look(ReplicaRecord& record, const GroupStatus& status);
  // The replica derived another state from its log than the leader.
  void Stopped(const ReplicaRecord& record, const Error& why) {
    Broken("I-23", record, why.ToString());
  }
  // What it has made of its log, as its group tells: after a restart, a truncation or a reset, and
  // else now and then.
  void LookAtState(ReplicaRecord& record, const Group& group);
  // After each tick of its group, unless it may be quiet.
  void Ticked(ReplicaRecord& record, const GroupStatus& status, std::uint64_t patience);
  // Now and then: what costs more to look at.
  void LookAtAll();

  // What a state machine made of it. After the Look at the same turn.
  void Applied(const ReplicaRecord& record, const StateMachine::Step& step);

  // What clients are told.
  void Acked(const Proposed& proposed, std::uint64_t payload_hash);
  // An ack of a batch that was in the log already, or whose message id was.
  void Repeated(const Proposed& proposed, const SentBatches::Batch& batch);
  void Served(const BatchHeader& header);
  // `is_exact`: nothing can have been stored in this epoch yet, nor in a higher one.
  void TakenOver(SessionId session, const OpenedSession& opened, bool is_exact);
  // Whether that is committed.
  bool WasDropped(SessionId session) const { return dropped_.contains(session); }
  bool HasOpened(SessionId session, std::uint32_t epoch) const;

  Index committed() const { return Index(committed_.size()); }
  Offset end() const { return committed_.empty() ? Offset(0) : committed_.back().end; }
  const EntryId& CommittedAt(Index index) const { return committed_[index.value() - 1]; }
  // The membership that counts for whoever holds all that is committed.
  const Membership& membership() const { return memberships_.back().membership; }
  // First offset that is kept, by the newest committed entry that says so.
  Offset log_start() const { return starts_.empty() ? Offset(0) : starts_.back().second; }
  // Whether its node has just that replica, and has not lost it: a learner may never have come to
  // be.
  bool IsThere(const Replica& replica) const;
  bool HasLed(NodeId node, Term term) const {
    const auto leader = leaders_.find(term);
    return leader != leaders_.end() && leader->second == node;
  }
  // Whether any membership that may still count names it.
  bool Names(ReplicaId id) const;
  std::uint64_t elections() const { return leaders_.size(); }
  bool IsDamaged() const;

  void Broken(const std::string& rule, const ReplicaRecord& record, const std::string& text);
  void Reach(Mark mark, std::uint64_t times = 1) { coverage_.Reach(mark, times); }

 private:
  // What an entry says, beside what names it.
  struct Content {
    BatchHeader header;
    std::vector<std::byte> payload;  // Of sessions, log starts, memberships, and with message ids.
  };
  // What a session has stored, by what is committed.
  struct StoredSession {
    std::uint32_t epoch = 0;
    std::uint32_t next_sequence = 0;
    std::int64_t heard_ms = 0;
    bool is_anew = false;  // It was dropped, and opened once more.
  };
  // A committed message with an id.
  struct StoredMessage {
    MessageId id;
    std::int64_t append_time_ms = 0;
  };
  // What counts as stored where another message is.
  struct StoredRepeat {
    Offset offset;
    bool was_acked = false;
  };
  using SessionSequence = std::tuple<SessionId, std::uint32_t, std::uint32_t>;  // Epoch second.
  // What a log says, by plain appends of its entries.
  struct Replayed {
    Membership membership;
    Offset log_start;
    SessionTable sessions;
    MessageIdTable message_ids;
  };
  void Note(ReplicaRecord& record, Index index, const EntryId& entry);
  void KeepContent(const BatchHeader& header, ByteSpan payload);
  void NoteMembership(ReplicaRecord& record, Index index, const Membership& membership);
  void CheckOneChange(const ReplicaRecord& record, Index index);
  void Elected(ReplicaRecord& record, Term term);
  Membership MembershipUpTo(Index index) const;
  static bool HearsMajority(ReplicaRecord& record, std::uint64_t patience);
  const Content& ContentOf(const EntryId& entry) const { return contents_.at(entry.hash); }
  Offset StartIn(const EntryId& entry) const;
  SessionEntry SessionEntryIn(const EntryId& entry) const;
  void BeginReplay();
  void ReplayCommitted(Index index);
  void Replay(const EntryId& entry, Replayed* state) const;
  void ReplaySessionEntry(const EntryId& entry, Replayed* state) const;
  Replayed ReplayOf(const ReplicaRecord& record) const;
  std::uint64_t ExpectedState(const ReplicaRecord& record);
  void CommitsSession(const ReplicaRecord& record, const EntryId& entry);
  void CommitsOpening(const ReplicaRecord& record, const SessionOpening& opening,
                      std::int64_t heard_ms);
  void CommitsExpiry(const SessionExpiry& expiry);
  void CommitsRepeat(const ReplicaRecord& record, const SessionRepeat& repeat,
                     std::int64_t append_time_ms);
  void CommitsMessageId(const ReplicaRecord& record, const EntryId& entry);
  void RepeatedId(const Proposed& proposed, const SentBatches::Batch& batch);
  void Continues(const ReplicaRecord& record, const SessionBatch& batch,
                 std::int64_t append_time_ms);
  void CommitsOnce(const ReplicaRecord& record, const EntryId& entry, SentBatches::Batch& batch);
  void CommitsStart(const ReplicaRecord& record, Index index, const EntryId& entry);
  void CheckStart(const ReplicaRecord& record, const GroupStatus& status);
  void BeginsAt(ReplicaRecord& record, Index first);
  void FillFront(ReplicaRecord& record, const OpenedLog& opened);
  void CheckIdentity(const ReplicaRecord& record, const RaftMessage& message);
  void Commits(ReplicaRecord& record, const GroupStatus& status, bool leads);
  static bool IsMember(const ReplicaRecord& record);
  void CommitsFirst(ReplicaRecord& record, Index index, Term term);
  bool IsHeldByMajority(const ReplicaRecord& leader, Index index) const;
  void CheckVote(const ReplicaRecord& record, const RaftMessage& message);
  void CheckAck(const ReplicaRecord& record, const AppendReply& reply);
  void KeepsPromise(ReplicaRecord& record, Index last_kept);
  void CheckDamage(const ReplicaRecord& before, const DamagedRange& range, const OpenedLog& opened);
  // Appends to `now` what nobody can read there any more, as it was.
  void FillDamaged(const ReplicaRecord& before, const DamagedRange& range, ReplicaRecord* now);
  void ReadInto(const ReplicaRecord& before, const OpenedLog& opened, ReplicaRecord* now);
  void TakeFrame(const Frame& frame, const OpenedLog& opened, ReplicaRecord* now);
  void Took(Index index, const EntryId& entry, ReplicaRecord* now);
  void CheckKept(const ReplicaRecord& before, const ReplicaRecord& after);
  void CheckPromises(const ReplicaRecord& record);

  Verdict& verdict_;
  Coverage& coverage_;
  std::vector<EntryId> committed_;           // The ghost log: [i] has index i + 1.
  std::vector<Term> committed_in_;           // The term of the leader that committed it.
  std::vector<MembershipAt> memberships_;    // Committed ones.
  std::vector<std::vector<EntryId>> known_;  // Every entry ever seen, by index.
  std::map<Term, NodeId> leaders_;           // Ever seen.
  std::set<ReplicaId> ended_;
  std::unordered_map<std::uint64_t, Content> contents_;  // Of all that was staged, by its hash.
  std::map<SessionId, StoredSession> sessions_;
  std::map<SessionSequence, StoredRepeat> repeats_;
  std::map<Offset, StoredMessage> messages_;      // With an id, committed.
  std::unordered_map<MessageId, Offset> ids_;     // The newest of them with each.
  std::set<SessionId> dropped_;                   // For their age; some were opened anew.
  std::vector<std::pair<Index, Offset>> starts_;  // Committed moves of the log start.
  Index not_missed_before_;  // Some log has begun there, if it does not any more after a crash.
  Replayed replayed_;        // All that is committed.
  std::map<Index, Replayed> replays_;  // The same, as it was now and then.
  std::unordered_map<std::uint64_t, std::uint64_t> expected_states_;  // Hashes, by the last entry.
  std::map<Index, std::uint64_t> states_;  // Hashes of state machines, by their last command.
};

}  // namespace raftmq::sim

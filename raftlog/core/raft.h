// The Raft machine of one replica (Ongaro and Ousterhout, "In search of an understandable consensus
// algorithm"): a pure step machine without I/O, clock, threads or payload bytes. The same
// construction and the same inputs give the same outputs.
//
//   inputs:  Tick, Propose, Persisted
//   outputs: TakeOutput: what the owner has to save and append, and how far the log is committed
//
// The owner carries outputs out in order and, once everything taken so far is synced, hands the
// mark of the last output back by Persisted. One role per file: election.cc, replication.cc.
//
// So far a group has exactly one voter, this node: nothing is received from or sent to a peer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "protocol/types/batch_header.h"
#include "protocol/types/hard_state.h"
#include "protocol/types/ids.h"
#include "raftlog/core/term_runs.h"
#include "raftmq/result.h"

namespace raftmq {

struct RaftConfig {
  NodeId self;
  std::vector<NodeId> voters;  // Sorted. REQUIRES: just `self`.
};

// What a restarted replica knows. All of it is durable (DESIGN.md section 4, Recovery).
struct RestoredState {
  HardState hard_state;
  std::vector<TermRun> runs;  // Of the log from its first kept entry.
  Index last;
  Index commit;  // A lower bound: the commit floor found in the log.
};

// How much of a replica's own state is synced. Everything named by a mark is covered by each later
// one.
struct DurableMark {
  std::uint64_t hard_state_number = 0;  // Hard states put out so far.
  std::uint64_t cuts = 0;               // Truncations and resets so far.
  Index last;                           // Last entry.
  bool operator==(const DurableMark&) const = default;
};

// An entry that joined the log.
struct AppendedEntry {
  Index index;
  Term term;
  EntryKind kind = EntryKind::kData;
  bool operator==(const AppendedEntry&) const = default;
};

// Work orders, to be carried out from top to bottom.
struct Output {
  std::optional<HardState> hard_state;  // Save it.
  std::vector<AppendedEntry> append;    // In order; those not proposed by the owner are no-ops.
  Index commit;                         // Never goes back.
  DurableMark mark;  // Give it to Persisted once this output and all before it are synced.
};

enum class RaftRole : std::uint8_t { kFollower, kCandidate, kLeader };

struct RaftStatus {
  RaftRole role = RaftRole::kFollower;
  Term term;
  NodeId vote;    // In this term; 0 = none.
  NodeId leader;  // 0 = none known.
  Index last;
  Index commit;                       // <= last.
  DurableMark durable;                // Last mark given to Persisted.
  std::size_t uncommitted_bytes = 0;  // Of proposals of this leader above commit.
};

// Owned by one thread.
class Raft {
 public:
  // The current term is the greater of the stored one and the last entry's.
  Raft(const RaftConfig& config, const RestoredState& restored);

  // Time passes. A sole voter needs to wait for nobody: without a leader it campaigns at once.
  void Tick();
  // Appends an entry of `bytes` bytes to the leader's log and returns its index; the term is
  // status().term. Errors: kNotLeader.
  Result<Index> Propose(EntryKind kind, std::size_t bytes);
  // Everything up to `mark` is synced on this replica. REQUIRES: `mark` was put out, and not before
  // the last one given.
  void Persisted(const DurableMark& mark);
  // Replaces *output by what has come up since the last call.
  void TakeOutput(Output* output);

  const RaftStatus& status() const { return status_; }
  // nullopt outside the kept log.
  std::optional<Term> TermAt(Index index) const { return log_.TermAt(index); }

 private:
  friend class RaftInvariants;

  // How much of the leader's log a voter holds durably.
  struct Progress {
    NodeId voter;
    Index match;
  };
  struct Uncommitted {
    Index index;
    std::size_t bytes = 0;
  };

  // election.cc
  void Campaign();
  bool HasWon() const;
  void BecomeLeader();
  void SetHardState(const HardState& state);

  // replication.cc
  Index Append(EntryKind kind, std::size_t bytes);
  void MaybeCommit();
  void SetCommit(Index commit);
  DurableMark IssuedMark() const;

  const RaftConfig config_;
  TermRuns log_;
  RaftStatus status_;
  std::uint64_t hard_state_number_ = 0;    // Of the current hard state; rises with each change.
  std::vector<Progress> progress_;         // Of the voters, when leader.
  std::deque<Uncommitted> uncommitted_;    // Entries above commit appended by this leader.
  std::optional<HardState> unsaved_;       // Not yet put out.
  std::vector<AppendedEntry> unappended_;  // Not yet put out.
};

}  // namespace raftmq

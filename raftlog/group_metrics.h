// What the groups of one shard count. The loop writes, any thread reads.
#pragma once

#include "protocol/types/counter.h"
#include "protocol/types/histogram.h"

namespace raftmq {

struct GroupMetrics {
  Counter proposals;
  Counter proposal_bytes;
  Counter refused_overloaded;
  Counter refused_disk_full;
  Counter sessions;          // Gauge: kept by the groups here.
  Counter sessions_expired;  // Dropped by entries of leaders here.
  Counter duplicates;        // Batches that were in the log already.
  Counter message_ids;       // Gauge: known by the groups here.
  Counter refused_message_ids_full;
  // Batches and openings of sessions that were refused, by reason.
  Counter refused_fenced;
  Counter refused_sequence_gap;
  Counter refused_sequence_overlap;
  Counter refused_duplicate_unknown;
  Counter refused_unknown_session;
  Counter refused_sessions_full;
  Counter terms_started;        // Times that a group of this shard became leader.
  Counter elections_lost;       // Campaigns of groups of this shard that did not make a leader.
  Counter heartbeat_failures;   // Followers silent for an election timeout, counted each time.
  Counter leaders;              // Gauge: groups led here.
  Counter pending_bytes;        // Gauge: proposals not yet committed.
  Counter pending_proposals;    // Gauge: the same, counted.
  Histogram commit_latency_us;  // From Propose to commit.
  Histogram queue_us;           // From Propose to the hand-over to the disk thread.
  Histogram append_latency_us;  // Of one job: from there to the sync, on leaders and followers.
  Histogram replication_us;     // From the own sync to the commit; 0 if the others were faster.
  Counter messages_sent;        // To and from other replicas of the groups here.
  Counter messages_received;
  Counter appends_refused;    // Whose entries do not check or do not follow.
  Counter appends_cut_short;  // Whose rest has to wait for the next segment's file.
  Counter resets;             // Logs dropped because they ended before the leader's begins.
  Counter resets_refused;     // Whose checkpoint part does not check.
  Counter terms_refused;      // Messages of a term beyond any credible one.
  Counter diverged;           // Gauge: groups that have stopped with kStateDiverged.
  Counter truncations;        // Suffixes that another leader has replaced.
  Counter disk_hangs;         // Leaderships given up for a disk that did not answer.
  Counter rolls;
  Counter log_start_moves;
  Counter retention_waits;  // Passes that left segments to a follower which lacks them.
  Counter fetches_from_cache;
  Counter fetches_from_map;  // Pages in memory, read on the loop.
  Counter fetches_cold;      // Through the work queue.
  Counter reads_damaged;     // Fetches that met damage.
  Counter entries_repaired;  // Damaged ones, by copies of other replicas.
  Counter losses_accepted;   // Log starts moved past damage without a good copy.
  Counter repairs_refused;   // Copies that do not check, or do not fit.
};

}  // namespace raftmq

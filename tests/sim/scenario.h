// All that a run draws before it begins: sizes, rates and which kinds of fault it has. Each kind is
// absent from about a third of all runs, so that none hides what another would show (swarm testing:
// Groce et al., ISSTA 2012).
#pragma once

#include <cstdint>

#include "tests/sim/choices.h"
#include "tests/sim/timeline.h"

namespace raftmq::sim {

// Chances are per mille of messages unless another thing is named.
struct NetworkOptions {
  Time delay_min = 0;                  // Of every message.
  Time delay_mean = 3 * kMillisecond;  // On top of that.
  std::uint32_t loss = 0;
  std::uint32_t duplicate = 0;
  std::uint32_t reorder = 0;  // Of messages that overtake, or are overtaken; else a link is FIFO.
  std::uint32_t replay = 0;   // Of messages after which one from long ago comes again.
  std::uint32_t replay_kept = 64;  // Old messages to choose from.
  std::uint32_t clog = 0;          // A link stands still, and then brings all it has.
  Time clog_mean = 200 * kMillisecond;
  std::size_t in_flight_max = 256;   // Messages of one link under way; more are dropped.
  Time partition_every = 0;          // Mean time between two partitions; 0 = none ever.
  Time partition_mean = kSecond;     // How long one lasts.
  bool isolates = true;              // The shapes that a partition may take: one node alone,
  bool halves = true;                // two groups,
  bool random_links = true;          // any links,
  bool ring = true;                  // each node hears only its neighbours.
  std::uint32_t one_way = 0;         // Per mille of partitions that cut one direction only.
  std::uint32_t reset_on_cut = 500;  // Per mille of cut links whose ends are told at once.
  Time reset_every = 0;              // Mean time between resets of one connection; 0 = none.
  bool through_codec = false;        // Messages are encoded and decoded as on a real wire.
  std::uint32_t client_loss = 0;     // Of requests and of answers of clients.
};

struct DiskOptions {
  Time write_mean = 200;  // Of a round of jobs.
  Time sync_mean = kMillisecond;
  std::uint32_t slow = 0;  // Per mille of rounds that take slow_mean.
  Time slow_mean = 500 * kMillisecond;
  Time open_mean = 5 * kMillisecond;
  std::uint32_t cold = 0;  // Per mille of looks at mapped pages that are not in memory.
  std::uint32_t work_queued_max = 64;
};

// Mean times between faults of one kind in the whole cluster; 0 = none ever.
struct FaultOptions {
  Time kill_every = 0;       // kill -9 between two events.
  Time power_cut_every = 0;  // The same with all that was not synced.
  Time all_cut_every = 0;    // Of every node at once.
  Time kill_then_cut_every =
      0;                       // A power cut soon after a kill: before, while or after it recovers.
  Time copy_damage_every = 0;  // Of one of two copies of a node's small state, with a kill.
  Time damage_every = 0;       // Of what a replica has synced of its log (log_damage.h).
  bool keeps_copies = true;    // Damage stays within the atlas; else a run need not come to life.
  Time scrub_every = 0;        // A process looks at its next segment.
  Time storage_death_every = 0;  // Kill or power cut between two operations of the file system.
  Time io_error_every = 0;       // A failed write or sync.
  Time disk_full_every = 0;
  Time disk_full_mean = kSecond;
  Time clean_stop_every = 0;
  Time pause_every = 0;
  Time pause_mean = kSecond;
  Time clock_step_every = 0;               // Of wall clocks, by up to an hour either way.
  Time restart_mean = 300 * kMillisecond;  // From a death to the next start.
};

struct ClientOptions {
  std::uint32_t producers = 2;
  std::uint32_t readers = 2;
  std::size_t value_bytes = 100;  // Mean.
  std::uint32_t records_max = 4;  // Of a batch.
  Time think_mean = 20 * kMillisecond;
  Time timeout = 2 * kSecond;
  std::uint32_t read_index = 100;  // Per mille of a reader's requests.
  std::uint32_t in_memory = 0;     // Per mille of batches sent with acks=leader-memory.
  bool has_sessions = false;       // Batches are numbered, so that a retry is stored once.
  std::uint32_t sessions_max = 0;  // Kept by a partition; 0: more than there are.
  Time session_min_age = 0;        // Older ones make place for new ones, then.
  std::uint32_t takeovers = 0;     // Per mille of batches before which one takes over a session.
  std::uint32_t late = 0;          // Per mille of requests that arrive after they were given up.
};

// Changes that an operator makes; 0 = none ever.
struct OperatorOptions {
  Time change_every = 0;     // Of a partition's membership.
  Time transfer_every = 0;   // Of a leadership.
  Time trim_every = 0;       // Of a partition's front.
  Time disk_loss_every = 0;  // A node's disk is replaced by an empty one, and its replicas anew.
  Time directory_loss_every = 0;  // The same for one replica, whose node remembers it.
};

// Messages with an id of their own, of which a partition stores one within its window.
struct MessageIdOptions {
  std::uint32_t share = 0;      // Per mille of the batches of who sends such.
  std::uint32_t different = 1;  // So many ids are drawn from, by all producers.
  Time window = 0;              // 0 = no partition takes any.
  std::uint32_t known_max = 0;  // Of a partition; 0: more than there are.
  bool everywhere = true;       // Else every second partition takes none.
};

struct Scenario {
  std::uint32_t nodes = 3;
  std::uint32_t partitions = 1;
  std::uint32_t replicas = 3;  // Founding voters of each partition, at most.
  std::uint32_t shards = 1;    // Of each node.
  std::uint32_t internal = 0;  // Of the partitions, the first ones: they have a state machine.
  Time tick = 10 * kMillisecond;
  std::uint32_t heartbeat_ticks = 3;
  std::uint32_t election_ticks_min = 12;
  std::uint32_t election_ticks_max = 24;
  std::size_t in_flight_max = 16;
  std::uint32_t clock_rate_ppm = 0;  // Greatest deviation of a node's clock.
  std::size_t cache_bytes = 1u << 20;
  std::uint32_t batch_bytes_max = 4096;
  bool fresh_page_per_job = false;
  bool tiny_segments = false;  // As small as the greatest batch allows, however much is written.
  bool goes_quiet = false;     // Idle groups rely on their shards' heartbeats.
  bool zero_ahead = false;
  std::int64_t retention_bytes = -1;  // Of each log.
  std::size_t pending_bytes_max = 1u << 20;
  Time disk_hang_limit = kSecond;
  NetworkOptions network;
  DiskOptions disk;
  FaultOptions faults;
  ClientOptions clients;
  OperatorOptions operators;
  MessageIdOptions message_ids;

  std::uint32_t ShardOf(std::uint32_t partition) const { return partition % shards; }
  bool IsInternal(std::uint32_t partition) const { return partition < internal; }
  bool HasMessageIds(std::uint32_t partition) const {
    const bool is_one = message_ids.everywhere || (partitions - 1 - partition) % 2 == 0;
    return message_ids.window > 0 && is_one && !IsInternal(partition);
  }
  Time election_max() const { return tick * election_ticks_max; }
};

// `nodes` 0: drawn, too.
Scenario DrawScenario(Choices& choices, std::uint32_t nodes);

}  // namespace raftmq::sim

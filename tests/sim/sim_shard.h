// One shard of a process: a loop's share of its partitions, with a disk thread, a cache and
// heartbeats of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "raftlog/catch_up_pace.h"
#include "raftlog/heartbeats.h"
#include "raftlog/tail_cache.h"
#include "tests/sim/cluster.h"
#include "tests/sim/sim_queues.h"
#include "tests/sim/sim_transport.h"

namespace raftmq::sim {

struct SimShard {
  struct Options {
    NodeId node;
    std::uint32_t number = 0;
    std::uint64_t boot = 0;
  };
  // `touched` is told which partition's job has come back.
  SimShard(Cluster& cluster, const Options& options, Later later,
           std::function<void(std::uint32_t)> touched, Heartbeats::OnSilent on_silent)
      : disk(cluster, std::move(later), std::move(touched)),
        cache(cluster.scenario.cache_bytes),
        transport(cluster, options.node),
        heartbeats({.shard = options.number,
                    .boot_id = options.boot,
                    .heartbeat_ticks = cluster.scenario.heartbeat_ticks,
                    .silence_ticks = cluster.scenario.election_ticks_min},
                   transport, std::move(on_silent)) {}

  SimDisk disk;
  TailCache cache;
  LiveTraffic live_traffic;
  SimHeartbeatTransport transport;
  Heartbeats heartbeats;
};

}  // namespace raftmq::sim

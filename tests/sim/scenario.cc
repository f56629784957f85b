#include "tests/sim/scenario.h"

#include <array>

namespace raftmq::sim {
namespace {

bool IsOn(Choices& choices) { return choices.Below(3) != 0; }

// A mean time between faults, spread over two orders of magnitude; 0 in a third of all runs.
Time Every(Choices& choices, Time shortest) {
  if (!IsOn(choices)) return 0;
  return shortest << choices.Below(6);
}

std::uint32_t Rate(Choices& choices, std::uint64_t most) {
  return IsOn(choices) ? static_cast<std::uint32_t>(choices.Between(1, most)) : 0;
}

template <class T, std::size_t n>
T OneOf(Choices& choices, const std::array<T, n>& values) {
  return values[static_cast<std::size_t>(choices.Below(n))];
}

NetworkOptions DrawNetwork(Choices& choices) {
  NetworkOptions network;
  network.delay_min = choices.Below(3) * kMillisecond;
  network.delay_mean = choices.Between(100, 10 * kMillisecond);
  network.loss = Rate(choices, choices.Below(4) == 0 ? 300 : 50);
  network.duplicate = Rate(choices, choices.Below(4) == 0 ? 500 : 50);
  network.reorder = Rate(choices, 300);
  network.replay = Rate(choices, 30);
  network.clog = Rate(choices, 20);
  network.clog_mean = choices.Between(10, 500) * kMillisecond;
  network.in_flight_max = OneOf(choices, std::array<std::size_t, 3>{8, 64, 256});
  network.partition_every = Every(choices, 300 * kMillisecond);
  network.partition_mean = choices.Between(50, 3000) * kMillisecond;
  network.isolates = IsOn(choices);
  network.halves = IsOn(choices);
  network.random_links = IsOn(choices);
  network.ring = IsOn(choices);
  network.one_way = Rate(choices, 700);
  network.reset_on_cut = Rate(choices, 1000);
  network.reset_every = Every(choices, 200 * kMillisecond);
  network.through_codec = choices.Below(4) == 0;
  network.client_loss = Rate(choices, 100);
  return network;
}

DiskOptions DrawDisk(Choices& choices) {
  DiskOptions disk;
  disk.write_mean = choices.Between(10, 500);
  disk.sync_mean = choices.Between(100, 5 * kMillisecond);
  disk.slow = Rate(choices, 20);
  disk.slow_mean = choices.Between(50, 3000) * kMillisecond;
  disk.open_mean = choices.Between(1, 50) * kMillisecond;
  disk.cold = Rate(choices, 500);
  disk.work_queued_max = OneOf(choices, std::array<std::uint32_t, 3>{1, 16, 64});
  return disk;
}

FaultOptions DrawFaults(Choices& choices) {
  FaultOptions faults;
  faults.kill_every = Every(choices, 500 * kMillisecond);
  faults.power_cut_every = Every(choices, 500 * kMillisecond);
  faults.all_cut_every = Every(choices, 2 * kSecond);
  faults.kill_then_cut_every = Every(choices, 500 * kMillisecond);
  faults.copy_damage_every = Every(choices, 500 * kMillisecond);
  faults.storage_death_every = Every(choices, 200 * kMillisecond);
  faults.io_error_every = Every(choices, kSecond);
  faults.disk_full_every = Every(choices, kSecond);
  faults.disk_full_mean = choices.Between(100, 3000) * kMillisecond;
  faults.clean_stop_every = Every(choices, 500 * kMillisecond);
  faults.pause_every = Every(choices, 500 * kMillisecond);
  faults.pause_mean = choices.Between(1, 3000) * kMillisecond;
  faults.clock_step_every = Every(choices, 500 * kMillisecond);
  faults.restart_mean = choices.Between(1, 1000) * kMillisecond;
  return faults;
}

ClientOptions DrawClients(Choices& choices) {
  ClientOptions clients;
  clients.producers = static_cast<std::uint32_t>(choices.Between(1, 8));
  clients.readers = static_cast<std::uint32_t>(choices.Between(1, 8));
  clients.value_bytes = OneOf(choices, std::array<std::size_t, 4>{16, 100, 800, 3000});
  clients.records_max = OneOf(choices, std::array<std::uint32_t, 3>{1, 4, 20});
  clients.think_mean = choices.Between(1, 50) * kMillisecond;
  clients.timeout = choices.Between(200, 4000) * kMillisecond;
  clients.read_index = Rate(choices, 300);
  clients.in_memory = choices.Below(4) == 0 ? Rate(choices, 300) : 0;
  clients.has_sessions = IsOn(choices);
  clients.sessions_max = choices.Below(3) == 0 ? 3 : 0;
  clients.session_min_age = choices.Between(1, 4000) * kMillisecond;
  clients.late = Rate(choices, 500);
  clients.takeovers = Rate(choices, 200);
  return clients;
}

OperatorOptions DrawOperators(Choices& choices) {
  OperatorOptions operators;
  operators.change_every = Every(choices, 200 * kMillisecond);
  operators.transfer_every = Every(choices, 200 * kMillisecond);
  operators.trim_every = Every(choices, 100 * kMillisecond);
  operators.disk_loss_every = Every(choices, kSecond);
  operators.directory_loss_every = Every(choices, kSecond);
  return operators;
}

// Windows that pass within a run, and one that does not whatever the clocks do.
MessageIdOptions DrawMessageIds(Choices& choices) {
  constexpr Time kBeyondAllRuns = 720 * 3600 * kSecond;
  MessageIdOptions ids;
  if (!IsOn(choices)) return ids;
  ids.share = static_cast<std::uint32_t>(choices.Between(50, 700));
  ids.different = OneOf(choices, std::array<std::uint32_t, 3>{3, 20, 200});
  ids.window = choices.Below(3) == 0 ? kBeyondAllRuns : choices.Between(20, 4000) * kMillisecond;
  if (choices.Below(4) == 0) ids.known_max = static_cast<std::uint32_t>(choices.Between(1, 8));
  ids.everywhere = choices.Below(2) == 0;
  return ids;
}

void DrawDamage(Choices& choices, FaultOptions* faults) {
  faults->damage_every = Every(choices, 100 * kMillisecond);
  faults->scrub_every = Every(choices, 20 * kMillisecond);
  if (faults->damage_every > 0) faults->keeps_copies = choices.Below(6) != 0;
}

// Leaders that are cut off with much on their hands: whole segments are cut from their logs later.
void Flood(Choices& choices, Scenario* scenario) {
  scenario->partitions = 1;
  scenario->internal = 0;
  scenario->replicas = 3;
  scenario->tick = 20 * kMillisecond;
  scenario->heartbeat_ticks = 4;
  scenario->election_ticks_min = 32;
  scenario->election_ticks_max = 64;
  scenario->batch_bytes_max = 16384;
  scenario->retention_bytes = -1;
  scenario->pending_bytes_max = 1u << 20;
  scenario->clients.producers = 32;
  scenario->clients.value_bytes = 6000;
  scenario->clients.records_max = 2;
  scenario->clients.think_mean = choices.Between(1, 5) * kMillisecond;
  scenario->clients.timeout = choices.Between(200, 800) * kMillisecond;
  scenario->disk.sync_mean = kMillisecond;
  scenario->network.partition_every = kSecond;
  scenario->network.partition_mean = 2 * kSecond;
  scenario->network.isolates = true;
  scenario->network.halves = scenario->network.random_links = scenario->network.ring = false;
  scenario->goes_quiet = false;
}

}  // namespace

Scenario DrawScenario(Choices& choices, std::uint32_t nodes) {
  Scenario scenario;
  scenario.nodes =
      OneOf(choices, std::array<std::uint32_t, 12>{1, 2, 3, 3, 3, 3, 4, 5, 5, 5, 6, 7});
  if (nodes > 0) scenario.nodes = nodes;
  scenario.partitions = OneOf(choices, std::array<std::uint32_t, 8>{1, 1, 1, 1, 2, 2, 4, 8});
  scenario.replicas = OneOf(choices, std::array<std::uint32_t, 6>{1, 2, 3, 3, 5, 7});
  scenario.shards = 1 + static_cast<std::uint32_t>(choices.Below(2));
  scenario.internal = choices.Below(4) == 0 ? 1 : 0;
  scenario.tick = choices.Between(5, 30) * kMillisecond;
  scenario.heartbeat_ticks = static_cast<std::uint32_t>(choices.Between(1, 4));
  scenario.election_ticks_min =
      scenario.heartbeat_ticks * static_cast<std::uint32_t>(choices.Between(3, 8));
  scenario.election_ticks_max =
      scenario.election_ticks_min * static_cast<std::uint32_t>(choices.Between(2, 3));
  scenario.in_flight_max = OneOf(choices, std::array<std::size_t, 3>{1, 4, 16});
  scenario.clock_rate_ppm = Rate(choices, 50'000);
  scenario.cache_bytes = OneOf(choices, std::array<std::size_t, 3>{1, 16u << 10, 1u << 20});
  scenario.batch_bytes_max = OneOf(choices, std::array<std::uint32_t, 2>{4096, 16384});
  scenario.fresh_page_per_job = choices.Below(4) == 0;
  scenario.zero_ahead = choices.Below(4) == 0;
  scenario.tiny_segments = choices.Below(2) == 0;
  scenario.pending_bytes_max = OneOf(choices, std::array<std::size_t, 2>{16u << 10, 1u << 20});
  scenario.disk_hang_limit = choices.Between(200, 3000) * kMillisecond;
  scenario.network = DrawNetwork(choices);
  scenario.disk = DrawDisk(choices);
  scenario.faults = DrawFaults(choices);
  scenario.clients = DrawClients(choices);
  scenario.operators = DrawOperators(choices);
  scenario.message_ids = DrawMessageIds(choices);
  DrawDamage(choices, &scenario.faults);
  if (choices.Below(3) == 0)
    scenario.retention_bytes = static_cast<std::int64_t>(choices.Between(16, 256) << 10);
  // Sessions age by log time, which stands still until a clock that was set back has caught up.
  if (scenario.faults.clock_step_every > 0) scenario.clients.sessions_max = 0;
  if (choices.Below(8) == 0) {
    Flood(choices, &scenario);
    return scenario;
  }
  scenario.goes_quiet = choices.Below(2) == 0;
  if (!scenario.goes_quiet) return scenario;
  // Heartbeats of shards rely on connections that keep their order (raftlog/heartbeats.h).
  scenario.network.reorder = scenario.network.duplicate = scenario.network.replay = 0;
  scenario.clients.think_mean *= choices.Between(1, 20);  // Else nothing is ever idle.
  return scenario;
}

}  // namespace raftmq::sim

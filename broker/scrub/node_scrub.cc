#include "broker/scrub/node_scrub.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace raftmq::broker {
namespace {

constexpr Microseconds kSaveInterval = std::chrono::minutes(1);
constexpr Microseconds kRetryInterval = std::chrono::seconds(1);

// The same but for how far it has come.
bool IsSamePass(const ScrubPass& a, const ScrubPass& b) {
  return a.began_ms == b.began_ms && a.ended_ms == b.ended_ms && a.is_running == b.is_running;
}

std::vector<ScrubPass> PassesOf(const std::vector<ShardScrub>& shards) {
  std::vector<ScrubPass> passes;
  for (const ShardScrub& shard : shards) passes.push_back(shard.pass);
  return passes;
}

}  // namespace

NodeScrub::NodeScrub(FileSystem& files, const Options& options, MetricsRegistry& metrics)
    : files_(files), options_(options), limits_(options.limits) {
  auto saved = LoadPasses(files, options.directory);
  if (saved) {
    saved_ = std::move(*saved);
  } else {
    load_error_ = std::move(saved).error();
  }
  for (const ScrubPass& pass : PassesFor(saved_, options.shards)) shards_.push_back({.pass = pass});
  Register(metrics);
}

ScrubLimits NodeScrub::limits() const {
  const std::lock_guard lock(mutex_);
  return limits_;
}

void NodeScrub::SetLimits(const ScrubLimits& limits) {
  const std::lock_guard lock(mutex_);
  limits_ = limits;
}

ScrubPass NodeScrub::PassOf(std::uint32_t shard) const {
  const std::lock_guard lock(mutex_);
  return shards_.at(shard).pass;
}

void NodeScrub::Publish(std::uint32_t shard, ShardScrub scrub) {
  const std::lock_guard lock(mutex_);
  shards_.at(shard) = std::move(scrub);
}

// A pass of the node is over when that of its last shard is.
NodeScrubStatus NodeScrub::Status() const {
  const std::uint64_t ordered = orders();
  const std::lock_guard lock(mutex_);
  NodeScrubStatus status;
  status.ended_ms = shards_.front().pass.ended_ms;
  for (const ShardScrub& shard : shards_) {
    const bool is_ordered = shard.order < ordered;
    status.is_running |= is_ordered || shard.pass.is_running;
    status.by_hand |= is_ordered || (shard.pass.is_running && shard.pass.by_hand);
    status.began_ms = std::max(status.began_ms, shard.pass.began_ms);
    status.ended_ms = std::min(status.ended_ms, shard.pass.ended_ms);
    status.bytes_read += shard.pass.bytes_read;
    status.bytes_all += shard.pass.bytes_read + shard.bytes_left;
    status.bytes_total += shard.bytes_total;
    status.found += shard.found;
    status.repaired += shard.repaired;
    status.open.insert(status.open.end(), shard.open.begin(), shard.open.end());
  }
  status.passes = std::ranges::min(shards_, {}, &ShardScrub::passes).passes;
  return status;
}

bool NodeScrub::IsSaveDue(Microseconds now) const {
  const std::lock_guard lock(mutex_);
  const std::vector<ScrubPass> passes = PassesOf(shards_);
  if (passes == saved_) return false;
  const bool is_news =
      saved_.size() != passes.size() || !std::ranges::equal(passes, saved_, IsSamePass);
  return now - saved_at_ >= (is_news ? kRetryInterval : kSaveInterval);
}

raftmq::Status NodeScrub::Save(Microseconds now) {
  std::vector<ScrubPass> passes;
  {
    const std::lock_guard lock(mutex_);
    passes = PassesOf(shards_);
    saved_at_ = now;
  }
  RAFTMQ_TRY(SavePasses(files_, options_.directory, passes));
  const std::lock_guard lock(mutex_);
  saved_ = std::move(passes);
  return Ok();
}

void NodeScrub::SaveLast(Microseconds now) {
  bool is_news = false;
  {
    const std::lock_guard lock(mutex_);
    is_news = PassesOf(shards_) != saved_;
  }
  if (is_news && !Save(now)) return;
}

void NodeScrub::Register(MetricsRegistry& metrics) {
  const auto add = [this, &metrics](std::string name, std::string help, MetricKind kind,
                                    std::function<double(const NodeScrubStatus&)> read) {
    registrations_.push_back(
        metrics.Add({.name = std::move(name), .help = std::move(help), .kind = kind}, {},
                    [this, read = std::move(read)] { return read(Status()); }));
  };
  using S = const NodeScrubStatus&;
  const auto number = [](auto value) { return static_cast<double>(value); };
  add("raftmq_storage_scrubbed_bytes_total", "Bytes that the scrubber has read and checked.",
      MetricKind::kCounter, [number](S status) { return number(status.bytes_total); });
  add("raftmq_storage_scrub_passes_total", "Times that the scrubber has read everything.",
      MetricKind::kCounter, [number](S status) { return number(status.passes); });
  add("raftmq_storage_scrub_last_pass_timestamp_seconds",
      "When the scrubber had last read everything; 0 = never.", MetricKind::kGauge,
      [number](S status) { return number(status.ended_ms) / 1000; });
  add("raftmq_storage_damage_found_total", "Damaged ranges and files that were found.",
      MetricKind::kCounter, [number](S status) { return number(status.found); });
  add("raftmq_storage_damage_repaired_total", "Of these, those that are whole again or gone.",
      MetricKind::kCounter, [number](S status) { return number(status.repaired); });
  add("raftmq_storage_damage_open", "Damaged ranges and files that are not yet repaired.",
      MetricKind::kGauge, [number](S status) { return number(status.open.size()); });
}

}  // namespace raftmq::broker

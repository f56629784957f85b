#include "broker/space_keeper.h"

#include <fmt/format.h>
#include <pthread.h>

#include <chrono>
#include <filesystem>
#include <utility>

namespace raftmq::broker {
namespace {

// A disk of 3 GB/s takes most of the default low mark meanwhile; files are checked one by one.
constexpr std::chrono::milliseconds kLookInterval{250};

MetricFamilyOptions Gauge(std::string name, std::string help) {
  return {.name = std::move(name), .help = std::move(help), .kind = MetricKind::kGauge};
}

std::string MiB(std::uint64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1u << 20));
}

}  // namespace

SpaceKeeper::SpaceKeeper(const Options& options, const Environment& environment)
    : node_(options.node), path_(options.path), environment_(environment), wanted_(options.wanted) {
  Look();
  Register();
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "space");
    Run();
  });
}

SpaceKeeper::~SpaceKeeper() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void SpaceKeeper::SetWatermarks(const DiskWatermarks& wanted) {
  {
    const std::lock_guard lock(mutex_);
    wanted_ = wanted;
  }
  changed_.notify_one();
}

void SpaceKeeper::Run() {
  std::unique_lock lock(mutex_);
  while (!is_stopping_) {
    changed_.wait_for(lock, kLookInterval);
    lock.unlock();
    Look();
    lock.lock();
  }
}

// What cannot be seen stays as it was.
void SpaceKeeper::Look() {
  const Result<std::uint64_t> free_bytes = environment_.files.FreeBytes(path_);
  const std::uint64_t total_bytes = TotalBytes();
  if (!free_bytes || total_bytes == 0) return;
  DiskWatermarks marks;
  {
    const std::lock_guard lock(mutex_);
    marks = WatermarksOn(total_bytes, wanted_);
  }
  const DiskLevel before = level_;
  const DiskLevel level = NextDiskLevel(before, *free_bytes, marks);
  low_bytes_ = marks.low_bytes;
  critical_bytes_ = marks.critical_bytes;
  space_.free_bytes = *free_bytes;
  space_.resume_bytes = ResumeBytesOf(marks.low_bytes);
  space_.kept_bytes =
      level == DiskLevel::kCritical ? ResumeBytesOf(marks.critical_bytes) : marks.critical_bytes;
  space_.is_low = level != DiskLevel::kEnough;
  level_ = level;
  if (level != before) Tell(level, *free_bytes);
}

void SpaceKeeper::Tell(DiskLevel level, std::uint64_t free_bytes) const {
  const std::string where = fmt::format("{} are free on the disk of {}", MiB(free_bytes), path_);
  switch (level) {
    case DiskLevel::kEnough:
      return environment_.log.Info("storage", where + ": enough again, messages are taken");
    case DiskLevel::kLow:
      return environment_.log.Warn(
          "storage",
          fmt::format("{}, less than storage.disk_low ({} here): partitions led here refuse "
                      "messages with DISK_FULL until {} are free",
                      where, MiB(low_bytes_), MiB(ResumeBytesOf(low_bytes_))));
    case DiskLevel::kCritical:
      return environment_.log.Fault(
          "storage",
          fmt::format("{}, less than storage.disk_critical ({} here): no new segment is made for "
                      "messages, followers here stand still",
                      where, MiB(critical_bytes_)));
  }
}

HealthItem SpaceKeeper::Health() const {
  const DiskLevel level = level_;
  const std::string found = fmt::format("{} free", MiB(space_.free_bytes));
  if (level == DiskLevel::kEnough) return {"space", true, found};
  return {"space", true,
          fmt::format("DISK_FULL: node {} has {}: it takes messages from {} on", node_.value(),
                      found, MiB(space_.resume_bytes))};
}

void SpaceKeeper::Register() {
  const auto add = [this](MetricFamilyOptions family, MetricLabels labels,
                          std::function<double()> read) {
    registrations_.push_back(
        environment_.metrics.Add(std::move(family), std::move(labels), std::move(read)));
  };
  add(Gauge("raftmq_storage_disk_free_bytes", "Free bytes of the data directory's file system."),
      {}, [this] { return static_cast<double>(space_.free_bytes); });
  add(Gauge("raftmq_storage_disk_total_bytes", "Size of the data directory's file system."), {},
      [this] { return static_cast<double>(TotalBytes()); });
  const MetricFamilyOptions marks = Gauge(
      "raftmq_storage_disk_watermark_bytes",
      "Free bytes below which messages are refused (low), no new segment is made (critical).");
  add(marks, {{"mark", "low"}}, [this] { return static_cast<double>(low_bytes_); });
  add(marks, {{"mark", "critical"}}, [this] { return static_cast<double>(critical_bytes_); });
}

std::uint64_t SpaceKeeper::TotalBytes() const {
  std::error_code error;
  const auto space = std::filesystem::space(path_, error);
  return error ? 0 : space.capacity;
}

}  // namespace raftmq::broker

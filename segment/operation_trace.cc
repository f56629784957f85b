#include "segment/operation_trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "protocol/types/check.h"

namespace raftmq {
namespace {

// Asks another chooser, and sums up what survived: images of one history with equal sums are equal.
class SummingChooser final : public CrashChooser {
 public:
  explicit SummingChooser(CrashChooser& chooser) : chooser_(chooser) {}
  bool Keeps(std::uint64_t unit) override {
    const bool kept = chooser_.Keeps(unit);
    if (kept) sum_ += UnsyncedUnits::Mixed(unit);
    return kept;
  }
  PageFate FateOf(std::uint64_t unit, SectorMask written) override {
    const PageFate fate = chooser_.FateOf(unit, written);
    if (fate.kept == written) sum_ += UnsyncedUnits::Mixed(unit);
    if (fate.kept != written && (fate.kept != 0 || fate.garbled != 0))
      sum_ += UnsyncedUnits::Mixed(unit ^ UnsyncedUnits::Mixed(fate.kept * 256u + fate.garbled));
    return fate;
  }
  std::uint64_t sum() const { return sum_; }

 private:
  CrashChooser& chooser_;
  std::uint64_t sum_ = 0;
};

class Enumerator {
 public:
  Enumerator(const OperationTrace& trace, const CrashImageOptions& options,
             const std::function<void(const CrashImage&)>& check)
      : trace_(trace),
        options_(options),
        check_(check),
        share_(std::max<std::size_t>(options.images_max / (trace.size() + 1), 4)) {}

  std::size_t Run() {
    for (std::size_t steps = 0; steps <= trace_.size(); ++steps) BuildPrefix(steps);
    return given_;
  }

 private:
  void BuildPrefix(std::size_t steps) {
    const std::size_t units = trace_.DiskAfter(steps).unsynced_units();
    std::size_t subsets = 0;
    if (units <= options_.subset_bits_max && (std::size_t{1} << units) <= share_) {
      subsets = std::size_t{1} << units;
      for (std::uint64_t bits = 0; bits < subsets; ++bits) {
        SubsetCrashChooser chooser(bits);
        Give(steps, chooser, fmt::format("subset {:b} of {} changes", bits, units));
      }
      if (!options_.tear) return;
    } else {
      UniformCrashChooser none(false);
      Give(steps, none, "nothing kept");
      UniformCrashChooser all(true);
      Give(steps, all, "all kept");
    }
    for (std::size_t i = 0; i < share_ - std::min(share_, subsets); ++i) Sample(steps, i);
  }

  void Sample(std::size_t steps, std::size_t number) {
    const std::uint64_t seed = UnsyncedUnits::Mixed(options_.seed + (steps << 20) + number);
    SeededCrashChooser chooser(seed, {.tear = options_.tear, .garble = options_.garble});
    Give(steps, chooser, fmt::format("sample {} of seed {}", number, options_.seed));
  }

  void Give(std::size_t steps, CrashChooser& chooser, const std::string& how) {
    const MemoryDisk& disk = trace_.DiskAfter(steps);
    SummingChooser summing(chooser);
    MemoryDisk image = disk.AfterPowerCut(summing);
    const std::uint64_t key =
        UnsyncedUnits::Mixed(disk.synced_sum()) ^ UnsyncedUnits::Mixed(summing.sum());
    if (!seen_.insert(key).second) return;
    ++given_;
    check_({.steps = steps,
            .what = fmt::format("power cut after step {} ({}), {}", steps,
                                steps == 0 ? "start" : trace_.operation(steps - 1).ToString(), how),
            .disk = std::move(image)});
  }

  const OperationTrace& trace_;
  const CrashImageOptions& options_;
  const std::function<void(const CrashImage&)>& check_;
  const std::size_t share_;
  std::unordered_set<std::uint64_t> seen_;
  std::size_t given_ = 0;
};

}  // namespace

OperationTrace::OperationTrace(MemoryFileSystem* files) : files_(files) {
  disks_.push_back(files_->Snapshot());
  files_->Observe([this](const DiskOperation& operation, const MemoryDisk& disk) {
    operations_.push_back(operation);
    disks_.push_back(disk);
  });
}

OperationTrace::~OperationTrace() { files_->Observe(nullptr); }

std::size_t ForEachCrashImage(const OperationTrace& trace, const CrashImageOptions& options,
                              const std::function<void(const CrashImage&)>& check) {
  return Enumerator(trace, options, check).Run();
}

}  // namespace raftmq

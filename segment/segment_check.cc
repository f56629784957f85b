#include "segment/segment_check.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "segment/damaged_ranges.h"
#include "segment/index_file.h"
#include "segment/segment_scan.h"
#include "segment/sparse_index.h"

namespace raftmq {
namespace {

class DiskSegmentCheck final : public SegmentCheck {
 public:
  explicit DiskSegmentCheck(SegmentCheckSpec spec) : spec_(std::move(spec)) {}

  bool Step(std::size_t bytes_max) override;
  std::uint64_t bytes_checked() const override { return scan_.end; }
  const std::vector<DamagedRange>& damage() const override {
    return *spec_.is_overtaken ? none_ : damage_;
  }
  bool index_is_bad() const override { return index_is_bad_ && !*spec_.is_overtaken; }

 private:
  Result<bool> TryStep(std::size_t bytes_max);
  Status Begin();
  void Finish();
  void AddRun(const ScanGap& gap);
  bool IsIndexBad() const;

  const SegmentCheckSpec spec_;
  std::optional<SegmentBytes> bytes_;
  SegmentScan scan_;
  SparseIndex index_;
  bool is_done_ = false;
  std::vector<DamagedRange> damage_;
  const std::vector<DamagedRange> none_;
  bool index_is_bad_ = false;
};

// An error says that the file could not be looked at, and nothing of its entries.
bool DiskSegmentCheck::Step(std::size_t bytes_max) {
  if (is_done_ || *spec_.is_overtaken) return false;
  const Result<bool> goes_on = TryStep(bytes_max);
  is_done_ = !goes_on || !*goes_on;
  return !is_done_;
}

Result<bool> DiskSegmentCheck::TryStep(std::size_t bytes_max) {
  if (!bytes_) RAFTMQ_TRY(Begin());
  const std::uint64_t begin = scan_.end;
  while (bytes_ && scan_.end - begin < bytes_max) {
    RAFTMQ_TRY_ASSIGN(const bool goes_on, ScanNext(
                                              *bytes_, spec_.group_seed, &scan_,
                                              [this](const BatchHeader& header, ByteSpan,
                                                     std::uint64_t at) { index_.Add(header, at); },
                                              [this](const ScanGap& gap) { AddRun(gap); }));
    if (goes_on) continue;
    Finish();
    return false;
  }
  return bytes_.has_value();
}

Status DiskSegmentCheck::Begin() {
  scan_.tail = spec_.before;
  auto opened = SegmentBytes::Open(spec_.files, spec_.path, true);
  if (!opened && opened.error().code == ErrorCode::kNotFound) {
    scan_.end_reason = "the file is gone";
    Finish();
    return Ok();
  }
  if (!opened) return Fail(opened.error());
  bytes_ = std::move(*opened);
  bytes_->EndAt(spec_.view.end, spec_.view.page_at, spec_.view.page);
  return TakeChainFromFront(*bytes_, &scan_.tail);
}

void DiskSegmentCheck::Finish() {
  const LogTail& end = spec_.end;
  if (scan_.tail.index < end.index) {
    AddRun({scan_.tail, scan_.end, scan_.end, end.index.Next(), end.next_offset, end.chain,
            end.term, scan_.end_reason});
  }
  if (damage_.empty() && !spec_.index_path.empty()) index_is_bad_ = IsIndexBad();
}

void DiskSegmentCheck::AddRun(const ScanGap& gap) {
  AddDamage(&damage_,
            {.first = gap.before.index.Next(),
             .last = gap.next.Minus(1),
             .first_offset = gap.before.next_offset,
             .end_offset = gap.next_offset,
             .last_hash = gap.last_hash,
             .term_max = gap.term_max,
             .what = fmt::format("'{}' at byte {}: {}", spec_.path, gap.begin, gap.what)});
}

bool DiskSegmentCheck::IsIndexBad() const {
  const auto file = ReadIndexFile(spec_.files, spec_.index_path);
  return !file || *file != IndexFile{index_, {scan_.tail, scan_.end}};
}

}  // namespace

std::unique_ptr<SegmentCheck> MakeSegmentCheck(SegmentCheckSpec spec) {
  return std::make_unique<DiskSegmentCheck>(std::move(spec));
}

}  // namespace raftmq

#include "tests/raftlog/fake_log.h"

#include <algorithm>
#include <utility>

#include "protocol/types/check.h"

namespace raftmq {
namespace {

ByteSpan PayloadOf(const FakeDisk::Entry& entry) {
  return entry.frame.view().subspan(kBatchHeaderBytes,
                                    entry.header.producer.length - kBatchHeaderBytes);
}

bool IsSegmentStart(const FakeDisk::Entry& entry) {
  return entry.header.producer.kind == EntryKind::kCheckpoint &&
         ParseCheckpointPart(PayloadOf(entry))->part == 0;
}

class FakeRead final : public LogRead {
 public:
  FakeRead(std::vector<FakeDisk::Entry> entries, bool resident)
      : entries_(std::move(entries)), resident_(resident) {}
  bool IsResident() const override { return resident_; }
  Result<LogSlice> Run() override {
    std::size_t bytes = 0;
    for (const auto& entry : entries_) bytes += entry.frame.size();
    ByteBuffer all(bytes);
    std::size_t at = 0;
    for (const auto& entry : entries_) {
      std::copy(entry.frame.view().begin(), entry.frame.view().end(),
                all.data() + static_cast<std::ptrdiff_t>(at));
      at += entry.frame.size();
    }
    return LogSlice{SharedBytes(std::move(all)), entries_.front().header.leader.index,
                    entries_.back().header.leader.index};
  }
  const DamagedRange* damage() const override { return nullptr; }

 private:
  std::vector<FakeDisk::Entry> entries_;
  bool resident_;
};

class FakeLog final : public PartitionLog {
 public:
  explicit FakeLog(FakeDisk& disk) : disk_(disk), staged_(disk.entries), first_(disk.first) {
    durable_ = last();
  }

  LogBounds bounds() const override {
    return {.first = first_,
            .last = last(),
            .durable = durable_,
            .first_offset = staged_.front().header.leader.base_offset,
            .next_offset = staged_.back().header.end_offset()};
  }
  std::uint64_t group_seed() const override { return disk_.group_seed; }
  LogTail tail() const override {
    const BatchHeader& header = staged_.back().header;
    return {header.leader.index, header.leader.term, header.end_offset(), header.header_hash,
            header.leader.append_time_ms};
  }
  std::optional<Term> TermAt(Index index) const override {
    if (index < first_ || index > last()) return std::nullopt;
    return At(index).header.leader.term;
  }
  std::uint64_t room_for_data() const override {
    const std::uint64_t room = room_for_control();
    return room > disk_.reserve_bytes ? room - disk_.reserve_bytes : 0;
  }
  std::uint64_t room_for_control() const override {
    const std::uint64_t used = Segments().back().used_bytes;
    return used < disk_.segment_bytes ? disk_.segment_bytes - used : 0;
  }
  // Its segments are never cut short.
  std::optional<std::uint64_t> BytesLeftBehind(Index) const override { return std::nullopt; }
  std::uint64_t NextSegmentBytes(std::int64_t) const override { return disk_.segment_bytes; }
  Status CanRoll(std::uint64_t) override {
    if (disk_.is_full) return Fail(ErrorCode::kDiskFull, "full");
    if (!disk_.is_prepared) return Fail(ErrorCode::kNotYet, "being prepared");
    return Ok();
  }
  void Stage(SharedBytes frame) override {
    const Result<BatchHeader> header = ParseBatchHeader(frame.view());
    RAFTMQ_CHECK(header->leader.index == last().Next());
    RAFTMQ_CHECK(header->leader.chain == tail().chain);
    const FakeDisk::Entry entry{std::move(frame), *header};
    if (IsSegmentStart(entry)) {
      RAFTMQ_CHECK(CanRoll(0));
    } else {
      RAFTMQ_CHECK(header->padded_length() <= room_for_control());
    }
    staged_.push_back(entry);
  }
  void SaveHardState(const HardState& state) override { hard_state_ = state; }

  std::unique_ptr<LogJob> TakeJob() override {
    RAFTMQ_CHECK(!under_way_);
    if (taken_ == last() && !hard_state_) return nullptr;
    under_way_ = true;
    class Job final : public LogJob {
     public:
      Job(FakeDisk& disk, std::vector<FakeDisk::Entry> entries, std::optional<HardState> state)
          : disk_(disk), entries_(std::move(entries)), state_(state) {}
      void Write() override {}
      void Sync() override {
        for (auto& entry : entries_) disk_.entries.push_back(entry);
        if (state_) disk_.hard_state = *state_;
      }
      std::uint64_t bytes() const override { return entries_.size(); }

     private:
      FakeDisk& disk_;
      std::vector<FakeDisk::Entry> entries_;
      std::optional<HardState> state_;
    };
    std::vector<FakeDisk::Entry> entries;
    for (Index i = taken_.Next(); i <= last(); i = i.Next()) entries.push_back(At(i));
    taken_ = last();
    return std::make_unique<Job>(disk_, std::move(entries), std::exchange(hard_state_, {}));
  }
  void Completed(std::unique_ptr<LogJob>) override {
    under_way_ = false;
    durable_ = taken_;
  }
  std::unique_ptr<LogJob> TakeBackgroundJob(std::int64_t) override {
    RAFTMQ_CHECK(!under_way_);
    return nullptr;
  }
  void TruncateAfter(Index) override { RAFTMQ_CHECK(false); }
  void Reset(const LogBase&) override { RAFTMQ_CHECK(false); }
  void TruncateBefore(Index first_kept) override {
    RAFTMQ_CHECK(IsSegmentStart(At(first_kept)));
    const auto count = static_cast<std::ptrdiff_t>(first_kept.value() - first_.value());
    staged_.erase(staged_.begin(), staged_.begin() + count);
    disk_.entries.erase(disk_.entries.begin(), disk_.entries.begin() + count);
    first_ = disk_.first = first_kept;
  }
  std::unique_ptr<LogRead> Read(ReadFrom from, Index up_to, std::size_t bytes_max) const override {
    RAFTMQ_CHECK(up_to <= durable_);
    std::vector<FakeDisk::Entry> entries;
    std::size_t bytes = 0;
    for (const auto& entry : staged_) {
      if (entry.header.leader.index > up_to) break;
      if (entries.empty() && !Matches(entry.header, from)) continue;
      bytes += entry.frame.size();
      if (!entries.empty() && bytes > bytes_max) break;
      entries.push_back(entry);
    }
    if (entries.empty()) return nullptr;
    return std::make_unique<FakeRead>(std::move(entries), !disk_.is_cold);
  }
  std::vector<SegmentInfo> Segments() const override {
    std::vector<SegmentInfo> segments;
    for (const auto& entry : staged_) {
      if (IsSegmentStart(entry)) {
        if (!segments.empty()) segments.back().sealed = true;
        segments.push_back({.first = entry.header.leader.index,
                            .first_offset = entry.header.leader.base_offset,
                            .allocated_bytes = disk_.segment_bytes});
      }
      segments.back().used_bytes += entry.frame.size();
      if (entry.header.producer.kind == EntryKind::kData) {
        segments.back().max_timestamp_ms =
            std::max(segments.back().max_timestamp_ms, entry.header.producer.max_timestamp_ms);
      }
    }
    return segments;
  }
  const std::vector<DamagedRange>& damage() const override { return disk_.damage; }
  void MarkDamaged(const DamagedRange& range) override { disk_.damage.push_back(range); }
  std::unique_ptr<SegmentCheck> CheckSegment(Index) const override { return nullptr; }
  std::unique_ptr<LogJob> TakeRepairJob(std::vector<SharedBytes>) override { return nullptr; }
  const RepairOutcome& last_repair() const override { return last_repair_; }
  std::vector<DamagedRange> ToRepair() const override { return damage(); }
  bool SplitDamage(const LogTail&) override { return false; }
  bool NeedsReopening() const override { return false; }
  void KeepFilesForEarlierReaders() override {}
  void RebuildIndex(Index) override {}
  void RepairMeta() override {}
  void Committed(Index index) override { RAFTMQ_CHECK(index <= last()); }
  void Close() override { ++disk_.closed; }

 private:
  Index last() const { return first_.Plus(staged_.size() - 1); }
  const FakeDisk::Entry& At(Index index) const {
    return staged_[static_cast<std::size_t>(index.value() - first_.value())];
  }
  static bool Matches(const BatchHeader& header, const ReadFrom& from) {
    const bool is_data = header.producer.kind == EntryKind::kData;
    switch (from.by) {
      case ReadFrom::By::kIndex:
        return header.leader.index.value() >= from.value;
      case ReadFrom::By::kOffset:
        return is_data && header.end_offset().value() > from.value;
      case ReadFrom::By::kTimestamp:
        return is_data && header.producer.max_timestamp_ms >= static_cast<std::int64_t>(from.value);
    }
    return false;
  }

  FakeDisk& disk_;
  std::vector<FakeDisk::Entry> staged_;
  Index first_;
  Index durable_;
  Index taken_ = last();
  std::optional<HardState> hard_state_;
  RepairOutcome last_repair_;
  bool under_way_ = false;
};

}  // namespace

void FakeDisk::Found(ByteBuffer state_machine) {
  Checkpoint checkpoint{
      .group_seed = group_seed, .membership = membership, .segment_bytes = segment_bytes};
  checkpoint.state_machine = std::move(state_machine);
  Index index(1);
  std::uint64_t chain = 0;
  for (const ByteBuffer& part : EncodeCheckpoint(checkpoint)) {
    ByteBuffer frame = MakeControlEntry(EntryKind::kCheckpoint, part.span());
    chain = StampBatch(frame.span(), {.index = index, .chain = chain}, group_seed);
    index = index.Next();
    const BatchHeader header = *ParseBatchHeader(frame.span());
    entries.push_back({SharedBytes(std::move(frame)), header});
  }
}

std::unique_ptr<OpenedLog> OpenFake(FakeDisk& disk) {
  RecoveryReport report;
  report.replica = disk.membership.front().number;
  report.hard_state = disk.hard_state;
  report.damage = disk.damage;
  for (const auto& entry : disk.entries) {
    report.commit_floor = std::max(report.commit_floor, entry.header.leader.committed_up_to);
  }
  report.commit_floor = std::max(report.commit_floor, Index(1));
  std::vector<ByteSpan> parts;
  Index first_part;
  for (const auto& entry : disk.entries) {
    if (entry.header.producer.kind != EntryKind::kCheckpoint) continue;
    if (entry.header.leader.index > report.commit_floor) break;
    const CheckpointPart part = *ParseCheckpointPart(PayloadOf(entry));
    if (part.part == 0) {
      parts.clear();
      first_part = entry.header.leader.index;
    }
    parts.push_back(PayloadOf(entry));
    if (parts.size() != part.parts) continue;
    report.newest_checkpoint = *DecodeCheckpoint(parts);
    report.newest_checkpoint_index = first_part;
  }
  auto log = std::make_unique<FakeLog>(disk);
  report.tail = log->tail();
  return *ScanOpenedLog(std::move(log), std::move(report));
}

}  // namespace raftmq

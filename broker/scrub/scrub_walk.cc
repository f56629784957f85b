#include "broker/scrub/scrub_walk.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "broker/partition_directory.h"
#include "broker/scrub/scrub_pace.h"

namespace raftmq::broker {
namespace {

// A log that is cut as often while one segment is read is left to the next pass.
constexpr int kLooksMax = 3;
// Of a copy in `meta`: its owner may be just writing it; its repair waits for a tick and the disk.
constexpr std::chrono::milliseconds kMetaWrittenWithin{80};
constexpr std::chrono::milliseconds kMetaRepairedWithin{1000};

GroupId After(GroupId id) {
  if (id.partition.value() < std::numeric_limits<std::uint32_t>::max()) {
    id.partition = PartitionNumber(id.partition.value() + 1);
    return id;
  }
  id.partition = PartitionNumber(0);
  if (++id.topic.low == 0) ++id.topic.high;
  return id;
}

}  // namespace

void ScrubWalk::Begin(const GroupId& group, Index index) {
  group_ = group;
  index_ = index;
  is_inside_ = false;
  node_files_are_due_ = environment_.has_node_files;
  meta_is_under_repair_ = false;
  to_come_.clear();
  segment_.reset();
  looks_ = 0;
  group_bytes_ = 0;
}

std::optional<ScrubStep> ScrubWalk::Next() {
  if (std::exchange(node_files_are_due_, false)) return NodeFilesStep();
  if (meta_is_under_repair_) return MetaStep();
  if (segment_ || (is_inside_ && OpenSegment())) return SegmentStep();
  if (!EnterGroup()) return std::nullopt;
  return MetaStep();
}

bool ScrubWalk::EnterGroup() {
  if (std::exchange(is_inside_, false)) {
    group_ = After(group_);
    index_ = Index();
  }
  if (to_come_.empty()) LookForGroups();  // In the end for those that came meanwhile.
  if (to_come_.empty()) return false;
  const GroupId next = to_come_.back();
  to_come_.pop_back();
  if (next != group_) index_ = Index();
  group_ = next;
  is_inside_ = true;
  read_.reset();
  group_bytes_ = 0;
  return true;
}

// REQUIRES: !is_inside_.
void ScrubWalk::LookForGroups() {
  to_come_ = environment_.place.Groups();
  std::erase_if(to_come_, [this](const GroupId& id) { return id < group_; });
  std::ranges::reverse(to_come_);
}

bool ScrubWalk::OpenSegment() {
  std::optional<SegmentScrub> segment = environment_.place.CheckSegment(group_, index_);
  // Who writes all the time is not followed: what came since this segment was read is for the next
  // pass.
  if (!segment || segment->first == read_) return false;
  segment_ = std::make_shared<SegmentScrub>(std::move(*segment));
  return true;
}

std::uint64_t ScrubWalk::CountBytesLeft() {
  if (!is_inside_ && to_come_.empty()) LookForGroups();
  std::uint64_t bytes = 0;
  // Its meta file and a segment at least.
  for (const GroupId& id : to_come_) bytes += environment_.place.BytesOf(id) + 2 * kScrubStepCost;
  if (!is_inside_) return bytes;
  const std::uint64_t here = environment_.place.BytesOf(group_);
  return bytes + here - std::min(here, group_bytes_);
}

ScrubStep ScrubWalk::NodeFilesStep() {
  auto checks = std::make_shared<std::vector<SmallFileCheck>>();
  return {.work =
              [checks, &files = environment_.files, &manifest = environment_.manifest,
               &counter = environment_.counter, directory = environment_.data_directory] {
                *checks = CheckNodeFiles(files, directory, manifest, counter);
              },
          .finish = [this, checks]() -> std::uint64_t {
            for (const SmallFileCheck& check : *checks) TakeCheck(check);
            return 0;
          }};
}

ScrubStep ScrubWalk::MetaStep() {
  auto check = std::make_shared<SmallFileCheck>();
  return {.work =
              [check, &files = environment_.files,
               directory = PartitionPath(environment_.data_directory, group_),
               patience = meta_is_under_repair_ ? kMetaRepairedWithin : kMetaWrittenWithin] {
                *check = CheckMetaFile(files, directory, patience);
              },
          .finish = [this, check]() -> std::uint64_t {
            TakeCheck(*check);
            meta_is_under_repair_ = !meta_is_under_repair_ && !check->bad.empty();
            if (meta_is_under_repair_) environment_.place.RepairMeta(group_);
            return 0;
          }};
}

ScrubStep ScrubWalk::SegmentStep() {
  struct State {
    bool has_more = false;
    std::uint64_t bytes = 0;
  };
  auto state = std::make_shared<State>();
  return {.work =
              [state, segment = segment_] {
                const std::uint64_t before = segment->check->bytes_checked();
                state->has_more = segment->check->Step(kScrubStepBytes);
                state->bytes = segment->check->bytes_checked() - before;
              },
          .finish = [this, state]() -> std::uint64_t {
            group_bytes_ += state->bytes;
            if (!state->has_more) FinishSegment();
            return state->bytes;
          }};
}

void ScrubWalk::FinishSegment() {
  const bool is_taken = environment_.place.TakeDamage(group_, *segment_);
  if (is_taken) TellDamage();
  if (is_taken || ++looks_ == kLooksMax) {
    index_ = segment_->last.Next();
    read_ = segment_->first;
    looks_ = 0;
  }
  segment_.reset();
}

void ScrubWalk::TellDamage() const {
  const std::string name = environment_.place.NameOf(group_);
  for (const DamagedRange& range : segment_->check->damage()) {
    environment_.log.Fault(
        "scrub", fmt::format("{} is damaged at offsets {} to {}: {}", name,
                             range.first_offset.value(), range.end_offset.value(), range.what));
    environment_.watch.Add(group_, name, range);
  }
  if (!segment_->check->index_is_bad()) return;
  const std::string where = fmt::format("{}, index of segment {}", name, segment_->first.value());
  environment_.log.Warn("scrub", where + " is damaged or missing: it is made anew");
  environment_.watch.FileIsBad(where, "it is not the index of the segment's entries");
  environment_.watch.FileIsWhole(where);
}

void ScrubWalk::TakeCheck(const SmallFileCheck& check) {
  if (check.bad.empty()) return environment_.watch.FileIsWhole(check.path);
  environment_.watch.FileIsBad(check.path, check.bad);
  if (check.is_repaired) environment_.watch.FileIsWhole(check.path);
  environment_.log.Fault("scrub", fmt::format("{}: {}{}", check.path, check.bad,
                                              check.is_repaired ? "; it was made again" : ""));
}

}  // namespace raftmq::broker

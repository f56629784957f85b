// The way of a pass through all that a shard stores, in pieces of work for the work pool:
//
//   the node's own files (first shard) -> group by group, in the order of their ids: its meta file,
//   then segment by segment, in steps of at most 1 MiB
//
// Groups may be opened, deleted, cut and reset meanwhile: one that has gone is passed over, one
// that came is found before the end, a segment whose log was cut is looked at anew.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/log.h"
#include "broker/scrub/damage_watch.h"
#include "broker/scrub/scrub_place.h"
#include "broker/scrub/small_files.h"
#include "segment/node_manifest.h"
#include "segment/save_counter.h"

namespace raftmq::broker {

// One piece of work.
struct ScrubStep {
  std::function<void()> work;             // Blocks; on any thread.
  std::function<std::uint64_t()> finish;  // Then, on the loop: the bytes that it has read.
};

// Loop-affine. A step must be finished, or dropped, before the next one is asked for.
class ScrubWalk {
 public:
  struct Environment {
    bool has_node_files = false;
    std::string data_directory;
    ScrubPlace& place;
    FileSystem& files;
    NodeManifest& manifest;
    SaveCounter& counter;
    Log& log;
    DamageWatch& watch;
  };
  explicit ScrubWalk(const Environment& environment) : environment_(environment) {}

  // The walk begins, or goes on, with that entry of that group.
  void Begin(const GroupId& group, Index index);
  // nullopt: everything has been read.
  std::optional<ScrubStep> Next();
  // All that comes before is read.
  const GroupId& group() const { return group_; }
  Index index() const { return index_; }
  // About, each step counting kScrubStepCost at least; asks each group that is still to come.
  std::uint64_t CountBytesLeft();

 private:
  void LookForGroups();
  bool EnterGroup();
  bool OpenSegment();
  ScrubStep NodeFilesStep();
  ScrubStep MetaStep();
  ScrubStep SegmentStep();
  void FinishSegment();
  void TellDamage() const;
  void TakeCheck(const SmallFileCheck& check);

  const Environment environment_;
  GroupId group_;
  Index index_;
  bool is_inside_ = false;  // group_ is being read, else it is the least that comes next.
  bool node_files_are_due_ = false;
  bool meta_is_under_repair_ = false;      // It is looked at once more.
  std::vector<GroupId> to_come_;           // The next one last.
  std::shared_ptr<SegmentScrub> segment_;  // Being read; shared with the step under way.
  std::optional<Index> read_;              // First entry of the last segment of group_ that was.
  int looks_ = 0;                          // At this segment, the log having been cut meanwhile.
  std::uint64_t group_bytes_ = 0;          // Read of this group.
};

}  // namespace raftmq::broker

// The scrubber of one shard: reads all that is stored here once per period and checks every hash,
// so that damage is found while there are still good copies elsewhere. What it finds is marked in
// the log, from where repair takes it.
//
// A pass begins when the period since the last one's begin is over, or by an order
// (NodeScrub::Order): then it reads faster, and a pass that began by itself gives way to it. It
// goes the way of scrub_walk.h, one step at a time, at the pace of scrub_pace.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "broker/anchor.h"
#include "broker/log.h"
#include "broker/scrub/damage_watch.h"
#include "broker/scrub/node_scrub.h"
#include "broker/scrub/scrub_place.h"
#include "broker/scrub/scrub_walk.h"
#include "raftlog/work_queues.h"
#include "segment/node_manifest.h"
#include "segment/save_counter.h"

namespace raftmq::broker {

// Loop-affine.
class Scrubber {
 public:
  struct Environment {
    std::uint32_t shard = 0;  // The first one looks at the node's own files, too.
    std::string data_directory;
    ScrubPlace& place;
    NodeScrub& node;
    FileSystem& files;
    NodeManifest& manifest;
    SaveCounter& counter;
    WorkQueue& work;
    const Clock& clock;
    Log& log;
  };
  explicit Scrubber(const Environment& environment);
  Scrubber(const Scrubber&) = delete;
  Scrubber& operator=(const Scrubber&) = delete;

  void Tick();
  // Damage that somebody else has found just now: it counts though it may be repaired at once.
  void NoteDamage(const GroupId& group, const DamagedRange& range);
  // Nothing is begun any more: the groups are being closed.
  void Stop();

 private:
  void MaybeStart();
  void MaybeBegin();
  void Begin(bool by_hand);
  void End();
  void GoOn();
  bool IsDue(Microseconds now) const;
  std::uint64_t GateRate() const;
  bool SubmitStep();
  void OnStepDone(const ScrubStep& step);
  void LookAround();
  void WatchDamage();
  void Publish();
  void MaybeSave();

  const Environment environment_;
  DamageWatch watch_;
  ScrubWalk walk_;
  ScrubPass pass_;
  std::uint64_t order_ = 0;       // The last one that a pass has begun for.
  std::uint64_t done_order_ = 0;  // The last one that is carried out whole.
  bool has_started_ = false;      // All groups were there.
  bool has_stopped_ = false;
  bool is_stepping_ = false;
  bool is_saving_ = false;
  std::optional<ScrubStep> next_;  // For which the work pool had no place yet.
  std::uint64_t bytes_left_ = 0;   // Of the pass, about; a step counts kScrubStepCost at least.
  std::uint64_t bytes_total_ = 0;  // Since the start of the process, as the next.
  std::uint64_t passes_ = 0;
  Microseconds stepped_{0};      // When the last step ended.
  std::uint64_t step_cost_ = 0;  // Bytes that it counts.
  Microseconds not_before_{0};   // The work pool was full.
  Microseconds looked_{-1};      // Around; once a second.
  Microseconds counted_{0};      // What is left; once a minute.
  Anchor<Scrubber> anchor_{this};
};

}  // namespace raftmq::broker

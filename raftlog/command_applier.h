// Feeds the committed commands of an internal topic to its state machine, in order, each once:
// after a restart those since the newest checkpoint, then new ones as they commit.
#pragma once

#include <functional>
#include <memory>

#include "protocol/types/bytes.h"
#include "protocol/types/ids.h"
#include "raftlog/frames.h"
#include "raftlog/log_reader.h"
#include "raftlog/tail_cache.h"
#include "segment/partition_log.h"

namespace raftmq {

// Shard-affine. The references outlive it.
class CommandApplier {
 public:
  using Apply = std::function<void(Index, ByteSpan payload)>;
  using Check = std::function<bool(const Frame& part)>;

  // `applied`: the entry up to which the state machine's first state stands.
  CommandApplier(const PartitionLog& log, const TailCache::Member& cache, LogReader& reader,
                 Index applied)
      : log_(log), cache_(cache), reader_(reader), applied_(applied) {}

  // Starts. `check` gets each part of a checkpoint, when all before it is applied; when it says
  // false nothing is applied any more. `on_applied` is called when a read from the files has moved
  // applied().
  void Start(Apply apply, Check check, std::function<void()> on_applied);
  // The state machine stands at `applied` now, in another log than before.
  void Restart(Index applied);
  // Applies up to `commit`; what is not in the cache comes from the files, up to `durable`.
  void Advance(Index commit, Index durable);
  Index applied() const { return applied_; }

 private:
  // One of these per call; false if nothing more can be applied now.
  bool ApplyFromCache();
  void ReadOn();
  void ApplySlice(const LogSlice& slice);
  void ApplyFrame(const SharedBytes& frame);

  const PartitionLog& log_;
  const TailCache::Member& cache_;
  LogReader& reader_;
  Apply apply_;
  Check check_;
  std::function<void()> on_applied_;
  Index applied_;
  Index commit_;
  Index durable_;
  bool reading_ = false;  // One read at a time.
  bool has_stopped_ = false;
  std::uint64_t restarts_ = 0;
};

}  // namespace raftmq

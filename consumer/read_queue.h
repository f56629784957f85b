// What has been received and not yet been polled, of every partition: the meeting place of the
// client's thread, which fills it, and the threads that poll.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "consumer/batch_reader.h"
#include "protocol/types/bytes.h"
#include "protocol/types/clock.h"
#include "protocol/types/ids.h"
#include "raftmq/consumer.h"
#include "raftmq/result.h"

namespace raftmq::internal {

// Thread-safe. A generation is one run of reading from a position: seeking or reading again begins
// a new one, and whatever belongs to an older one is dropped on sight.
class ReadQueue {
 public:
  // Called, without the lock, when bytes of a partition were given free or its position moved.
  struct Events {
    std::function<void(std::size_t slot, std::size_t bytes)> on_freed;
    std::function<void(std::size_t slot)> on_restart;
  };
  // A batch given out. Its partition is given to nobody else until it is returned.
  struct Lease {
    std::size_t slot = 0;
    std::uint64_t generation = 0;
    std::size_t freed_bytes = 0;
    SharedBytes bytes;
    ReadBatch batch;
  };
  struct Start {  // Where a stream has to begin.
    std::uint64_t generation = 0;
    Offset offset;
    bool from_log_start = false;  // Wherever the log starts.
    Offset end_seen;
  };

  ReadQueue(std::vector<std::uint32_t> partitions, Events events);

  // For those that poll. The next batch, or nothing when time is over or Stop was called.
  Result<std::optional<Lease>> Take(std::chrono::milliseconds timeout);
  void Return(const Lease& lease);
  void Stop();
  void ClearStop();
  void Seek(std::size_t slot, Offset offset);
  void SetPaused(std::size_t slot, bool paused);
  std::vector<Consumer::Position> Positions() const;
  std::optional<std::size_t> SlotOf(std::uint32_t partition) const;
  std::size_t size() const { return slots_.size(); }
  std::uint32_t partition(std::size_t slot) const { return slots_[slot].partition; }
  std::vector<std::uint32_t> partitions() const;  // By slot.
  // Bounds of a partition that some replica told of; both only ever rise.
  void Saw(std::size_t slot, Offset log_start, Offset end);

  // For the client's thread.
  Start StartOf(std::size_t slot) const;
  // Of the last batch received, which ends where the next Push goes on; 0 = not known: nothing was
  // received since a seek, or the generation is over.
  Term TermBefore(std::size_t slot, std::uint64_t generation) const;
  // Read from the log's start, wherever that is.
  void SeekToLogStart(std::size_t slot);
  // False if the generation is over: nothing was taken.
  bool Push(std::size_t slot, std::uint64_t generation, SharedBytes attachment, Offset log_start,
            Offset end);
  // What comes next begins at `offset`: the position was resolved or reset. What is queued is read
  // first.
  bool MovePosition(std::size_t slot, std::uint64_t generation, Offset offset);
  // Reading stops, after what is queued, with an error that every Take tells, in turn with the
  // other partitions, until a Seek.
  void SetError(std::size_t slot, std::uint64_t generation, Error error);
  std::size_t buffered_bytes(std::size_t slot) const;

 private:
  struct Chunk {  // Received bytes; or, when empty, the order to go on at another position.
    SharedBytes bytes;
    std::size_t at = 0;
    Offset jump_to;
  };
  struct Slot {
    std::uint32_t partition = 0;
    std::uint64_t generation = 0;
    Offset position;
    Term term_before;  // Of the batch that ends at `position`; 0 = not known.
    bool from_log_start = false;
    bool is_first = true;  // Of the generation: the batch may begin before the position.
    Offset log_start;
    Offset end_seen;  // Never goes back, over any change of replica or position of one log.
    std::deque<Chunk> chunks;
    std::size_t buffered = 0;  // Bytes received whose credit was not given back, leases included.
    std::optional<Error> error;
    std::uint32_t damaged_in_a_row = 0;
    bool busy = false;
    bool paused = false;

    void Saw(Offset start, Offset end) {
      log_start = std::max(log_start, start);
      end_seen = std::max(end_seen, end);
    }
  };

  std::optional<std::size_t> FindReady();
  static void Jump(Slot& slot, Offset to);
  // One batch of the slot. Nothing if there was none to give after all.
  Result<std::optional<Lease>> Read(std::unique_lock<std::mutex>& lock, std::size_t index);
  Result<std::optional<Lease>> Accept(Slot& slot, Lease lease, Result<ReadBatch> batch);
  void Restart(Slot& slot);
  void OnDamage(Slot& slot, const Error& error);

  Events events_;
  mutable std::mutex mutex_;  // Guards all below.
  std::condition_variable changed_;
  std::vector<Slot> slots_;
  std::size_t next_ = 0;  // Slots take turns.
  bool stopped_ = false;
  std::vector<std::size_t> restarts_;  // To be told once the lock is released.
};

}  // namespace raftmq::internal

// One thread's event loop over libuv: turns, timers, and work posted by other threads.
#pragma once

#include <functional>
#include <memory>

#include "protocol/types/clock.h"
#include "raftmq/result.h"

namespace raftmq {

// Everything but Post and Stop belongs to the thread that calls Run (before Run and after it has
// returned: to whoever owns the loop). Objects made from a loop (timers, listeners, connections)
// must be destroyed on that thread, before the loop; in any order, and also inside callbacks.
class EventLoop {
 public:
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Runs turns until Stop; what was posted before Stop still runs. REQUIRES: called once.
  void Run();
  // Thread-safe; may be called before Run, which then makes one turn.
  void Stop();
  // Thread-safe: runs `task` on the loop's thread, in the order of posting. Tasks posted after the
  // loop has ended are destroyed without running.
  void Post(std::function<void()> task);
  // Runs `hook` once at the end of every turn that did something (all input drained), before the
  // turn's output is written: the place of a shard's one output pass. It runs a second time when
  // that writing has called back (OnDrained, OnClosed). One hook per loop; empty removes it.
  void SetTurnEnd(std::function<void()> hook);
  // Runs when what a turn has written was given to the kernel.
  void SetFlushed(std::function<void()> hook);
  // The time of this turn, as RealClock::SteadyNow at its first event.
  Microseconds Now() const;

  struct Impl;  // The only part that knows libuv.
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

// Calls back once per Start (or every interval). Loop-affine; destroying it cancels it.
class Timer {
 public:
  explicit Timer(EventLoop& loop);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Replaces what was pending. At least 1 ms, in steps of 1 ms: may be up to one step early.
  void Start(Milliseconds delay, std::function<void()> callback);
  void StartRepeating(Milliseconds interval, std::function<void()> callback);
  void Cancel();
  bool IsPending() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace raftmq

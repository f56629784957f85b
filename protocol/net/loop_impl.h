// The inside of EventLoop, for the other files of this folder: turns, and what happens at their
// end.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "protocol/net/event_loop.h"
#include "protocol/net/handle.h"

namespace raftmq {

// Something with output to write at the end of the turn (a connection). Loop-affine.
class Flushable {
 public:
  virtual ~Flushable() = default;
  virtual void Flush() = 0;
};

// Loop-affine but for Post and Stop. One turn of libuv is: timers, prepare, poll, close callbacks.
// The end of our turn sits in `prepare`: everything that poll and timers brought has been handled,
// and nothing has blocked yet.
struct EventLoop::Impl {
  Impl();
  ~Impl();

  void Run();
  void Stop();
  void Post(std::function<void()> task);

  // Every callback from libuv says so first: a turn that did something ends with the hook.
  void MarkBusy();
  // Calls Flush once at the end of this turn.
  void FlushLater(std::shared_ptr<Flushable> flushable);

  uv_loop_t uv;
  std::shared_ptr<const std::function<void()>> turn_end;  // Shared: it may replace itself.
  std::shared_ptr<const std::function<void()>> flushed;   // The same.
  Microseconds now;

 private:
  void RunPosted();
  void EndTurn();
  void FlushAll();

  // One more turn at once, without blocking in between.
  void TurnAgain();

  Handle<uv_async_t> wake_;
  Handle<uv_prepare_t> prepare_;
  Handle<uv_idle_t> again_;
  bool busy_ = false;
  std::vector<std::shared_ptr<Flushable>> to_flush_;

  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;  // Guarded by mutex_, like the next two.
  bool stop_wanted_ = false;
  bool ended_ = false;
};

}  // namespace raftmq

#include "protocol/net/event_loop.h"

#include <utility>

#include "protocol/net/loop_impl.h"
#include "protocol/types/check.h"

namespace raftmq {
namespace {

// Output written at the end of a turn can free a writer that has more to say: so often that is done
// in the same turn before the sockets are polled again.
constexpr int kTurnEndRoundsMax = 2;

Microseconds SteadyNow() {
  return std::chrono::duration_cast<Microseconds>(
      std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace

EventLoop::EventLoop() : impl_(std::make_unique<Impl>()) {}
EventLoop::~EventLoop() = default;
void EventLoop::Run() { impl_->Run(); }
void EventLoop::Stop() { impl_->Stop(); }
void EventLoop::Post(std::function<void()> task) { impl_->Post(std::move(task)); }
Microseconds EventLoop::Now() const { return impl_->now; }

void EventLoop::SetTurnEnd(std::function<void()> hook) {
  impl_->turn_end = hook ? std::make_shared<const std::function<void()>>(std::move(hook)) : nullptr;
}

void EventLoop::SetFlushed(std::function<void()> hook) {
  impl_->flushed = hook ? std::make_shared<const std::function<void()>>(std::move(hook)) : nullptr;
}

EventLoop::Impl::Impl() : now(SteadyNow()) {
  RAFTMQ_CHECK(uv_loop_init(&uv) == 0);
  const int woken = wake_.Open(this, [this](uv_async_t* handle) {
    return uv_async_init(&uv, handle, [](uv_async_t* async) {
      if (async->data != nullptr) static_cast<Impl*>(async->data)->RunPosted();
    });
  });
  RAFTMQ_CHECK(woken == 0);
  prepare_.Open(this, [this](uv_prepare_t* handle) { return uv_prepare_init(&uv, handle); });
  again_.Open(this, [this](uv_idle_t* handle) { return uv_idle_init(&uv, handle); });
  uv_prepare_start(prepare_.get(),
                   [](uv_prepare_t* prepare) { static_cast<Impl*>(prepare->data)->EndTurn(); });
}

EventLoop::Impl::~Impl() {
  std::vector<std::function<void()>> left;
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
    left.swap(posted_);
  }
  left.clear();  // May own connections and timers: before the loop goes.
  to_flush_.clear();
  turn_end.reset();
  flushed.reset();
  wake_.Reset();
  prepare_.Reset();
  again_.Reset();
  // Timers, listeners and connections must be gone by now; their close callbacks run here.
  uv_walk(
      &uv, [](uv_handle_t* handle, void*) { RAFTMQ_CHECK(uv_is_closing(handle)); }, nullptr);
  uv_run(&uv, UV_RUN_DEFAULT);
  RAFTMQ_CHECK(uv_loop_close(&uv) == 0);
}

void EventLoop::Impl::Run() {
  uv_run(&uv, UV_RUN_DEFAULT);
  EndTurn();  // uv_run leaves before the `prepare` of the last turn.
  std::vector<std::function<void()>> left;
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
    left.swap(posted_);
  }
}

void EventLoop::Impl::Stop() {
  std::lock_guard lock(mutex_);
  stop_wanted_ = true;
  if (!ended_) uv_async_send(wake_.get());
}

void EventLoop::Impl::Post(std::function<void()> task) {
  std::unique_lock lock(mutex_);
  if (ended_) {
    lock.unlock();  // The task dies outside the lock: its captures may post as well.
    return;
  }
  posted_.push_back(std::move(task));
  // Under the lock, so that the handle is not closed meanwhile.
  if (posted_.size() == 1) uv_async_send(wake_.get());
}

// What is posted meanwhile waits for the next turn: a task that posts itself starves nobody.
void EventLoop::Impl::RunPosted() {
  std::vector<std::function<void()>> tasks;
  bool stop = false;
  {
    std::lock_guard lock(mutex_);
    tasks.swap(posted_);
    stop = stop_wanted_;
  }
  MarkBusy();
  for (auto& task : tasks) {
    task();
    task = nullptr;
  }
  if (stop) uv_stop(&uv);
}

void EventLoop::Impl::MarkBusy() {
  if (busy_) return;
  busy_ = true;
  now = SteadyNow();
}

void EventLoop::Impl::FlushLater(std::shared_ptr<Flushable> flushable) {
  to_flush_.push_back(std::move(flushable));
}

void EventLoop::Impl::EndTurn() {
  for (int round = 0; round < kTurnEndRoundsMax && (busy_ || !to_flush_.empty()); ++round) {
    if (std::exchange(busy_, false)) {
      if (const auto hook = turn_end) (*hook)();
    }
    FlushAll();
  }
  if (busy_ || !to_flush_.empty()) TurnAgain();
}

void EventLoop::Impl::FlushAll() {
  std::vector<std::shared_ptr<Flushable>> now_flushed;
  now_flushed.swap(to_flush_);
  for (const auto& flushable : now_flushed) flushable->Flush();
  if (const auto hook = flushed) (*hook)();
  if (to_flush_.empty()) {  // Keeps the block for the next turn.
    now_flushed.clear();
    to_flush_.swap(now_flushed);
  }
}

void EventLoop::Impl::TurnAgain() {
  uv_idle_start(again_.get(), [](uv_idle_t* idle) { uv_idle_stop(idle); });
}

}  // namespace raftmq

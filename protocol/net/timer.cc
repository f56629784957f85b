#include <algorithm>
#include <utility>

#include "protocol/net/event_loop.h"
#include "protocol/net/handle.h"
#include "protocol/net/loop_impl.h"
#include "protocol/types/check.h"

namespace raftmq {

// Kept by the timer, and by OnTimer while the callback runs: it may destroy its own timer.
struct Timer::Impl : std::enable_shared_from_this<Timer::Impl> {
  explicit Impl(EventLoop::Impl& its_loop) : loop(its_loop) {}

  static void OnTimer(uv_timer_t* handle);
  void Start(Milliseconds delay, Milliseconds interval, std::function<void()> its_callback);
  std::uint64_t MillisecondsOfLoop(Milliseconds delay) const;

  EventLoop::Impl& loop;
  Handle<uv_timer_t> handle;
  std::function<void()> callback;
  std::uint64_t starts = 0;  // Tells whether a callback started or cancelled its own timer.
};

Timer::Timer(EventLoop& loop) : impl_(std::make_shared<Impl>(loop.impl())) {
  const int opened = impl_->handle.Open(
      impl_.get(), [this](uv_timer_t* handle) { return uv_timer_init(&impl_->loop.uv, handle); });
  RAFTMQ_CHECK(opened == 0);
}

Timer::~Timer() {
  Cancel();
  impl_->handle.Reset();
}

void Timer::Start(Milliseconds delay, std::function<void()> callback) {
  impl_->Start(delay, Milliseconds(0), std::move(callback));
}

void Timer::StartRepeating(Milliseconds interval, std::function<void()> callback) {
  RAFTMQ_CHECK(interval > Milliseconds(0));
  impl_->Start(interval, interval, std::move(callback));
}

void Timer::Cancel() {
  ++impl_->starts;
  impl_->callback = nullptr;
  uv_timer_stop(impl_->handle.get());
}

bool Timer::IsPending() const {
  return uv_is_active(reinterpret_cast<const uv_handle_t*>(impl_->handle.get())) != 0;
}

// libuv counts from the start of its turn: a long turn must not make the timer early. It runs all
// timers that are due before it looks at anything else: one that is due at once, started by its own
// callback again and again, would starve the loop, hence at least one millisecond.
std::uint64_t Timer::Impl::MillisecondsOfLoop(Milliseconds delay) const {
  const std::uint64_t turn_began = uv_now(&loop.uv);
  const std::uint64_t real_now = std::max(uv_hrtime() / 1'000'000, turn_began);
  return real_now - turn_began +
         static_cast<std::uint64_t>(std::max<Milliseconds::rep>(delay.count(), 1));
}

void Timer::Impl::Start(Milliseconds delay, Milliseconds interval,
                        std::function<void()> its_callback) {
  ++starts;
  callback = std::move(its_callback);
  uv_timer_start(handle.get(), &OnTimer, MillisecondsOfLoop(delay),
                 static_cast<std::uint64_t>(interval.count()));
}

void Timer::Impl::OnTimer(uv_timer_t* handle) {
  const auto self = static_cast<Impl*>(handle->data)->shared_from_this();
  self->loop.MarkBusy();
  const std::uint64_t start = self->starts;
  // Moved out while it runs: the callback may replace or destroy what it was called from.
  std::function<void()> callback = std::move(self->callback);
  self->callback = nullptr;
  const bool repeats = uv_timer_get_repeat(handle) != 0;
  callback();
  if (repeats && self->starts == start) self->callback = std::move(callback);
}

}  // namespace raftmq

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "protocol/net/event_loop.h"
#include "tests/net/loop_fixture.h"

namespace raftmq {
namespace {

TEST(Timer, TimersFireInTheOrderOfTheirDelays) {
  EventLoop loop;
  std::string order;
  Timer late(loop), early(loop), at_once(loop);
  late.Start(Milliseconds(20), [&] { order += 'c'; });
  early.Start(Milliseconds(10), [&] { order += 'b'; });
  at_once.Start(Milliseconds(0), [&] { order += 'a'; });
  RunUntil(loop, [&] { return order.size() == 3; });
  EXPECT_EQ(order, "abc");
}

TEST(Timer, StartReplacesWhatWasPending) {
  EventLoop loop;
  std::string fired;
  Timer timer(loop);
  timer.Start(Milliseconds(0), [&] { fired += "old"; });
  timer.Start(Milliseconds(1), [&] { fired += "new"; });
  RunUntil(loop, [&] { return !fired.empty(); });
  EXPECT_EQ(fired, "new");
  EXPECT_FALSE(timer.IsPending());
}

TEST(Timer, CancelledOrDestroyedTimerDoesNotFire) {
  EventLoop loop;
  bool done = false;
  Timer cancelled(loop), last(loop);
  std::optional<Timer> destroyed(std::in_place, loop);
  cancelled.Start(Milliseconds(0), [] { FAIL(); });
  destroyed->Start(Milliseconds(0), [] { FAIL(); });
  EXPECT_TRUE(cancelled.IsPending());
  cancelled.Cancel();
  EXPECT_FALSE(cancelled.IsPending());
  destroyed.reset();
  last.Start(Milliseconds(2), [&] { done = true; });
  RunUntil(loop, [&] { return done; });
}

TEST(Timer, RepeatingTimerFiresUntilItCancelsItself) {
  EventLoop loop;
  int fired = 0;
  Timer timer(loop);
  timer.StartRepeating(Milliseconds(1), [&] {
    if (++fired == 3) timer.Cancel();
  });
  RunUntil(loop, [&] { return fired == 3; });
  EXPECT_FALSE(timer.IsPending());
}

TEST(Timer, CallbackMayStartItsTimerAgain) {
  EventLoop loop;
  int fired = 0;
  Timer timer(loop);
  std::function<void()> again = [&] {
    if (++fired < 3) timer.Start(Milliseconds(0), again);
  };
  timer.Start(Milliseconds(0), again);
  RunUntil(loop, [&] { return fired == 3; });
}

TEST(Timer, TimerThatStartsItselfAtOnceStarvesNobody) {
  EventLoop loop;
  Timer timer(loop);
  std::function<void()> again = [&] { timer.Start(Milliseconds(0), again); };
  timer.Start(Milliseconds(0), again);
  int tasks = 0;
  std::function<void()> task = [&] {
    if (++tasks < 20) loop.Post(task);
  };
  loop.Post(task);
  RunUntil(loop, [&] { return tasks == 20; });
}

TEST(Timer, CallbackMayDestroyItsTimer) {
  for (const bool repeats : {false, true}) {
    EventLoop loop;
    auto token = std::make_shared<int>();
    auto timer = std::make_unique<Timer>(loop);
    auto callback = [&timer, token] {
      timer.reset();
      EXPECT_GE(token.use_count(), 2) << "the callback lives while it runs";
    };
    if (repeats) {
      timer->StartRepeating(Milliseconds(1), callback);
    } else {
      timer->Start(Milliseconds(0), callback);
    }
    RunUntil(loop, [&] { return timer == nullptr; });
  }
}

TEST(Timer, LongTurnDoesNotMakeATimerEarly) {
  EventLoop loop;
  RealClock clock;
  Timer timer(loop);
  Microseconds started{0}, fired{0};
  loop.Post([&] {
    const Microseconds busy_until = clock.SteadyNow() + Milliseconds(30);
    while (clock.SteadyNow() < busy_until) {
    }
    started = clock.SteadyNow();
    timer.Start(Milliseconds(20), [&] { fired = clock.SteadyNow(); });
  });
  RunUntil(loop, [&] { return fired.count() != 0; });
  EXPECT_GE(fired - started, Milliseconds(19));  // libuv counts whole milliseconds.
}

}  // namespace
}  // namespace raftmq

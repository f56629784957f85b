#include "protocol/net/event_loop.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "tests/net/loop_fixture.h"

namespace raftmq {
namespace {

TEST(EventLoop, RunsPostedTasksInOrderBeforeItStops) {
  EventLoop loop;
  std::vector<int> order;
  for (int i = 0; i < 5; ++i) loop.Post([&order, i] { order.push_back(i); });
  loop.Stop();
  loop.Run();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(EventLoop, TasksFromManyThreadsAllRunEachThreadsInOrder) {
  constexpr int kThreads = 4;
  constexpr int kTasks = 2000;
  std::vector<std::vector<int>> seen(kThreads);
  int total = 0;
  EventLoop loop;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&loop, &seen, &total, t] {
      for (int i = 0; i < kTasks; ++i) {
        loop.Post([&seen, &total, t, i] {
          seen[static_cast<std::size_t>(t)].push_back(i);
          ++total;
        });
      }
    });
  }
  RunUntil(loop, [&] { return total == kThreads * kTasks; });
  for (auto& thread : threads) thread.join();
  for (const auto& tasks : seen) {
    EXPECT_TRUE(std::is_sorted(tasks.begin(), tasks.end()));
    EXPECT_EQ(tasks.size(), static_cast<std::size_t>(kTasks));
  }
}

TEST(EventLoop, TaskPostedAfterTheEndIsDestroyedWithoutRunning) {
  EventLoop loop;
  loop.Stop();
  loop.Run();
  auto token = std::make_shared<int>();
  bool ran = false;
  loop.Post([token, &ran] { ran = true; });
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_FALSE(ran);
}

TEST(EventLoop, TasksNeverRunDieWithTheLoop) {
  auto token = std::make_shared<int>();
  {
    EventLoop loop;
    loop.Post([token] {});
  }
  EXPECT_EQ(token.use_count(), 1);
}

TEST(EventLoop, DestroyedTaskMayPost) {
  struct PostsWhenDestroyed {
    explicit PostsWhenDestroyed(EventLoop& its_loop) : loop(its_loop) {}
    ~PostsWhenDestroyed() {
      loop.Post([] {});
    }
    EventLoop& loop;
  };
  EventLoop loop;
  loop.Stop();
  loop.Run();
  loop.Post([token = std::make_shared<PostsWhenDestroyed>(loop)] {});
}

TEST(EventLoop, HookRunsOnceAfterAllInputOfATurn) {
  EventLoop loop;
  int tasks = 0;
  std::vector<int> tasks_at_hook;
  loop.SetTurnEnd([&] { tasks_at_hook.push_back(tasks); });
  for (int i = 0; i < 10; ++i) loop.Post([&] { ++tasks; });
  loop.Stop();
  loop.Run();
  EXPECT_EQ(tasks_at_hook, std::vector<int>{10});
}

TEST(EventLoop, TaskPostedByATaskRunsInALaterTurn) {
  EventLoop loop;
  int inner = 0;
  std::vector<int> inner_at_hook;
  loop.SetTurnEnd([&] { inner_at_hook.push_back(inner); });
  loop.Post([&] {
    loop.Post([&] {
      ++inner;
      loop.Stop();
    });
  });
  loop.Run();
  EXPECT_EQ(inner_at_hook.front(), 0);
  EXPECT_EQ(inner_at_hook.back(), 1);
}

TEST(EventLoop, HookMayReplaceItself) {
  EventLoop loop;
  int first = 0;
  int second = 0;
  loop.SetTurnEnd([&] {
    ++first;
    loop.SetTurnEnd([&] {
      ++second;
      loop.Stop();
    });
    loop.Post([] {});
  });
  loop.Post([] {});
  loop.Run();
  EXPECT_EQ(first, 1);
  EXPECT_GE(second, 1);
}

TEST(EventLoop, NowStandsStillWithinATurnAndMovesBetweenTurns) {
  EventLoop loop;
  std::vector<Microseconds> seen;
  Timer timer(loop);
  loop.Post([&] {
    seen.push_back(loop.Now());
    seen.push_back(loop.Now());
    timer.Start(Milliseconds(2), [&] {
      seen.push_back(loop.Now());
      loop.Stop();
    });
  });
  loop.Run();
  EXPECT_EQ(seen[0], seen[1]);
  EXPECT_GT(seen[2], seen[1]);
}

}  // namespace
}  // namespace raftmq

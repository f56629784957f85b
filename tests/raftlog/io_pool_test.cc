#include "raftlog/io_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

#include "tests/raftlog/thread_loop.h"

namespace raftmq {
namespace {

TEST(IoPool, RunsWorkElsewhereAndItsCompletionOnTheLoop) {
  ThreadLoop loop;
  IoPool pool({.threads = 2}, loop.Poster());
  const std::thread::id here = std::this_thread::get_id();
  std::thread::id worked;
  bool done = false;
  ASSERT_TRUE(pool.Submit([&] { worked = std::this_thread::get_id(); },
                          [&] {
                            EXPECT_EQ(std::this_thread::get_id(), here);
                            done = true;
                          }));
  loop.RunUntil([&] { return done; });
  EXPECT_NE(worked, here);
}

TEST(IoPool, AFullQueueIsOverloadedAndRunsNothingOfIt) {
  ThreadLoop loop;
  std::latch started(1);
  std::latch go(1);
  int done = 0;
  IoPool pool({.threads = 1, .queued_max = 2}, loop.Poster());
  ASSERT_TRUE(pool.Submit(
      [&] {
        started.count_down();
        go.wait();
      },
      [&] { ++done; }));
  started.wait();
  ASSERT_TRUE(pool.Submit([] {}, [&] { ++done; }));
  ASSERT_TRUE(pool.Submit([] {}, [&] { ++done; }));
  const Status refused = pool.Submit([] { ADD_FAILURE(); }, [] { ADD_FAILURE(); });
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kOverloaded);
  go.count_down();
  loop.RunUntil([&] { return done == 3; });
}

TEST(IoPool, StoppingFinishesWhatWasSubmitted) {
  ThreadLoop loop;
  std::atomic<int> worked = 0;
  int done = 0;
  {
    IoPool pool({.threads = 3}, loop.Poster());
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(pool.Submit([&] { ++worked; }, [&] { ++done; }));
  }
  EXPECT_EQ(worked, 50);
  loop.RunUntil([&] { return done == 50; });
}

}  // namespace
}  // namespace raftmq

#include "raftlog/disk_thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <string>

#include "tests/raftlog/thread_loop.h"

namespace raftmq {
namespace {

// Notes what is done to it; may wait in its write.
class NotedJob final : public LogJob {
 public:
  NotedJob(std::string* notes, std::string name, std::latch* started = nullptr,
           std::latch* go = nullptr)
      : notes_(notes), name_(std::move(name)), started_(started), go_(go) {}
  void Write() override {
    if (started_ != nullptr) started_->count_down();
    if (go_ != nullptr) go_->wait();
    *notes_ += "w" + name_ + " ";
  }
  void Sync() override { *notes_ += "s" + name_ + " "; }
  std::uint64_t bytes() const override { return 10; }

 private:
  std::string* notes_;
  std::string name_;
  std::latch* started_;
  std::latch* go_;
};

class DiskThreadTest : public ::testing::Test {
 protected:
  DiskTask Task(const std::string& name, std::latch* started = nullptr, std::latch* go = nullptr) {
    return {.job = std::make_unique<NotedJob>(&notes_, name, started, go),
            .entries = 2,
            .done = [this, name](std::unique_ptr<LogJob> job) {
              EXPECT_NE(job, nullptr);
              done_ += name;
            }};
  }
  void RunUntilDone(std::size_t count) {
    loop_.RunUntil([&] { return done_.size() == count; });
  }

  ThreadLoop loop_;
  RealClock clock_;
  DiskMetrics metrics_;
  std::string notes_;  // Of the disk thread; read after a completion.
  std::string done_;   // Of the loop.
};

TEST_F(DiskThreadTest, JobsThatGatherMakeOneRound) {
  std::latch started(1);
  std::latch go(1);
  DiskThread disk(loop_.Poster(), clock_, metrics_);
  disk.Submit(Task("a", &started, &go));
  started.wait();
  disk.Submit(Task("b"));
  disk.Submit(Task("c"));
  go.count_down();
  RunUntilDone(3);
  EXPECT_EQ(notes_, "wa sa wb wc sb sc ");
  EXPECT_EQ(done_, "abc");
  EXPECT_EQ(metrics_.rounds.value(), 2u);
  EXPECT_EQ(metrics_.bytes_written.value(), 30u);
  EXPECT_EQ(metrics_.round_entries.max(), 4u);
  EXPECT_EQ(metrics_.round_jobs.max(), 2u);
  EXPECT_EQ(metrics_.sync_us.count(), 2u);
  EXPECT_EQ(metrics_.round_started_us.value(), 0u);
}

TEST_F(DiskThreadTest, OneBackgroundJobRunsBetweenRounds) {
  std::latch started(1);
  std::latch go(1);
  DiskThread disk(loop_.Poster(), clock_, metrics_);
  disk.Submit(Task("a", &started, &go));
  started.wait();
  disk.SubmitBackground(Task("x"));
  disk.SubmitBackground(Task("y"));
  disk.Submit(Task("b"));
  go.count_down();
  RunUntilDone(4);
  EXPECT_EQ(notes_, "wa sa wb sb wx sx wy sy ");
  EXPECT_EQ(metrics_.background_jobs.value(), 2u);
}

TEST_F(DiskThreadTest, StoppingFinishesWhatWasSubmitted) {
  {
    DiskThread disk(loop_.Poster(), clock_, metrics_);
    for (int i = 0; i < 10; ++i) disk.Submit(Task("a"));
    disk.SubmitBackground(Task("x"));
  }
  RunUntilDone(11);
  EXPECT_EQ(metrics_.bytes_written.value(), 100u);
}

}  // namespace
}  // namespace raftmq

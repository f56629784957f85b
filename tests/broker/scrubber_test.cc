// The scrubber of one shard over groups that are not there, on time that the test moves.
#include "broker/scrub/scrubber.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "broker/partition_directory.h"
#include "segment/memory_file_system.h"
#include "segment/meta_file.h"
#include "segment/node_directory.h"
#include "tests/raftlog/step_queues.h"

namespace raftmq::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint64_t kMiB = 1u << 20;
constexpr Milliseconds kDay{24 * 3600 * 1000};

struct FakeSegment {
  Index first, last;
  std::uint64_t bytes = 0;
  std::vector<DamagedRange> damage;
  bool index_is_bad = false;
};

class FakeCheck final : public SegmentCheck {
 public:
  explicit FakeCheck(FakeSegment segment) : segment_(std::move(segment)) {}
  bool Step(std::size_t bytes_max) override {
    checked_ = std::min<std::uint64_t>(segment_.bytes, checked_ + bytes_max);
    return checked_ < segment_.bytes;
  }
  std::uint64_t bytes_checked() const override { return checked_; }
  const std::vector<DamagedRange>& damage() const override { return segment_.damage; }
  bool index_is_bad() const override { return segment_.index_is_bad; }

 private:
  const FakeSegment segment_;
  std::uint64_t checked_ = 0;
};

struct FakeGroup {
  std::vector<FakeSegment> segments;
  std::vector<DamagedRange> marked;
  std::uint64_t cuts = 0;
  bool grows = false;  // By an entry whenever it is asked.
};

class FakePlace final : public ScrubPlace {
 public:
  bool IsComplete() override { return is_complete; }
  std::vector<GroupId> Groups() override {
    std::vector<GroupId> ids;
    for (const auto& [id, group] : groups) ids.push_back(id);
    return ids;
  }
  bool Has(const GroupId& id) override { return groups.contains(id); }
  std::string NameOf(const GroupId& id) override {
    return "topic-" + std::to_string(id.topic.low) + "/0";
  }
  std::uint64_t BytesOf(const GroupId& id) override {
    std::uint64_t bytes = 0;
    for (const FakeSegment& segment : groups[id].segments) bytes += segment.bytes;
    return bytes;
  }
  std::optional<SegmentScrub> CheckSegment(const GroupId& id, Index from) override {
    if (!Has(id)) return std::nullopt;
    FakeGroup& group = groups[id];
    if (group.grows) group.segments.back().last = group.segments.back().last.Next();
    for (const FakeSegment& segment : group.segments) {
      if (segment.last < from) continue;
      read.emplace_back(id.topic.low, segment.first.value());
      return SegmentScrub{std::make_unique<FakeCheck>(segment), segment.first, segment.last,
                          groups[id].cuts};
    }
    return std::nullopt;
  }
  bool TakeDamage(const GroupId& id, const SegmentScrub& segment) override {
    if (!Has(id)) return true;
    FakeGroup& group = groups[id];
    if (segment.cuts != group.cuts) return false;
    for (const DamagedRange& range : segment.check->damage()) group.marked.push_back(range);
    return true;
  }
  void RepairMeta(const GroupId& id) override {
    if (repairs_meta) repairs_meta(id);
  }
  void VisitDamage(
      const std::function<void(const GroupId&, const std::vector<DamagedRange>&)>& visit) override {
    for (const auto& [id, group] : groups) {
      if (!group.marked.empty()) visit(id, group.marked);
    }
  }

  bool is_complete = true;
  std::map<GroupId, FakeGroup> groups;
  std::function<void(const GroupId&)> repairs_meta;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> read;  // (topic, first) as begun.
};

GroupId Group(std::uint64_t topic) { return {{0, topic}, PartitionNumber(0)}; }

DamagedRange Range(std::uint64_t first, std::uint64_t last) {
  DamagedRange range;
  range.first = Index(first);
  range.last = Index(last);
  range.what = "hash";
  return range;
}

// A node of one shard that may be started again.
class ScrubberTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto directory = OpenNodeDirectory(
        files_, {.path = "/data", .cluster_id = "test", .node = NodeId(1), .may_found = true});
    ASSERT_TRUE(directory) << directory.error().ToString();
    manifest_ = std::move(directory->manifest);
    counter_ = std::move(directory->counter);
    // Three segments of 2 MiB in each of two groups.
    for (const std::uint64_t topic : {2u, 5u}) {
      for (std::uint64_t i = 0; i < 3; ++i)
        place_.groups[Group(topic)].segments.push_back(
            {.first = Index(1 + 10 * i), .last = Index(10 + 10 * i), .bytes = 2 * kMiB});
    }
    Start();
  }
  void Start() {
    scrubber_.reset();
    node_.reset();
    node_ = std::make_unique<NodeScrub>(files_, NodeScrub::Options{"/data", 1, limits_}, metrics_);
    scrubber_ = std::make_unique<Scrubber>(Scrubber::Environment{
        0, "/data", place_, *node_, files_, *manifest_, *counter_, work_, clock_, log_});
  }
  // Ticks and works until the time is over.
  void Run(Milliseconds time, Milliseconds step = Milliseconds(10)) {
    for (Milliseconds spent{0}; spent < time; spent += step) {
      scrubber_->Tick();
      work_.RunAll();
      clock_.Advance(step);
    }
  }
  NodeScrubStatus Status() const { return node_->Status(); }
  void Order() {
    node_->Order();
    place_.read.clear();
  }

  ScrubLimits limits_{.period = 7 * kDay, .rate = 16 * kMiB, .started_rate = 64 * kMiB};
  MemoryFileSystem files_;
  std::unique_ptr<NodeManifest> manifest_;
  std::unique_ptr<SaveCounter> counter_;
  StepWork work_;
  ManualClock clock_;
  MetricsRegistry metrics_;
  Log log_{{.node = NodeId(1), .level = LogLevel::kError}};
  FakePlace place_;
  std::unique_ptr<NodeScrub> node_;
  std::unique_ptr<Scrubber> scrubber_;
};

using Read = std::pair<std::uint64_t, std::uint64_t>;

TEST_F(ScrubberTest, AnOrderReadsEverythingOnceAndSoon) {
  Order();
  EXPECT_TRUE(Status().is_running);  // From the order on, not only from the next tick.
  Run(Milliseconds(1000));
  EXPECT_FALSE(Status().is_running);
  EXPECT_EQ(Status().bytes_read, 12 * kMiB);
  EXPECT_EQ(Status().bytes_all, 12 * kMiB);
  EXPECT_EQ(Status().passes, 1u);
  EXPECT_NE(Status().ended_ms, 0);
  EXPECT_THAT(place_.read, ElementsAre(Read(2, 1), Read(2, 11), Read(2, 21), Read(5, 1),
                                       Read(5, 11), Read(5, 21)));
}

TEST_F(ScrubberTest, AnOrderKeepsToItsRate) {
  limits_.started_rate = 4 * kMiB;
  Start();
  Order();
  Run(Milliseconds(1010));
  EXPECT_TRUE(Status().is_running);
  EXPECT_NEAR(static_cast<double>(Status().bytes_read), 4.0 * kMiB, 1.5 * kMiB);
}

TEST_F(ScrubberTest, ByItselfEverythingIsReadOncePerPeriodWithoutHaste) {
  Run(kDay, Milliseconds(60'000));
  EXPECT_GT(Status().bytes_read, 0u);
  EXPECT_LT(Status().bytes_read, 6 * kMiB);
  Run(6 * kDay, Milliseconds(60'000));
  EXPECT_EQ(Status().passes, 1u);
  EXPECT_EQ(Status().bytes_total, 12 * kMiB);
  Run(7 * kDay, Milliseconds(60'000));
  EXPECT_EQ(Status().passes, 2u);
}

TEST_F(ScrubberTest, WithoutAPeriodItReadsNothingByItself) {
  limits_.period = Milliseconds(0);
  Start();
  Run(30 * kDay, Milliseconds(3600'000));
  EXPECT_THAT(place_.read, IsEmpty());
  Order();
  Run(Milliseconds(1000));
  EXPECT_EQ(Status().passes, 1u);
}

TEST_F(ScrubberTest, ANodeThatIsRestartedEveryDayGoesOnWhereItWas) {
  for (int day = 0; day < 7; ++day) {
    Run(kDay, Milliseconds(60'000));
    Start();
  }
  EXPECT_THAT(place_.read, SizeIs(::testing::AllOf(::testing::Ge(6u), ::testing::Le(12u))));
  EXPECT_NE(Status().ended_ms, 0);
  EXPECT_FALSE(Status().is_running);
}

TEST_F(ScrubberTest, NothingIsReadBeforeAllGroupsAreThere) {
  place_.is_complete = false;
  Run(Milliseconds(5000));
  EXPECT_THAT(place_.read, IsEmpty());
  EXPECT_EQ(Status().passes, 0u);
  place_.is_complete = true;
  Run(kDay, Milliseconds(60'000));
  EXPECT_THAT(place_.read, ::testing::Not(IsEmpty()));
}

TEST_F(ScrubberTest, WhatIsFoundIsMarkedToldAndOpenUntilItIsRepaired) {
  place_.groups[Group(5)].segments[1].damage = {Range(12, 13)};
  Order();
  Run(Milliseconds(1000));
  ASSERT_THAT(place_.groups[Group(5)].marked, SizeIs(1));
  EXPECT_EQ(Status().found, 1u);
  ASSERT_THAT(Status().open, SizeIs(1));
  EXPECT_EQ(Status().open.front().where, "topic-5/0");
  place_.groups[Group(5)].marked.clear();
  Run(Milliseconds(2000));
  EXPECT_EQ(Status().repaired, 1u);
  EXPECT_THAT(Status().open, IsEmpty());
}

TEST_F(ScrubberTest, ASegmentWhoseLogWasCutMeanwhileIsLookedAtAnew) {
  place_.groups[Group(2)].segments[0].damage = {Range(3, 3)};
  Order();
  while (place_.read.empty()) {
    scrubber_->Tick();
    if (place_.read.empty()) work_.RunAll();
    clock_.Advance(Milliseconds(10));
  }
  ++place_.groups[Group(2)].cuts;
  place_.groups[Group(2)].segments[0].damage.clear();  // It had never been there.
  Run(Milliseconds(1000));
  EXPECT_THAT(place_.groups[Group(2)].marked, IsEmpty());
  EXPECT_EQ(place_.read[0], place_.read[1]);
  EXPECT_EQ(Status().passes, 1u);
}

TEST_F(ScrubberTest, ALogThatGrowsAllTheTimeIsReadOnce) {
  place_.groups[Group(2)].grows = true;
  Order();
  Run(Milliseconds(1000));
  EXPECT_EQ(Status().passes, 1u);
  EXPECT_THAT(place_.read, SizeIs(::testing::Le(7u)));
  EXPECT_EQ(Status().bytes_read, 12 * kMiB);
}

TEST_F(ScrubberTest, GroupsMayGoAndComeMeanwhile) {
  limits_.started_rate = 2 * kMiB;
  Start();
  Order();
  Run(Milliseconds(500));
  place_.groups.erase(Group(2));
  place_.groups[Group(7)].segments.push_back({.first = Index(1), .last = Index(4), .bytes = 9});
  Run(Milliseconds(10'000));
  EXPECT_EQ(Status().passes, 1u);
  EXPECT_EQ(place_.read.back(), Read(7, 1));
}

TEST_F(ScrubberTest, APassOfItsOwnGivesWayToAnOrder) {
  Run(3 * kDay, Milliseconds(60'000));
  Order();
  Run(Milliseconds(1000));
  EXPECT_EQ(Status().passes, 1u);
  EXPECT_THAT(place_.read, SizeIs(6));
}

TEST_F(ScrubberTest, AnOrderDuringAnotherIsCarriedOutAfterIt) {
  Order();
  Run(Milliseconds(50));
  node_->Order();
  Run(Milliseconds(2000));
  EXPECT_EQ(Status().passes, 2u);
  EXPECT_FALSE(Status().is_running);
}

TEST_F(ScrubberTest, AFullWorkPoolIsWaitedFor) {
  Order();
  for (int i = 0; i < 64; ++i) ASSERT_TRUE(work_.Submit([] {}, [] {}));
  scrubber_->Tick();
  EXPECT_THAT(place_.read, IsEmpty());
  work_.RunAll();
  Run(Milliseconds(1000));
  EXPECT_EQ(Status().passes, 1u);
}

TEST_F(ScrubberTest, ADamagedManifestCopyIsMadeAgain) {
  ASSERT_TRUE(manifest_->Add(Group(2), ReplicaNumber(3)));
  {
    auto file = *files_.Open("/data/manifest.copy", OpenMode::kWrite);
    const std::byte flipped[1] = {std::byte{0xFF}};
    ASSERT_TRUE(file->Write(9, flipped));
  }
  Order();
  Run(Milliseconds(1000));
  std::vector<std::string> faults;
  ASSERT_TRUE(NodeManifest::Check(files_, "/data", &faults));
  EXPECT_THAT(faults, IsEmpty());
  EXPECT_GE(Status().repaired, 1u);
}

TEST_F(ScrubberTest, ABadCopyOfMetaIsMadeAgainByItsLog) {
  const std::string directory = PartitionPath("/data", Group(5));
  ASSERT_TRUE(files_.CreateDirectory("/data/partitions"));
  ASSERT_TRUE(files_.CreateDirectory(directory));
  const auto meta = MetaFile::Create(files_, directory + "/meta", {.group = Group(5)}, {});
  ASSERT_TRUE(meta) << meta.error().ToString();
  auto file = *files_.Open(directory + "/meta", OpenMode::kWrite);
  ASSERT_TRUE(file->Write(kPageBytes, std::vector<std::byte>(kPageBytes)));
  place_.repairs_meta = [&](const GroupId& id) {
    EXPECT_EQ(id, Group(5));
    EXPECT_TRUE((*meta)->RewriteBadCopies());
  };
  Order();
  Run(Milliseconds(1000));
  EXPECT_EQ(Status().passes, 1u);
  EXPECT_EQ(Status().found, 1u);
  EXPECT_EQ(Status().repaired, 1u);
  EXPECT_THAT(Status().open, IsEmpty());
}

TEST_F(ScrubberTest, NothingIsBegunOnceItHasStopped) {
  Order();
  scrubber_->Stop();
  Run(Milliseconds(1000));
  EXPECT_THAT(place_.read, IsEmpty());
}

}  // namespace
}  // namespace raftmq::broker

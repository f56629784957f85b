// After any power cut `meta` says what it said last, or what it was being told; never less than
// what was returned as saved.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "segment/memory_file_system.h"
#include "segment/meta_file.h"
#include "segment/operation_trace.h"
#include "tests/segment/old_meta.h"

namespace raftmq {
namespace {

constexpr const char* kPath = "/p/meta";
constexpr std::size_t kMetaBytes = 8 * kPageBytes;

LogMark MarkAt(std::uint64_t truncations, std::uint64_t index) {
  return {.truncations = truncations, .tail = {.index = Index(index)}};
}

// What may be found, from the step on at which it was promised.
struct Promise {
  std::size_t steps = 0;  // Operations done when the call returned.
  HardState state;
  LogMark mark;
  LogIntent intent;
};

class MetaCrashTest : public testing::Test {
 protected:
  void SetUp() override {
    trace_ = std::make_unique<OperationTrace>(&files_);
    ASSERT_TRUE(files_.CreateDirectory("/p").has_value());
    ASSERT_TRUE(files_.SyncDirectory("/").has_value());
    auto meta = MetaFile::Create(files_, kPath, identity_, MarkAt(0, 1));
    ASSERT_TRUE(meta.has_value());
    ASSERT_TRUE(files_.SyncDirectory("/p").has_value());
    meta_ = std::move(*meta);
    Promised();
    founded_ = trace_->size();
  }
  Result<std::unique_ptr<MetaFile>> Open(MemoryFileSystem& files, std::vector<std::string>* notes) {
    return MetaFile::Open(files, kPath, identity_.group, identity_.node, notes);
  }
  // All that meta holds now is durable.
  void Promised() {
    promises_.push_back({trace_->size(), meta_->hard_state(), meta_->mark(), meta_->intent()});
  }
  void SaveEverything() {
    for (std::uint64_t i = 1; i <= 3; ++i) {
      ASSERT_TRUE(meta_->SaveHardState({Term(i), NodeId(7)}).has_value());
      Promised();
      ASSERT_TRUE(meta_->WriteMark(MarkAt(0, 10 * i)).has_value());
      ASSERT_TRUE(meta_->WriteMark(MarkAt(0, 10 * i + 1)).has_value());
      ASSERT_TRUE(meta_->Sync().has_value());
      Promised();
    }
    ASSERT_TRUE(meta_->SaveIntent({.pending = LogIntent::Pending::kCut, .after = MarkAt(1, 5)})
                    .has_value());
    Promised();
    ASSERT_TRUE(meta_->LowerMark(MarkAt(1, 5)).has_value());
    Promised();
    const LogBase base{.before = MarkAt(2, 8).tail,
                       .checkpoint_last = Index(10),
                       .membership = {{NodeId(1), ReplicaNumber(7), true}}};
    const LogIntent reset{LogIntent::Pending::kReset, MarkAt(2, 8), base};
    ASSERT_TRUE(meta_->SaveIntent(reset).has_value());
    Promised();
    ASSERT_TRUE(meta_->SaveIntent({.base = base}).has_value());
    Promised();
  }
  // The image holds the last promise before it, or what the call after that one was saving.
  void ExpectOldOrNew(const CrashImage& image, const MetaFile& meta) {
    ASSERT_EQ(meta.identity(), identity_) << image.what;
    auto next = std::find_if(promises_.begin(), promises_.end(),
                             [&](const Promise& p) { return p.steps > image.steps; });
    ASSERT_NE(next, promises_.begin());
    const Promise& old = *std::prev(next);
    const Promise& after = next == promises_.end() ? old : *next;
    EXPECT_TRUE(meta.hard_state() == old.state || meta.hard_state() == after.state) << image.what;
    EXPECT_TRUE(meta.intent() == old.intent || meta.intent() == after.intent) << image.what;
    if (after.mark.truncations == old.mark.truncations) {
      EXPECT_GE(meta.mark().tail.index, old.mark.tail.index) << image.what;
      EXPECT_LE(meta.mark().tail.index, after.mark.tail.index) << image.what;
    } else {
      EXPECT_TRUE(meta.mark() == old.mark || meta.mark() == after.mark) << image.what;
    }
  }

  MemoryFileSystem files_;
  const MetaIdentity identity_{.group = {TopicId{3, 4}, PartitionNumber(5)},
                               .replica = ReplicaNumber(6),
                               .group_seed = 8,
                               .node = NodeId(2)};
  std::unique_ptr<OperationTrace> trace_;
  std::unique_ptr<MetaFile> meta_;
  std::vector<Promise> promises_;
  std::size_t founded_ = 0;
};

TEST_F(MetaCrashTest, EveryImageHoldsOldOrNewAndASecondCrashDoesNoHarm) {
  SaveEverything();
  const std::size_t images = ForEachCrashImage(*trace_, {}, [&](const CrashImage& image) {
    if (image.steps < founded_) return;
    MemoryFileSystem left(image.disk);
    OperationTrace repair(&left);
    std::vector<std::string> notes;
    const auto meta = Open(left, &notes);
    ASSERT_TRUE(meta.has_value()) << image.what << ": " << meta.error().ToString();
    ExpectOldOrNew(image, **meta);
    ForEachCrashImage(repair, {.images_max = 32}, [&](const CrashImage& second) {
      MemoryFileSystem again(second.disk);
      const auto reopened = Open(again, &notes);
      ASSERT_TRUE(reopened.has_value()) << image.what << ", then " << second.what;
      EXPECT_EQ((*reopened)->hard_state(), (*meta)->hard_state()) << second.what;
      EXPECT_EQ((*reopened)->mark(), (*meta)->mark()) << second.what;
      EXPECT_EQ((*reopened)->intent(), (*meta)->intent()) << second.what;
    });
  });
  RecordProperty("images", static_cast<int>(images));
  EXPECT_GT(images, 100u);
}

// A death while a file of an old format is written anew, and another one when that goes on.
TEST_F(MetaCrashTest, EveryImageOfAFileThatIsWrittenAnewHoldsAllThatTheOldOneHeld) {
  SaveEverything();
  for (const std::uint16_t version : {std::uint16_t{2}, std::uint16_t{3}}) {
    MemoryFileSystem old(files_.Snapshot());
    MakeMetaOld(old, kPath, version);
    OperationTrace rewrite(&old);
    std::vector<std::string> notes;
    ASSERT_TRUE(Open(old, &notes).has_value());
    const auto expect_same = [&](MemoryFileSystem& left, const std::string& what) {
      const auto meta = Open(left, &notes);
      ASSERT_TRUE(meta.has_value()) << what << ": " << meta.error().ToString();
      EXPECT_EQ((*meta)->identity(), identity_) << what;
      EXPECT_EQ((*meta)->hard_state(), meta_->hard_state()) << what;
      EXPECT_EQ((*meta)->mark(), meta_->mark()) << what;
      EXPECT_EQ((*meta)->intent(), meta_->intent()) << what;
    };
    const std::size_t images = ForEachCrashImage(rewrite, {}, [&](const CrashImage& image) {
      MemoryFileSystem left(image.disk);
      OperationTrace again(&left);
      expect_same(left, image.what);
      ForEachCrashImage(again, {.images_max = 32}, [&](const CrashImage& second) {
        MemoryFileSystem twice(second.disk);
        expect_same(twice, image.what + ", then " + second.what);
      });
    });
    EXPECT_GT(images, 20u);
  }
}

// Every bit of the file, one after the other: repaired from the twin or, for the mark, lowered to
// what the other slot says.
TEST_F(MetaCrashTest, EverySingleFlippedBitIsFoundAndRepaired) {
  SaveEverything();
  const MemoryDisk disk = files_.Snapshot();
  for (std::size_t bit = 0; bit < kMetaBytes * 8; ++bit) {
    MemoryFileSystem damaged(disk);
    damaged.Damage(kPath, bit / 8, static_cast<std::byte>(1u << (bit % 8)));
    std::vector<std::string> notes;
    const auto meta = Open(damaged, &notes);
    ASSERT_TRUE(meta.has_value()) << "bit " << bit << ": " << meta.error().ToString();
    ASSERT_EQ(notes.size(), 1u) << "bit " << bit;
    ASSERT_EQ((*meta)->identity(), identity_) << "bit " << bit;
    ASSERT_EQ((*meta)->hard_state(), meta_->hard_state()) << "bit " << bit;
    ASSERT_EQ((*meta)->intent(), meta_->intent()) << "bit " << bit;
    ASSERT_EQ((*meta)->mark(), meta_->mark()) << "bit " << bit;
    notes.clear();
    ASSERT_TRUE(Open(damaged, &notes).has_value());
    ASSERT_TRUE(notes.empty()) << "bit " << bit << " was not repaired for good";
  }
}

}  // namespace
}  // namespace raftmq

// An internal topic: commands are applied once, in order; the state stands in every checkpoint.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/raftlog/group_world.h"

namespace raftmq {
namespace {

// Concatenates the beginnings of its commands. `padding` makes its checkpoints large.
class WordList {
 public:
  explicit WordList(GroupWorld* world, std::size_t padding = 0) : world_(world), padding_(padding) {
    world_->options.internal = true;
  }
  void Attach() {
    text.clear();
    applied = Index(0);
    restores = 0;
    world_->group->SetCapture([this] {
      std::string state = text + std::string(padding_, '.');
      ByteBuffer bytes(state.size());
      std::memcpy(bytes.data(), state.data(), state.size());
      return bytes;
    });
    world_->group->SetRestore([this](ByteSpan state) {
      ++restores;
      text = std::string(AsText(state));
      if (!state.empty()) text.resize(text.size() - padding_);
    });
    world_->group->SetApply([this](Index index, ByteSpan payload) {
      EXPECT_GT(index, applied);
      applied = index;
      text += AsText(payload.first(std::min<std::size_t>(payload.size(), 200)));
    });
  }
  void Start() {
    world_->Open();
    Attach();
    world_->group->Tick();
    world_->Settle();
  }
  void Restart() {
    world_->Crash();
    Start();
  }
  std::shared_ptr<std::optional<Result<Proposed>>> Send(const std::string& word) {
    return world_->Send(MakeControlEntry(EntryKind::kCommand, AsBytes(word)));
  }
  bool Say(const std::string& word) {
    const auto answer = Send(word);
    world_->Settle();
    return answer->has_value() && (*answer)->has_value();
  }

  std::string text;
  Index applied;
  int restores = 0;

 private:
  GroupWorld* world_;
  std::size_t padding_;
};

TEST(GroupStateMachine, AppliesBeforeItAnswers) {
  GroupWorld world;
  WordList words(&world);
  words.Start();
  std::string at_answer;
  ByteBuffer command = MakeControlEntry(EntryKind::kCommand, AsBytes("one "));
  const std::size_t bytes = command.size();
  world.group->Propose(std::move(command), 0, bytes,
                       [&](Result<Proposed>) { at_answer = words.text; });
  EXPECT_EQ(words.text, "");
  world.Settle();
  EXPECT_EQ(at_answer, "one ");
  EXPECT_EQ(world.group->status().applied, world.group->status().commit);
}

TEST(GroupStateMachine, ARestartReplaysCommandsFromTheNewestCheckpoint) {
  GroupWorld world;
  WordList words(&world);
  words.Start();
  std::string expected;
  for (int i = 0; i < 60; ++i) {
    const std::string word = std::to_string(i) + std::string(100, '-');
    ASSERT_TRUE(words.Say(word));
    expected += word;
    if (i % 7 == 0) words.Restart();
    ASSERT_EQ(words.text, expected);
    ASSERT_LE(words.restores, 1);
    world.files.segment_bytes = 32 << 10;
  }
}

TEST(GroupStateMachine, ColdCommandsAreReadThroughTheWorkQueue) {
  GroupWorld world(0);
  WordList words(&world);
  words.Start();
  for (const char* word : {"a", "b", "c"}) ASSERT_TRUE(words.Say(word));
  world.files.is_cold = true;
  words.Restart();
  EXPECT_EQ(words.text, "abc");
}

TEST(GroupStateMachine, ARollHoldsCommandsBackUntilAllBeforeIsApplied) {
  GroupWorld world;
  world.files.segment_bytes = 8192;
  WordList words(&world);
  words.Start();
  std::string expected;
  std::vector<std::shared_ptr<std::optional<Result<Proposed>>>> answers;
  for (int i = 0; i < 12; ++i) {
    const std::string word = std::to_string(i) + std::string(900, '-');
    answers.push_back(words.Send(word));
    expected += word.substr(0, 200);
    if (i > 8) break;
  }
  EXPECT_EQ(world.metrics.rolls.value(), 0u);  // Nothing is applied yet.
  world.Settle();
  EXPECT_GT(world.metrics.rolls.value(), 0u);
  for (const auto& answer : answers) EXPECT_TRUE(answer->has_value());
  EXPECT_EQ(words.text, expected.substr(0, words.text.size()));
}

TEST(GroupStateMachine, TheLogBeforeACommittedCheckpointGoes) {
  GroupWorld world;
  WordList words(&world);
  words.Start();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(words.Say(std::string(20, 'x')));
  EXPECT_GT(world.files.first, Index(1));
  const std::string before = words.text;
  words.Restart();
  EXPECT_EQ(words.text, before);
}

TEST(GroupStateMachine, AStateBeyondItsBoundRefusesCommandsAndKeepsTheLogWhole) {
  GroupWorld world;
  WordList words(&world, 5000);
  words.Start();
  while (words.Say(std::string(500, 'x'))) {
  }
  EXPECT_EQ(world.metrics.rolls.value(), 0u);
  const std::string before = words.text;
  words.Restart();
  EXPECT_EQ(words.text, before);
}

// A term begins with an entry of its own, and before that nobody knows what is committed, so that
// the log could be rolled: commands must not take its place.
TEST(GroupStateMachine, OnAFullDiskCommandsLeaveRoomForTheTermsToCome) {
  GroupWorld world;
  WordList words(&world);
  words.Start();
  world.files.is_full = true;
  while (words.Say(std::string(40, 'x'))) {
  }
  words.Restart();
  EXPECT_TRUE(world.group->status().is_leader);
  world.files.is_full = false;
  EXPECT_TRUE(words.Say("goes on"));
}

// The checkpoint's parts are appended in one turn, but a crash may keep only the first.
TEST(GroupStateMachine, ACheckpointBrokenOffByACrashIsVoid) {
  GroupWorld world;
  world.files.segment_bytes = 8u << 20;
  WordList words(&world, (2u << 20) + 100);  // Three parts.
  words.Start();
  world.options.batch_bytes_max = 2u << 20;
  words.Restart();
  while (world.metrics.rolls.value() == 0) {
    world.Settle();
    words.Send(std::string(1u << 20, 'x'));
  }
  world.group->TurnEnd();
  world.disk().WriteAll();
  world.disk().SyncAll();
  world.Crash();
  // Cut the last run after its first part.
  while (world.files.entries.back().header.producer.kind != EntryKind::kCheckpoint)
    world.files.entries.pop_back();
  world.files.entries.pop_back();
  words.Restart();
  ASSERT_TRUE(words.Say("end"));
  EXPECT_EQ(world.metrics.rolls.value(), 2u);
  EXPECT_THAT(words.text, ::testing::EndsWith("end"));
  words.Restart();
  EXPECT_THAT(words.text, ::testing::EndsWith("end"));
}

}  // namespace
}  // namespace raftmq

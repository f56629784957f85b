// Damaged entries are replaced by copies of other replicas, and until then nothing is built on
// them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "tests/raftlog/group_cluster.h"

namespace raftmq {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr std::uint32_t kNodes = 3;

std::string Long(int number) { return std::to_string(number) + std::string(12'000, '.'); }

// Three replicas with some sealed segments, node 1 leads.
class GroupRepair : public ::testing::Test {
 protected:
  explicit GroupRepair(const GroupClusterOptions& options = {.cache_bytes = 0}) : cluster(options) {
    cluster.Elect(1);
    for (std::size_t i = 0; i < kValues; ++i)
      EXPECT_TRUE(cluster.Produce(1, Long(static_cast<int>(i))).has_value());
    cluster.Heartbeat(1);
    EXPECT_GE(cluster.node(2).Segments().size(), 3u);
  }

  // Of a record in the oldest or the newest segment.
  void DamageOldest(std::uint32_t id) {
    DamageFile(id, cluster.node(id).Segments().begin()->first);
  }
  void DamageNewest(std::uint32_t id) {
    DamageFile(id, std::prev(cluster.node(id).Segments().end())->first);
  }
  void DamageFile(std::uint32_t id, const std::string& name, std::uint64_t at = 20'000) {
    cluster.node(id).files->Damage("/p/" + name, at, std::byte{1});
    Restart(id);  // What is mapped already is in memory.
    if (id == 1) cluster.Elect(1);
    cluster.Heartbeat(1);
  }
  void Restart(std::uint32_t id) {
    cluster.node(id).Crash();  // Index files are there still: sealed segments are not looked at.
    cluster.Start(id);
  }
  // Questions, answers, disks: as long as anything moves.
  void LetRepair(std::uint32_t leader = 1) {
    for (int i = 0; i < 10; ++i) {
      for (std::uint32_t id = 1; id <= kNodes; ++id) {
        cluster.node(id).clock.Advance(std::chrono::seconds(1));  // Who is away does not answer.
        if (id != leader) cluster.Tick(id, 1);
      }
      cluster.Heartbeat(leader);
    }
  }
  // Node 2, in single rounds, so that it is met between two of them.
  void RepairUntilClosing() {
    cluster.Isolate(2);
    DamageNewest(2);
    cluster.Heal();
    for (int i = 0; i < 100 && !cluster.group(2).status().needs_reopening; ++i) {
      cluster.node(2).clock.Advance(std::chrono::milliseconds(100));
      cluster.Tick(2, 1);
      if (i % 3 == 0) cluster.Tick(1, 3);
      for (const std::uint32_t id : {1u, 2u, 3u}) {
        cluster.group(id).TurnEnd();
        cluster.RunDisk(id);
        cluster.group(id).TurnEnd();
        cluster.node(id).shard->work.RunAll();
      }
      cluster.DeliverAll();
    }
  }
  void ExpectAllAlike() {
    for (std::uint32_t id = 2; id <= kNodes; ++id)
      EXPECT_TRUE(cluster.node(id).Segments() == cluster.node(1).Segments()) << "node " << id;
  }
  std::vector<std::string> ReadAll(std::uint32_t id) { return cluster.node(id).ReadFrom(0); }

  static constexpr std::size_t kValues = 60;
  GroupCluster cluster;
};

TEST_F(GroupRepair, AReadThatMeetsDamageIsToldToTryAgainAndThenServed) {
  DamageOldest(2);
  const Result<FetchSlice> first = cluster.node(2).Fetch(1);
  ASSERT_FALSE(first.has_value());
  EXPECT_EQ(first.error().code, ErrorCode::kNotYet) << first.error().ToString();
  EXPECT_THAT(first.error().message, HasSubstr("repairs damage"));
  LetRepair();
  EXPECT_THAT(cluster.group(2).damage(), IsEmpty());
  EXPECT_EQ(ReadAll(2).size(), kValues);
  EXPECT_EQ(cluster.node(2).metrics.entries_repaired.value(), 1u);
  ExpectAllAlike();
}

TEST_F(GroupRepair, ALeaderRepairsWhatItCannotReadFromAFollower) {
  DamageOldest(1);
  EXPECT_EQ(cluster.node(1).Fetch(1).error().code, ErrorCode::kNotYet);
  LetRepair();
  EXPECT_EQ(ReadAll(1).size(), kValues);
  EXPECT_TRUE(cluster.group(1).status().is_leader);
  ExpectAllAlike();
}

TEST_F(GroupRepair, DamageInTheNewestSegmentIsTakenInByANewOpening) {
  cluster.Isolate(2);
  DamageNewest(2);
  ASSERT_THAT(cluster.group(2).damage(), SizeIs(1));
  cluster.Heal();
  LetRepair();
  EXPECT_THAT(cluster.group(2).damage(), IsEmpty());
  EXPECT_TRUE(cluster.group(2).StateOfLog().has_value()) << "its whole state is known again";
  EXPECT_EQ(ReadAll(2).size(), kValues);
  ASSERT_TRUE(cluster.Produce(1, "more").has_value());
  cluster.Heartbeat(1);
  EXPECT_EQ(ReadAll(2).size(), kValues + 1);
  ExpectAllAlike();
}

// Found by the simulator: of a sealed segment, and yet on the way from the newest checkpoint that
// is known to be committed. The state stayed unknown, and the replica never campaigned again.
TEST_F(GroupRepair, WhatAnOpeningPassedOverInASealedSegmentIsTakenInByTheNextOne) {
  const auto segments = [this] { return cluster.node(2).Segments(); };
  const std::size_t before = segments().size();
  for (int i = 0; segments().size() == before; ++i)
    ASSERT_TRUE(cluster.Produce(1, Long(i)).has_value());
  cluster.Isolate(2);  // The roll is not known to be committed.
  DamageFile(2, std::prev(segments().end(), 2)->first, 200);
  ASSERT_FALSE(cluster.group(2).StateOfLog().has_value());
  cluster.Heal();
  LetRepair();
  EXPECT_THAT(cluster.group(2).damage(), IsEmpty());
  EXPECT_TRUE(cluster.group(2).StateOfLog().has_value()) << "its whole state is known again";
}

TEST_F(GroupRepair, WhoIsDrainedWhileItsLogIsOpenedAgainHasNotFailed) {
  RepairUntilClosing();
  ASSERT_TRUE(cluster.group(2).status().needs_reopening);
  bool is_drained = false;
  cluster.group(2).Drain([&is_drained] { is_drained = true; });
  for (int i = 0; i < 3; ++i) {
    cluster.Tick(2, 1);
    cluster.Settle();
  }
  EXPECT_TRUE(is_drained);
  EXPECT_EQ(cluster.group(2).failure(), nullptr);
  EXPECT_EQ(cluster.node(2).Fetch(1).error().code, ErrorCode::kDraining);
}

// Found by the simulator: a late answer to the group before was taken for one to the group that
// went on in its place.
TEST_F(GroupRepair, WhoHasOpenedItsLogAgainAsksByOtherNumbers) {
  const auto ask = [this] {
    cluster.group(2).ReadIndex([](const Result<Offset>&) {});
    std::optional<std::uint64_t> id;
    for (const PeerMessage& message : cluster.mail()) {
      const auto* const raft = std::get_if<RaftMessage>(&message.body);
      const auto* const request = raft ? std::get_if<ReadRequest>(&raft->body) : nullptr;
      if (request) id = request->id;
    }
    cluster.Settle();
    return id;
  };
  const auto before = ask();
  ASSERT_TRUE(before.has_value());
  const auto scrub = cluster.group(2).CheckSegment(cluster.group(2).status().last);
  ASSERT_TRUE(scrub.has_value());
  cluster.node(2).files->Damage("/p/" + std::prev(cluster.node(2).Segments().end())->first, 20'000,
                                std::byte{1});
  while (scrub->check->Step(1u << 20)) continue;
  ASSERT_TRUE(cluster.group(2).TakeDamage(*scrub));
  LetRepair();
  ASSERT_THAT(cluster.group(2).damage(), IsEmpty());
  EXPECT_FALSE(cluster.group(2).TakeDamage(*scrub)) << "of another opening";
  const auto after = ask();
  ASSERT_TRUE(after.has_value());
  EXPECT_NE(*after, *before);
}

// A read that is under way keeps it open, and its leader goes on sending.
TEST_F(GroupRepair, NothingIsAckedOverDamageThatIsFoundWhileAReplicaIsDrained) {
  ClusterNode& node = cluster.node(2);
  const auto scrub = cluster.group(2).CheckSegment(Index(1));
  ASSERT_TRUE(scrub.has_value());
  node.files->Damage("/p/" + node.Segments().begin()->first, 20'000, std::byte{1});
  while (scrub->check->Step(1u << 20)) continue;
  node.files->KeepPagesCold(true);
  cluster.group(2).Fetch(Offset(30), 1, [](const Result<FetchSlice>&) {});
  cluster.group(2).Drain([] {});
  ASSERT_TRUE(cluster.group(2).TakeDamage(*scrub));
  cluster.Isolate(3);
  const Index commit = cluster.group(1).status().commit;
  cluster.node(1).Send(AnyGroupWorld::Batch({"waits"}));
  for (int i = 0; i < 5; ++i) {
    cluster.Tick(1, GroupCluster::kHeartbeatTicks);
    cluster.DeliverAll();
    for (const std::uint32_t id : {1u, 2u}) {
      cluster.group(id).TurnEnd();
      cluster.RunDisk(id);
      cluster.group(id).TurnEnd();
    }
  }
  EXPECT_EQ(cluster.group(2).status().last, commit.Next()) << "it has the entry";
  EXPECT_EQ(cluster.group(1).status().commit, commit);
  cluster.Settle();
}

TEST_F(GroupRepair, NothingIsAckedOverDamage) {
  DamageOldest(2);
  cluster.Isolate(3);
  EXPECT_EQ(cluster.node(2).Fetch(1).error().code, ErrorCode::kNotYet);
  std::erase_if(cluster.mail(), [](const PeerMessage& message) {
    return std::holds_alternative<RepairRequest>(message.body);
  });
  const auto answer = cluster.node(1).Send(AnyGroupWorld::Batch({"x"}));
  cluster.Settle();
  EXPECT_FALSE(answer->has_value()) << "node 3 is away, node 2 must not count itself";
  LetRepair();
  ASSERT_TRUE(answer->has_value());
  EXPECT_TRUE((*answer)->has_value());
}

TEST_F(GroupRepair, TwoDamagedReplicasRepairEachOther) {
  DamageOldest(2);
  DamageFile(3, cluster.node(3).Segments().begin()->first, 50'000);
  EXPECT_FALSE(cluster.node(2).Fetch(1).has_value());
  EXPECT_FALSE(cluster.node(3).Fetch(4).has_value());
  cluster.Isolate(1);
  LetRepair();
  cluster.Heal();
  EXPECT_THAT(cluster.group(2).damage(), IsEmpty());
  EXPECT_THAT(cluster.group(3).damage(), IsEmpty());
  ExpectAllAlike();
}

TEST_F(GroupRepair, WithoutAGoodCopyTheDamageIsNamedAndAllElseGoesOn) {
  for (std::uint32_t id = 1; id <= kNodes; ++id) DamageOldest(id);
  for (std::uint32_t id = 1; id <= kNodes; ++id)
    EXPECT_FALSE(cluster.node(id).Fetch(1).has_value());
  LetRepair();
  for (std::uint32_t id = 1; id <= kNodes; ++id) {
    const Result<FetchSlice> slice = cluster.node(id).Fetch(1);
    ASSERT_FALSE(slice.has_value());
    EXPECT_EQ(slice.error().code, ErrorCode::kDataCorrupt) << "node " << id;
    EXPECT_THAT(slice.error().message, HasSubstr("no good copy is known"));
  }
  std::uint32_t leader = 1;
  while (leader < kNodes && !cluster.group(leader).status().is_leader) ++leader;
  EXPECT_TRUE(cluster.Produce(leader, "on").has_value());
}

// Else the two would wait for each other: the news of the commit comes from a leader, and there may
// be none until the asker is whole.
TEST_F(GroupRepair, WhoHasNotHeardOfTheCommitGivesACopyOfWhatHasTheSameHash) {
  const Result<FetchSlice> newest = cluster.node(1).Fetch(kValues - 1);
  ASSERT_TRUE(newest.has_value());
  const auto header = ParseBatchHeader(newest->batches.back().view());
  const Index last = header->leader.index;
  cluster.Isolate(1);
  Restart(3);
  ASSERT_LT(cluster.group(3).status().commit, last);
  cluster.mail().clear();
  const auto answer_to = [&](std::uint64_t hash) {
    cluster.group(3).Receive({.group = cluster.node(3).options.log.group,
                              .body = RepairRequest{.from = {NodeId(2), ReplicaNumber(2)},
                                                    .to = {NodeId(3), ReplicaNumber(3)},
                                                    .id = 1,
                                                    .first = last,
                                                    .last = last,
                                                    .last_hash = hash,
                                                    .is_committed = true},
                              .frames = {}});
    cluster.node(3).Settle();
    EXPECT_THAT(cluster.mail(), Not(IsEmpty()));
    const auto reply = std::get<RepairReply>(cluster.mail().back().body);
    cluster.mail().clear();
    return reply.answer;
  };
  EXPECT_EQ(answer_to(0), RepairReply::Answer::kNotYet) << "it may be another one";
  EXPECT_EQ(answer_to(header->header_hash), RepairReply::Answer::kHave);
}

TEST_F(GroupRepair, ACopyThatDoesNotCheckIsNotWritten) {
  DamageOldest(2);
  EXPECT_FALSE(cluster.node(2).Fetch(1).has_value());
  const auto before = cluster.node(2).Segments();
  for (int i = 0; i < 3; ++i) {
    cluster.group(2).Tick();
    cluster.group(2).TurnEnd();
    while (!cluster.mail().empty()) {
      for (PeerMessage& message : cluster.mail()) {
        if (!std::holds_alternative<RepairReply>(message.body) || message.frames.empty()) continue;
        ByteBuffer bad(message.frames[0].size());
        std::ranges::copy(message.frames[0].view(), bad.data());
        bad.data()[bad.size() / 2] ^= std::byte{1};
        message.frames[0] = SharedBytes(std::move(bad));
      }
      cluster.DeliverAll();
      for (std::uint32_t id = 1; id <= kNodes; ++id) cluster.node(id).Settle();
    }
  }
  EXPECT_THAT(cluster.group(2).damage(), Not(IsEmpty()));
  EXPECT_GT(cluster.node(2).metrics.repairs_refused.value(), 0u);
  EXPECT_TRUE(before == cluster.node(2).Segments());
}

class GroupRepairOnFreshPages : public GroupRepair {
 protected:
  GroupRepairOnFreshPages() : GroupRepair({.cache_bytes = 0, .fresh_page_per_job = true}) {}
};

// Copies come job by job; where the first of them stood only the last one tells.
TEST_F(GroupRepairOnFreshPages, ARunOfManyJobsIsRepairedAsAWhole) {
  const std::string oldest = cluster.node(2).Segments().begin()->first;
  for (std::uint64_t at = 40'000; at < 100'000; at += 2'000)
    cluster.node(2).files->Damage("/p/" + oldest, at, std::byte{1});
  Restart(2);
  cluster.Heartbeat(1);
  EXPECT_EQ(cluster.node(2).Fetch(4).error().code, ErrorCode::kNotYet);
  ASSERT_THAT(cluster.group(2).damage(), SizeIs(1));
  EXPECT_GT(cluster.group(2).damage().front().last,
            cluster.group(2).damage().front().first.Plus(2));
  LetRepair();
  EXPECT_THAT(cluster.group(2).damage(), IsEmpty());
  EXPECT_EQ(cluster.node(2).metrics.repairs_refused.value(), 0u);
  EXPECT_EQ(ReadAll(2), ReadAll(1));  // Entries may stand elsewhere between the same two.
  Restart(2);
  cluster.Heartbeat(1);
  EXPECT_EQ(ReadAll(2), ReadAll(1));
}

// Commands behind the end of a file that was cut are committed and not there: applying waits.
TEST(GroupRepairOfCommands, TheEndOfAFileThatWasCutIsAppliedOnceItIsRepaired) {
  GroupCluster cluster({.cache_bytes = 0, .internal = true});
  std::map<std::uint32_t, std::string> text;
  const auto attach = [&](std::uint32_t id) {
    text[id].clear();
    cluster.group(id).SetCapture([] { return ByteBuffer(0); });
    cluster.group(id).SetRestore([&text, id](ByteSpan) { text[id].clear(); });
    cluster.group(id).SetApply(
        [&text, id](Index, ByteSpan payload) { text[id] += std::string(AsText(payload)) + " "; });
  };
  for (std::uint32_t id = 1; id <= kNodes; ++id) attach(id);
  cluster.Elect(1);
  for (const std::string word : {"one", "two", "three", "four"}) {
    cluster.group(1).ProposeAnywhere(MakeControlEntry(EntryKind::kCommand, AsBytes(word)),
                                     [](const Result<Proposed>&) {});
    cluster.Settle();
  }
  cluster.Heartbeat(1);
  cluster.group(2).Drain([] {});  // Its mark is written.
  cluster.Settle();
  ClusterNode& node = cluster.node(2);
  node.Crash();
  const std::string path = "/p/" + node.Segments().begin()->first;
  {
    std::vector<std::byte> bytes(8'192);
    ASSERT_TRUE((*node.files->Open(path, OpenMode::kRead))->Read(0, bytes));
    const auto used = std::ranges::find_if(bytes.rbegin(), bytes.rend(),
                                           [](std::byte byte) { return byte != std::byte{0}; })
                          .base() -
                      bytes.begin();
    bytes.resize(static_cast<std::size_t>(used) - 150);
    ASSERT_TRUE(node.files->Remove(path));
    ASSERT_TRUE((*node.files->Open(path, OpenMode::kCreate))->Write(0, bytes));
  }
  cluster.Start(2);
  attach(2);
  ASSERT_THAT(cluster.group(2).damage(), SizeIs(1));
  for (int i = 0; i < 10; ++i) {
    cluster.node(2).clock.Advance(std::chrono::seconds(1));
    cluster.Tick(2, 1);
    cluster.Heartbeat(1);
  }
  EXPECT_THAT(cluster.group(2).damage(), IsEmpty());
  EXPECT_EQ(text[2], "one two three four ");
}

// Damaged configuration entries could make it win by the votes of those who were members once.
// Found by the simulator: what made the other a voter is among the damaged entries, and the other,
// whose log is shorter, cannot be elected before this one knows whom it may vote for.
TEST(GroupRepairWithoutALeader, WhoDoesNotKnowTheMembersAsksThoseWhoAskForItsVote) {
  constexpr Replica kOne{NodeId(1), ReplicaNumber(1)};
  constexpr Replica kTwoAnew{NodeId(2), ReplicaNumber(9)};
  GroupCluster cluster{{.nodes = 2, .cache_bytes = 0}};
  cluster.Elect(1);
  const auto change = [&cluster](const Membership& next) {
    std::optional<Result<Proposed>> answer;
    cluster.group(1).ChangeMembership(next, [&answer](Result<Proposed> to) { answer = to; });
    cluster.Settle();
    ASSERT_TRUE(answer && *answer);
    cluster.Heartbeat(1);
  };
  change({kOne});
  ASSERT_TRUE(cluster.Produce(1, "alone").has_value());
  cluster.Replace(2, kTwoAnew.number);
  const Index first = cluster.group(1).status().last.Next();
  change({kOne, {kTwoAnew.node, kTwoAnew.number, false}});
  change({kOne, kTwoAnew});
  ASSERT_TRUE(cluster.Produce(1, "of both").has_value());
  const Index last = cluster.group(1).status().last;
  for (const std::string value : {"tells", "of the commit"})
    ASSERT_TRUE(cluster.Produce(1, value).has_value());
  cluster.Isolate(2);
  const auto lost = cluster.node(1).Send(AnyGroupWorld::Batch({"not with the other"}));
  cluster.Settle();
  for (Index index = first; index <= last; index = index.Next()) cluster.node(1).DamageEntry(index);
  for (const std::uint32_t id : {1u, 2u}) {
    cluster.node(id).Crash();
    cluster.Start(id);
  }
  ASSERT_THAT(cluster.group(1).damage(), SizeIs(1));
  ASSERT_THAT(cluster.group(1).membership(), SizeIs(1));
  cluster.Heal();
  for (int i = 0; i < 3'000 && !cluster.group(1).damage().empty(); ++i) {
    for (const std::uint32_t id : {1u, 2u}) {
      cluster.node(id).clock.Advance(std::chrono::milliseconds(10));
      cluster.Tick(id, 1);
    }
    cluster.Settle();
  }
  EXPECT_THAT(cluster.group(1).damage(), IsEmpty());
}

TEST_F(GroupRepair, WhoDoesNotKnowTheMembersDoesNotCampaign) {
  cluster.Isolate(2);
  DamageNewest(2);
  cluster.Heal();
  cluster.Isolate(1);
  cluster.Isolate(3);
  cluster.Tick(2, 5'000);
  const Term term = cluster.group(2).status().term;
  cluster.Heal();
  cluster.Heartbeat(1);
  EXPECT_EQ(cluster.group(1).status().term, term);
  EXPECT_TRUE(cluster.group(1).status().is_leader);
}

// Found by the simulator: once other damage was found, what a cut had taken was called damaged
// again, and the next append cut the whole entries that stood there by then, committed ones.
TEST(GroupRepairWithANewLeader, WhatHasTakenThePlaceOfDamageIsNotCalledDamaged) {
  GroupCluster cluster{{.nodes = 5, .cache_bytes = 0}};
  cluster.Elect(1);
  ClusterNode& node = cluster.node(3);
  while (node.Segments().size() < 2) {
    ASSERT_TRUE(cluster.Produce(1, Long(0)).has_value());
    cluster.Heartbeat(1);
  }
  const Index one(3);  // In a sealed segment: it is met by who reads it.
  const Index two = cluster.group(3).status().last.Next(), three = two.Plus(2);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(cluster.Produce(1, Long(i)).has_value());
  cluster.Heartbeat(1);
  for (const std::uint32_t id : {2u, 4u, 5u}) cluster.Isolate(id);  // Only two have entry three.
  static_cast<void>(cluster.Produce(1, Long(3)).has_value());
  for (int i = 0; i < 5; ++i) {  // It marks what it has.
    node.clock.Advance(std::chrono::seconds(10));
    cluster.Tick(3, 1);
    cluster.Settle();
  }
  ASSERT_EQ(cluster.group(3).status().last, three);
  for (const Index index : {one, two, three}) node.DamageEntry(index);
  node.Crash();
  cluster.Start(3);
  ASSERT_THAT(cluster.group(3).damage(), SizeIs(2));
  for (int i = 0; i < 10; ++i) {  // Its question for entry three is lost, like all else.
    std::erase_if(cluster.mail(), [three](const PeerMessage& message) {
      const auto* const request = std::get_if<RepairRequest>(&message.body);
      return std::holds_alternative<RaftMessage>(message.body) ||
             (request && request->first == three);
    });
    cluster.DeliverAll();
    for (const std::uint32_t id : {1u, 3u}) {
      cluster.Tick(id, id == 3 && i == 0 ? 1 : 0);
      cluster.group(id).TurnEnd();
      cluster.RunDisk(id);
      cluster.node(id).work().RunAll();
      cluster.group(id).TurnEnd();
    }
  }
  ASSERT_THAT(cluster.group(3).damage(), SizeIs(1)) << "entry two is whole, for the next opening";
  cluster.Heal();
  cluster.Isolate(1);
  cluster.Win(2);
  for (int i = 0; i < 10 && node.metrics.truncations.value() == 0; ++i) {
    for (const std::uint32_t id : {2u, 3u}) {
      cluster.group(id).TurnEnd();
      cluster.RunDisk(id);
    }
    cluster.DeliverAll();
  }
  ASSERT_EQ(node.metrics.truncations.value(), 1u);
  static_cast<void>(node.Fetch(0, 100'000));
  cluster.Settle();
  ASSERT_TRUE(cluster.Produce(2, "after the cut").has_value());
  cluster.Heartbeat(2);
  EXPECT_EQ(node.metrics.truncations.value(), 1u);
  EXPECT_EQ(cluster.group(3).status().commit, cluster.group(2).status().last);
}

}  // namespace
}  // namespace raftmq

#include "tests/checker/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "tests/checker/checker.h"
#include "tests/checker/history_recorder.h"

namespace raftmq::checker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ReadValue, TakesProducerAndCounterAndLeavesPadding) {
  EXPECT_EQ(ReadValue("3-17"), (Value{3, 17}));
  EXPECT_EQ(ReadValue("3-17-xxxx"), (Value{3, 17}));
  EXPECT_EQ(ReadValue("3-17....."), (Value{3, 17}));
  EXPECT_EQ(ReadValue("3-17").ToString(), "3-17");
}

TEST(ReadValue, TakesAnythingElseAsForeign) {
  for (const char* text : {"", "3", "3-", "-3", "x-1", "3--1", "99999999999-1",
                           "1-99999999999999999999999", "4294967295-1"}) {
    EXPECT_TRUE(ReadValue(text).is_foreign()) << text;
  }
  EXPECT_NE(ReadValue("one"), ReadValue("two"));
}

TEST(HistoryRecorder, AnOperationThatNobodyEndsIsUnknown) {
  HistoryRecorder recorder;
  const ClientNumber client(1);
  const OpNumber lost = recorder.Begin(client, Send{.values = {{1, 0}}});
  const OpNumber acked = recorder.Begin(client, Send{.values = {{1, 1}}});
  recorder.End(acked, Outcome::kOk,
               [](Action& action) { std::get<Send>(action).offset = Offset(4); });
  const History history = recorder.Take();
  EXPECT_EQ(lost, OpNumber(0));
  ASSERT_EQ(history.ops().size(), 2u);
  EXPECT_EQ(history.ops()[0].outcome, Outcome::kInfo);
  EXPECT_EQ(history.ops()[0].ended, kNever);
  EXPECT_EQ(history.ops()[1].outcome, Outcome::kOk);
  EXPECT_LE(history.ops()[1].began, history.ops()[1].ended);
  EXPECT_EQ(std::get<Send>(history.ops()[1].action).offset, Offset(4));
  EXPECT_TRUE(recorder.Take().ops().empty());
}

TEST(HistoryRecorder, TakesOperationsOfManyThreads) {
  constexpr std::uint32_t kThreads = 4, kSends = 500;
  HistoryRecorder recorder;
  std::vector<std::jthread> threads;
  for (std::uint32_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&recorder, t] {
      for (std::uint64_t i = 0; i < kSends; ++i) {
        const Send send{.partition = PartitionNumber(t), .values = {{t, i}}};
        recorder.End(recorder.Begin(ClientNumber(t), send), Outcome::kOk,
                     [i](Action& action) { std::get<Send>(action).offset = Offset(i); });
      }
    });
  }
  threads.clear();
  const Report report = CheckHistory(recorder.Take());
  EXPECT_TRUE(report.is_clean()) << report.ToString();
  EXPECT_EQ(report.figures.acked, kThreads * kSends);
}

// A send of one message, acked at `acked`.
Op Acked(std::uint64_t number, std::uint64_t offset, Microseconds began, Microseconds acked) {
  return {.number = OpNumber(number),
          .began = began,
          .ended = acked,
          .client = ClientNumber(1),
          .outcome = Outcome::kOk,
          .action = Send{.values = {{1, number}}, .offset = Offset(offset)}};
}

TEST(Figures, TellLagAndUnseenAndTheFirstAckAfterAHeal) {
  using std::chrono::seconds;
  History history;
  history.Add(Acked(0, 0, seconds(10), seconds(11)));
  history.Add({.number = OpNumber(1),
               .began = seconds(12),
               .ended = seconds(12),
               .outcome = Outcome::kOk,
               .action = Nemesis{"heal"}});
  history.Add(Acked(2, 1, seconds(12), seconds(15)));
  Poll poll{.from = Offset(0)};
  history.Add({.number = OpNumber(3),
               .began = seconds(16),
               .ended = seconds(16),
               .outcome = Outcome::kOk,
               .action = poll});  // It might have brought the record acked at 11.
  poll.records = {{Offset(0), {1, 0}}, {Offset(1), {1, 2}}};
  history.Add({.number = OpNumber(4),
               .began = seconds(17),
               .ended = seconds(18),
               .outcome = Outcome::kOk,
               .action = poll});
  const Report report = CheckHistory(history);
  EXPECT_TRUE(report.is_clean()) << report.ToString();
  EXPECT_EQ(report.figures.worst_lag, seconds(5));
  EXPECT_THAT(report.figures.heal_to_ack, ElementsAre(seconds(3)));
  std::vector<std::uint64_t> unseen, ok;
  for (const Figures::Second& second : report.figures.seconds) {
    unseen.push_back(second.unseen);
    ok.push_back(second.ok);
  }
  EXPECT_THAT(unseen, ElementsAre(0, 1, 1, 1, 1, 2, 2, 2, 0));
  EXPECT_THAT(ok, ElementsAre(0, 1, 0, 0, 0, 1, 0, 0, 0));
}

TEST(Figures, TellAcksOfWhatWasRemovedAlready) {
  History history;
  history.Add(Acked(0, 3, Microseconds(0), Microseconds(40)));
  history.Add(Acked(1, 5, Microseconds(1), Microseconds(20)));  // Before anybody was told.
  history.Add({.number = OpNumber(2),
               .began = Microseconds(10),
               .ended = Microseconds(30),
               .outcome = Outcome::kOk,
               .action = Poll{.start = Offset(10)}});
  const Report report = CheckHistory(history);
  EXPECT_EQ(report.figures.acked_below_start, 1u);
  EXPECT_EQ(report.figures.acked_below_start_max, 7u);
}

TEST(LostWrites, AreToldByWhichPartOfTheirProducerIsMissing) {
  History history;
  for (std::uint64_t i = 0; i < 5; ++i) history.Add(Acked(i, i, Microseconds(i), Microseconds(i)));
  const auto read = [&history](std::uint64_t number, std::uint64_t offset) {
    history.Add({.number = OpNumber(number),
                 .began = Microseconds(100),
                 .ended = Microseconds(101),
                 .client = ClientNumber(static_cast<std::uint32_t>(number)),
                 .outcome = Outcome::kOk,
                 .action = Poll{.records = {{Offset(offset), {1, offset}}}}});
  };
  read(10, 1);
  read(11, 3);
  history.Add({.number = OpNumber(12), .action = Send{.values = {{2, 0}}}});
  history.Add({.number = OpNumber(13),
               .began = Microseconds(100),
               .ended = Microseconds(101),
               .client = ClientNumber(13),
               .outcome = Outcome::kOk,
               .action = Poll{.records = {{Offset(5), {2, 0}}}}});
  const Report report = CheckHistory(history);
  ASSERT_EQ(report.broken(), std::set{Rule::kLostWrite}) << report.ToString();
  EXPECT_THAT(report.findings().at(Rule::kLostWrite).examples,
              ElementsAre(HasSubstr("0/1-0 (prefix"), HasSubstr("0/1-2 (middle"),
                          HasSubstr("0/1-4 (suffix")));
}

}  // namespace
}  // namespace raftmq::checker

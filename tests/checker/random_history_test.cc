// Histories of a correct log are clean; whatever single thing is spoilt in them is noticed.
// RAFTMQ_SEED: first seed.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/types/split_mix.h"
#include "tests/checker/checker.h"
#include "tests/checker/random_history.h"

namespace raftmq::checker {
namespace {

constexpr std::uint64_t kSeeds = 150;

std::uint64_t FirstSeed() {
  const char* const seed = std::getenv("RAFTMQ_SEED");
  return seed != nullptr ? std::strtoull(seed, nullptr, 10) : 1;
}

// A history with handles to its operations, to be spoilt.
class Spoiler {
 public:
  Spoiler(History& history, std::uint64_t seed) : history_(history), random_(seed) {}

  // A random operation of that kind that is fit for it; nullptr if none is.
  template <class What>
  Op* Pick(const std::function<bool(const Op&, const What&)>& is_fit) {
    std::vector<OpNumber> fit;
    for (const Op& op : history_.ops()) {
      const What* const action = std::get_if<What>(&op.action);
      if (action != nullptr && is_fit(op, *action)) fit.push_back(op.number);
    }
    return fit.empty() ? nullptr : &history_.At(fit[random_.Below(fit.size())]);
  }
  std::size_t Below(std::size_t bound) { return static_cast<std::size_t>(random_.Below(bound)); }

  Poll* FinalPollOf(std::size_t records_min) {
    Op* const op = Pick<Poll>([records_min](const Op&, const Poll& poll) {
      return poll.is_final && poll.records.size() >= records_min;
    });
    return op == nullptr ? nullptr : &std::get<Poll>(op->action);
  }
  // Only what has a session is stored once.
  static bool HasSession(const ReadRecord& record) {
    return record.value.producer != kProducerWithoutSession;
  }
  // What the first final poll that has it says is there.
  std::optional<Value> ValueAt(PartitionNumber partition, Offset offset) const {
    for (const Op& op : history_.ops()) {
      const Poll* const poll = std::get_if<Poll>(&op.action);
      if (poll == nullptr || !poll->is_final || poll->partition != partition) continue;
      for (const ReadRecord& record : poll->records) {
        if (record.offset == offset) return record.value;
      }
    }
    return std::nullopt;
  }
  bool IsInFinal(const Send& send) const {
    return send.offset && ValueAt(send.partition, *send.offset) == send.values.front();
  }
  std::size_t TimesSent(const Value& value) const {
    return static_cast<std::size_t>(std::ranges::count_if(history_.ops(), [&value](const Op& op) {
      const Send* const send = std::get_if<Send>(&op.action);
      return send != nullptr && send->values.front() == value;
    }));
  }
  // An acked send within a session that is there in the end.
  Op* PickAcked(const std::function<bool(const Send&)>& is_fit = [](const Send&) { return true; }) {
    return Pick<Send>([&](const Op& op, const Send& send) {
      return op.outcome == Outcome::kOk && send.session != SessionId(0) && IsInFinal(send) &&
             is_fit(send);
    });
  }
  History& history() { return history_; }

 private:
  History& history_;
  SplitMix random_;
};

// Spoils something; false if the history has nothing of the kind.
using Spoil = std::function<bool(Spoiler&)>;

bool DropInside(Spoiler& spoiler) {
  Poll* const poll = spoiler.FinalPollOf(3);
  if (poll == nullptr) return false;
  const auto last = poll->records.end() - 1;
  const auto dropped = std::find_if(poll->records.begin() + 1, last, Spoiler::HasSession);
  if (dropped == last) return false;
  poll->records.erase(dropped);
  return true;
}

bool DropLast(Spoiler& spoiler) {
  Op* const op = spoiler.Pick<Poll>([](const Op&, const Poll& poll) {
    return poll.is_final && !poll.records.empty() && poll.records.back().offset.Next() == poll.end;
  });
  if (op == nullptr) return false;
  std::get<Poll>(op->action).records.pop_back();
  return true;
}

bool DropEverywhere(Spoiler& spoiler) {
  Op* const acked = spoiler.PickAcked([](const Send& send) { return *send.offset > Offset(0); });
  if (acked == nullptr) return false;
  const Send& send = std::get<Send>(acked->action);
  const Value value = send.values.front();
  if (!spoiler.ValueAt(send.partition, send.offset->Plus(send.values.size()))) return false;
  for (const Op& op : spoiler.history().ops()) {
    if (!std::holds_alternative<Poll>(op.action)) continue;
    Poll& poll = std::get<Poll>(spoiler.history().At(op.number).action);
    std::erase_if(poll.records, [&](const ReadRecord& read) { return read.value == value; });
  }
  return true;
}

bool DoubleInside(Spoiler& spoiler) {
  Poll* const poll = spoiler.FinalPollOf(1);
  if (poll == nullptr) return false;
  const std::size_t at = spoiler.Below(poll->records.size());
  const ReadRecord copy = poll->records[at];
  poll->records.insert(poll->records.begin() + static_cast<std::ptrdiff_t>(at), copy);
  return true;
}

bool StoreAgain(Spoiler& spoiler) {
  Op* const acked = spoiler.PickAcked();
  if (acked == nullptr) return false;
  const Send& send = std::get<Send>(acked->action);
  const Value value = send.values.front();
  Op* const last = spoiler.Pick<Poll>([&send](const Op&, const Poll& poll) {
    return poll.is_final && poll.partition == send.partition && !poll.records.empty() &&
           poll.records.back().offset.Next() == poll.end;
  });
  Poll& poll = std::get<Poll>(last->action);
  poll.records.push_back({*poll.end, value});
  return true;
}

bool SwapInside(Spoiler& spoiler) {
  Poll* const poll = spoiler.FinalPollOf(2);
  if (poll == nullptr) return false;
  const std::size_t at = spoiler.Below(poll->records.size() - 1);
  std::swap(poll->records[at], poll->records[at + 1]);
  return true;
}

bool SwapValues(Spoiler& spoiler) {
  Poll* const poll = spoiler.FinalPollOf(2);
  if (poll == nullptr) return false;
  const std::size_t at = spoiler.Below(poll->records.size() - 1);
  std::swap(poll->records[at].value, poll->records[at + 1].value);
  return poll->records[at].value != poll->records[at + 1].value;
}

bool ShiftPoll(Spoiler& spoiler) {
  Poll* const poll = spoiler.FinalPollOf(1);
  if (poll == nullptr) return false;
  for (ReadRecord& record : poll->records) record.offset = record.offset.Next();
  return true;
}

bool ShiftAck(Spoiler& spoiler) {
  Op* const acked = spoiler.PickAcked();
  if (acked == nullptr) return false;
  Send& send = std::get<Send>(acked->action);
  send.offset = send.offset->Plus(1'000'000);
  return true;
}

bool AckAgainElsewhere(Spoiler& spoiler) {
  Op* const acked = spoiler.PickAcked();
  if (acked == nullptr) return false;
  Send again = std::get<Send>(acked->action);
  again.offset = again.offset->Next();
  spoiler.history().Note(acked->client, acked->ended, again);
  return true;
}

bool SwapSends(Spoiler& spoiler) {
  Op* const later = spoiler.PickAcked();
  if (later == nullptr) return false;
  const Send& send = std::get<Send>(later->action);
  Op* const earlier = spoiler.PickAcked([&](const Send& other) {
    return other.session == send.session && other.partition == send.partition &&
           other.offset < send.offset && spoiler.TimesSent(other.values.front()) == 1;
  });
  if (earlier == nullptr || spoiler.TimesSent(send.values.front()) != 1) return false;
  std::swap(earlier->action, later->action);
  return true;
}

bool RefuseWhatIsThere(Spoiler& spoiler) {
  Op* const acked = spoiler.PickAcked(
      [&](const Send& send) { return spoiler.TimesSent(send.values.front()) == 1; });
  if (acked == nullptr) return false;
  acked->outcome = Outcome::kFail;
  return true;
}

bool RefuseThePredecessor(Spoiler& spoiler) {
  Op* const acked = spoiler.PickAcked([&](const Send& send) {
    if (spoiler.TimesSent(send.values.front()) != 1) return false;
    return std::ranges::any_of(spoiler.history().ops(), [&send](const Op& op) {
      const Send* const next = std::get_if<Send>(&op.action);
      return next != nullptr && op.outcome == Outcome::kOk && next->session == send.session &&
             next->partition == send.partition &&
             next->sequence == *send.sequence + send.values.size();
    });
  });
  if (acked == nullptr) return false;
  acked->outcome = Outcome::kFail;
  return true;
}

bool ReadWhatNobodySent(Spoiler& spoiler) {
  Poll* const poll = spoiler.FinalPollOf(1);
  if (poll == nullptr) return false;
  poll->records[spoiler.Below(poll->records.size())].value = Value{99, 1};
  return true;
}

bool StepBack(Spoiler& spoiler) {
  Op* const op = spoiler.Pick<Poll>([&spoiler](const Op& each, const Poll& poll) {
    return each.outcome == Outcome::kOk && !poll.records.empty() &&
           poll.records.front().offset == poll.from && *poll.from > Offset(0) &&
           spoiler.ValueAt(poll.partition, poll.from->Minus(1));
  });
  if (op == nullptr) return false;
  Poll& poll = std::get<Poll>(op->action);
  const Offset before = poll.from->Minus(1);
  poll.records.insert(poll.records.begin(),
                      ReadRecord{before, *spoiler.ValueAt(poll.partition, before)});
  return true;
}

bool SkipFirst(Spoiler& spoiler) {
  Op* const op = spoiler.Pick<Poll>([](const Op& each, const Poll& poll) {
    return each.outcome == Outcome::kOk && poll.records.size() >= 2 &&
           poll.records.front().offset == poll.from;
  });
  if (op == nullptr) return false;
  Poll& poll = std::get<Poll>(op->action);
  poll.records.erase(poll.records.begin());
  return true;
}

bool MoveEndBack(Spoiler& spoiler) {
  Op* const op = spoiler.Pick<Poll>([&](const Op& each, const Poll& poll) {
    if (each.outcome != Outcome::kOk || !poll.is_final) return false;
    return std::ranges::any_of(spoiler.history().ops(), [&](const Op& other) {
      const Poll* const earlier = std::get_if<Poll>(&other.action);
      return earlier != nullptr && other.client == each.client && other.ended < each.began &&
             earlier->partition == poll.partition && earlier->end > Offset(0);
    });
  });
  if (op == nullptr) return false;
  std::get<Poll>(op->action).end = Offset(0);
  return true;
}

bool MissAnAck(Spoiler& spoiler) {
  Op* const op = spoiler.Pick<Poll>([&](const Op& each, const Poll& poll) {
    if (each.outcome != Outcome::kOk || !poll.is_from_leader) return false;
    return std::ranges::any_of(spoiler.history().ops(), [&](const Op& other) {
      const Send* const send = std::get_if<Send>(&other.action);
      return send != nullptr && other.outcome == Outcome::kOk && other.ended < each.began &&
             send->partition == poll.partition;
    });
  });
  if (op == nullptr) return false;
  std::get<Poll>(op->action).end = Offset(0);
  return true;
}

struct Mutation {
  const char* name;
  Spoil spoil;
  Rule rule;  // Must be among those that notice it.
};

const std::vector<Mutation>& Mutations() {
  static const std::vector<Mutation> kMutations{
      {"drop inside", DropInside, Rule::kIntPollSkip},
      {"drop inside, at one node", DropInside, Rule::kLostWrite},
      {"drop last", DropLast, Rule::kUnseen},
      {"drop everywhere", DropEverywhere, Rule::kLostWrite},
      {"double inside", DoubleInside, Rule::kIntNonmonotonic},
      {"store again", StoreAgain, Rule::kDuplicate},
      {"swap inside", SwapInside, Rule::kIntNonmonotonic},
      {"swap values", SwapValues, Rule::kInconsistentOffset},
      {"shift a poll", ShiftPoll, Rule::kPollSkip},
      {"shift an ack", ShiftAck, Rule::kDuplicate},
      {"ack again elsewhere", AckAgainElsewhere, Rule::kDupAckMismatch},
      {"swap sends", SwapSends, Rule::kNonmonotonicSend},
      {"refuse what is there", RefuseWhatIsThere, Rule::kAbortedRead},
      {"refuse the predecessor", RefuseThePredecessor, Rule::kSequenceGap},
      {"read what nobody sent", ReadWhatNobodySent, Rule::kPhantom},
      {"step back", StepBack, Rule::kNonmonotonicPoll},
      {"skip first", SkipFirst, Rule::kPollSkip},
      {"move the end back", MoveEndBack, Rule::kEndRegress},
      {"miss an ack", MissAnAck, Rule::kStaleAck},
  };
  return kMutations;
}

TEST(RandomHistories, OfACorrectLogAreClean) {
  std::cout << "first seed " << FirstSeed() << "\n";
  Figures sum;
  for (std::uint64_t seed = FirstSeed(); seed < FirstSeed() + kSeeds; ++seed) {
    const Report report = CheckHistory(MakeRandomHistory({.seed = seed}));
    ASSERT_TRUE(report.is_clean()) << "seed " << seed << "\n" << report.ToString();
    sum.acked += report.figures.acked;
    sum.records_read += report.figures.records_read;
    sum.sends_unknown += report.figures.sends_unknown;
  }
  EXPECT_GT(sum.acked, kSeeds * 50);
  EXPECT_GT(sum.records_read, kSeeds * 100);
  EXPECT_GT(sum.sends_unknown, kSeeds * 5);
}

TEST(RandomHistories, ThatWereSpoiltAreNoticed) {
  std::cout << "first seed " << FirstSeed() << "\n";
  for (const Mutation& mutation : Mutations()) {
    std::uint64_t applied = 0;
    for (std::uint64_t seed = FirstSeed(); seed < FirstSeed() + kSeeds; ++seed) {
      History history = MakeRandomHistory({.seed = seed, .steps = 150});
      Spoiler spoiler(history, seed);
      if (!mutation.spoil(spoiler)) continue;
      ++applied;
      const Report report = CheckHistory(history);
      EXPECT_TRUE(report.broken().contains(mutation.rule))
          << mutation.name << ", seed " << seed << "\n"
          << report.ToString();
    }
    EXPECT_GT(applied, kSeeds / 5) << mutation.name;
  }
}

TEST(RandomHistories, OfAMillionRecordsAreJudgedInSeconds) {
  History history =
      MakeRandomHistory({.seed = 1, .steps = 180'000, .batch_max = 40, .poll_max = 100});
  const auto began = std::chrono::steady_clock::now();
  const Report report = CheckHistory(history);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::cout << report.figures.acked << " acked, " << report.figures.records_read
            << " read, judged in " << took.count() << " s\n";
  EXPECT_TRUE(report.is_clean()) << report.ToString();
  EXPECT_GT(report.figures.acked, 1'000'000u);
}

}  // namespace
}  // namespace raftmq::checker

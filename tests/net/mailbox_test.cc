#include "protocol/net/mailbox.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

#include "tests/net/loop_fixture.h"

namespace raftmq {
namespace {

TEST(Mailbox, LettersOfManyThreadsArriveEachThreadsInOrder) {
  constexpr int kThreads = 4;
  constexpr int kLetters = 5000;
  struct Letter {
    std::size_t from;
    int number;
  };
  EventLoop loop;
  std::vector<int> next(kThreads, 0);
  int total = 0;
  bool in_order = true;
  Mailbox<Letter> mailbox(loop, [&](std::vector<Letter>& letters) {
    EXPECT_FALSE(letters.empty());
    for (const Letter& letter : letters) in_order &= letter.number == next[letter.from]++;
    total += static_cast<int>(letters.size());
  });
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&mailbox, t] {
      for (int i = 0; i < kLetters; ++i) mailbox.Put({t, i});
    });
  }
  RunUntil(loop, [&] { return total == kThreads * kLetters; });
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(in_order);
}

TEST(Mailbox, WakeUpsAreCoalesced) {
  EventLoop loop;
  std::vector<std::size_t> deliveries;
  Mailbox<int> mailbox(loop,
                       [&](std::vector<int>& letters) { deliveries.push_back(letters.size()); });
  for (int i = 0; i < 100; ++i) mailbox.Put(i);
  loop.Stop();
  loop.Run();
  EXPECT_EQ(deliveries, std::vector<std::size_t>{100});
}

TEST(Mailbox, LetterPutByTheReceiverIsDelivered) {
  EventLoop loop;
  std::vector<int> received;
  Mailbox<int>* self = nullptr;
  Mailbox<int> mailbox(loop, [&](std::vector<int>& letters) {
    received.insert(received.end(), letters.begin(), letters.end());
    if (received.size() == 1) self->Put(2);
  });
  self = &mailbox;
  mailbox.Put(1);
  RunUntil(loop, [&] { return received.size() == 2; });
  EXPECT_EQ(received, (std::vector<int>{1, 2}));
}

TEST(Mailbox, MovesLettersThatCannotBeCopied) {
  EventLoop loop;
  int sum = 0;
  Mailbox<std::unique_ptr<int>> mailbox(loop, [&](std::vector<std::unique_ptr<int>>& letters) {
    for (const auto& letter : letters) sum += *letter;
  });
  mailbox.Put(std::make_unique<int>(7));
  RunUntil(loop, [&] { return sum == 7; });
}

TEST(Mailbox, ReceiverMayDestroyTheMailbox) {
  EventLoop loop;
  int calls = 0;
  auto token = std::make_shared<int>();
  std::unique_ptr<Mailbox<int>> mailbox;
  mailbox = std::make_unique<Mailbox<int>>(loop, [&calls, &mailbox, token](std::vector<int>&) {
    ++calls;
    mailbox.reset();
    EXPECT_GE(token.use_count(), 2) << "the receiver lives while it runs";
  });
  mailbox->Put(1);
  RunUntil(loop, [&] { return mailbox == nullptr; });
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(token.use_count(), 1);
}

TEST(Mailbox, LettersUnderWayWhenItIsDestroyedAreDropped) {
  EventLoop loop;
  auto mailbox = std::make_unique<Mailbox<int>>(loop, [](std::vector<int>&) { FAIL(); });
  mailbox->Put(1);
  mailbox.reset();
  loop.Stop();
  loop.Run();
}

}  // namespace
}  // namespace raftmq

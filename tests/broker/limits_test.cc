#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "broker/connection_limits.h"
#include "broker/log.h"
#include "broker/memory_budget.h"

namespace raftmq::broker {
namespace {

TEST(ConnectionLimits, CountsPerAddressAndInAll) {
  ConnectionLimits limits({.connections_max = 3, .per_address_max = 1});
  auto first = limits.Admit("10.0.0.1", false);
  ASSERT_TRUE(first);
  EXPECT_EQ(limits.Admit("10.0.0.1", false).error().code, ErrorCode::kLimitExceeded);
  const auto second = limits.Admit("10.0.0.2", false);
  const auto third = limits.Admit("127.0.0.1", true);
  ASSERT_TRUE(third);
  EXPECT_FALSE(limits.Admit("127.0.0.1", true));
  first = Fail(ErrorCode::kCancelled, "gone");
  EXPECT_EQ(limits.count(), 2u);
  EXPECT_TRUE(limits.Admit("10.0.0.1", false));
}

TEST(ConnectionLimits, LoopbackIsNotCountedPerAddress) {
  ConnectionLimits limits({.connections_max = 10, .per_address_max = 1});
  std::vector<ConnectionTicket> tickets;
  for (int i = 0; i < 10; ++i) {
    auto ticket = limits.Admit("127.0.0.1", true);
    ASSERT_TRUE(ticket);
    tickets.push_back(std::move(*ticket));
  }
  EXPECT_EQ(limits.count(), 10u);
  tickets.clear();
  EXPECT_EQ(limits.count(), 0u);
}

TEST(MemoryBudget, GivesBackWhatIsNoLongerHeld) {
  MemoryBudget budget(100);
  std::optional<MemoryShare> share(budget.Take(60));
  EXPECT_TRUE(static_cast<bool>(*share));
  EXPECT_FALSE(static_cast<bool>(budget.Take(41)));
  MemoryShare moved = std::move(*share);
  share.reset();
  EXPECT_EQ(budget.used(), 60u);
  moved = MemoryShare();
  EXPECT_EQ(budget.used(), 0u);
}

TEST(Log, EscapesWhatCouldForgeALine) {
  EXPECT_EQ(EscapeForLog("a\nb"), "a\\nb");
  EXPECT_EQ(EscapeForLog("\x1b[2J\r"), "\\u001b[2J\\u000d");
  EXPECT_EQ(EscapeForLog("say \"hi\" \\"), "say \\\"hi\\\" \\\\");
  EXPECT_EQ(EscapeForLog("\xff"), "\\u00ff");
  EXPECT_EQ(EscapeForLog("abcdef", 3), "abc...");
}

}  // namespace
}  // namespace raftmq::broker

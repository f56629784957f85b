#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/config/reload.h"

namespace raftmq {
namespace {

TEST(PlanReload, TellsApartWhatIsTakenAndWhatNeedsARestart) {
  const BrokerSettings running;
  BrokerSettings wanted;
  EXPECT_EQ(PlanReload(running, wanted).ToString(), "nothing has changed");
  wanted.log.level = LogLevel::kDebug;
  wanted.limits.connections += 1;
  wanted.node.shards = 7;
  const ReloadPlan plan = PlanReload(running, wanted);
  EXPECT_THAT(plan.applied, testing::ElementsAre("limits.connections", "log.level"));
  EXPECT_THAT(plan.needs_restart, testing::ElementsAre("node.shards"));
  EXPECT_EQ(plan.ToString(),
            "in effect now: limits.connections, log.level; needs a restart: node.shards");
}

}  // namespace
}  // namespace raftmq

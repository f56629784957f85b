#include "broker/config/setting_table.h"

#include <gtest/gtest.h>

#include <set>

namespace raftmq {
namespace {

TEST(SettingTableTest, KeysFlagsAndEnvironmentNamesAreUnique) {
  std::set<std::string> keys, flags, names;
  for (const Setting& setting : SettingTable()) {
    EXPECT_TRUE(keys.insert(setting.key).second) << setting.key;
    EXPECT_TRUE(names.insert(setting.environment).second) << setting.key;
    EXPECT_TRUE(setting.flag.empty() || flags.insert(setting.flag).second) << setting.flag;
    EXPECT_FALSE(setting.help.empty()) << setting.key;
    EXPECT_EQ(FindSetting(setting.key), &setting);
  }
  EXPECT_EQ(FindSetting("no.such"), nullptr);
}

TEST(SettingTableTest, DefaultsAreValidAndReadBackAsThemselves) {
  const BrokerSettings defaults;
  const std::set<std::string> without_default{"node.id", "node.cluster_id", "node.data_dir"};
  for (const Setting& setting : SettingTable()) {
    if (without_default.contains(setting.key)) continue;
    BrokerSettings settings;
    const Status done = setting.set(settings, setting.get(defaults));
    EXPECT_TRUE(done) << setting.key << ": " << done.error().message;
    EXPECT_EQ(settings, defaults) << setting.key;
  }
}

TEST(SettingTableTest, NonsenseIsRefusedByAllAndChangesNothing) {
  for (const Setting& setting : SettingTable()) {
    BrokerSettings settings;
    EXPECT_FALSE(setting.set(settings, "\x01 nonsense")) << setting.key;
    EXPECT_EQ(settings, BrokerSettings{}) << setting.key;
  }
}

TEST(SettingTableTest, EnvironmentNamesHaveTwoUnderscoresBetweenSectionAndKey) {
  EXPECT_EQ(FindSetting("storage.segment_bytes")->environment, "RAFTMQ_STORAGE__SEGMENT_BYTES");
}

}  // namespace
}  // namespace raftmq

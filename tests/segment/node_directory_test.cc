#include "segment/node_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "segment/posix_file_system.h"

namespace raftmq {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class NodeDirectoryTest : public ::testing::Test {
 protected:
  NodeDirectoryTest() {
    std::string name = ::testing::TempDir() + "/raftmq-node-XXXXXX";
    parent_ = mkdtemp(name.data());
    options_ = {.path = parent_ + "/data",
                .cluster_id = "demo",
                .node = NodeId(1),
                .incarnation = 77,
                .may_found = true};
  }
  ~NodeDirectoryTest() override { std::filesystem::remove_all(parent_); }

  ErrorCode CodeOf(const NodeDirectoryOptions& options) {
    const auto opened = OpenNodeDirectory(files_, options);
    return opened ? ErrorCode::kOk : opened.error().code;
  }
  std::string NodeFile() const { return options_.path + "/node"; }

  PosixFileSystem files_;
  std::string parent_;
  NodeDirectoryOptions options_;
};

TEST_F(NodeDirectoryTest, KeepsItsIdentity) {
  {
    const auto founded = OpenNodeDirectory(files_, options_);
    ASSERT_TRUE(founded) << founded.error().ToString();
    EXPECT_TRUE(founded->is_new);
  }
  options_.incarnation = 88;
  options_.may_found = false;
  const auto again = OpenNodeDirectory(files_, options_);
  ASSERT_TRUE(again) << again.error().ToString();
  EXPECT_FALSE(again->is_new);
  EXPECT_EQ(again->identity.incarnation, 77u);
}

TEST_F(NodeDirectoryTest, IsHeldByOneAtATime) {
  const auto first = OpenNodeDirectory(files_, options_);
  ASSERT_TRUE(first);
  EXPECT_EQ(CodeOf(options_), ErrorCode::kLocked);
}

TEST_F(NodeDirectoryTest, RefusesAnotherNodeAndAnotherCluster) {
  ASSERT_EQ(CodeOf(options_), ErrorCode::kOk);
  auto other = options_;
  other.node = NodeId(2);
  EXPECT_EQ(CodeOf(other), ErrorCode::kForeignDirectory);
  other = options_;
  other.cluster_id = "prod";
  const auto opened = OpenNodeDirectory(files_, other);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("belongs to node 1 of cluster 'demo'"));
}

TEST_F(NodeDirectoryTest, NothingIsTouchedInADirectoryThatIsRefused) {
  ASSERT_TRUE(OpenNodeDirectory(files_, options_).has_value());
  ASSERT_TRUE(files_.Remove(options_.path + "/LOCK").has_value());
  const auto before = files_.List(options_.path);
  auto other = options_;
  other.cluster_id = "other";
  EXPECT_EQ(CodeOf(other), ErrorCode::kForeignDirectory);
  EXPECT_EQ(*files_.List(options_.path), *before);
}

TEST_F(NodeDirectoryTest, AnEmptyDirectoryIsFoundedOnlyWhenAsked) {
  options_.may_found = false;
  const auto opened = OpenNodeDirectory(files_, options_);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("--bootstrap"));
}

TEST_F(NodeDirectoryTest, PartitionsWithoutANodeFileAreNobodys) {
  ASSERT_EQ(CodeOf(options_), ErrorCode::kOk);
  std::filesystem::create_directory(options_.path + "/partitions");
  std::filesystem::remove(NodeFile());
  EXPECT_EQ(CodeOf(options_), ErrorCode::kForeignDirectory);
}

TEST_F(NodeDirectoryTest, EveryFlippedBitIsRepairedAndEveryCutIsFound) {
  ASSERT_EQ(CodeOf(options_), ErrorCode::kOk);
  std::ifstream in(NodeFile(), std::ios::binary);
  const std::string good((std::istreambuf_iterator<char>(in)), {});
  const auto code_with = [this](const std::string& bytes) {
    std::ofstream(NodeFile(), std::ios::binary | std::ios::trunc) << bytes;
    return CodeOf(options_);
  };
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(code_with(bad), ErrorCode::kOk) << bit;
    std::ifstream repaired(NodeFile(), std::ios::binary);
    ASSERT_EQ(std::string((std::istreambuf_iterator<char>(repaired)), {}), good) << bit;
    bad[(bit / 8 + good.size() / 2) % good.size()] ^= 1;  // The twin as well.
    EXPECT_EQ(code_with(bad), ErrorCode::kDataCorrupt) << bit;
  }
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(code_with(good.substr(0, size)), ErrorCode::kDataCorrupt) << size;
  }
  EXPECT_EQ(code_with(good), ErrorCode::kOk);
}

TEST_F(NodeDirectoryTest, ADamagedCopyIsFoundAndMadeAgainUnderWay) {
  const auto held = OpenNodeDirectory(files_, options_);
  ASSERT_TRUE(held);
  EXPECT_EQ(IsNodeFileWhole(files_, options_.path), true);
  for (const std::streamoff at : {5, 40}) {  // In either copy.
    {
      std::fstream file(NodeFile(), std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(at);
      file.put('?');
    }
    EXPECT_EQ(IsNodeFileWhole(files_, options_.path), false) << at;
    EXPECT_TRUE(RepairNodeFile(files_, options_.path));
    EXPECT_EQ(IsNodeFileWhole(files_, options_.path), true) << at;
  }
  EXPECT_EQ(CheckNodeDirectory(files_, options_.path)->identity, held->identity);
}

TEST_F(NodeDirectoryTest, TheScrubbersFileIsOurs) {
  ASSERT_TRUE(OpenNodeDirectory(files_, options_));
  std::ofstream(options_.path + "/" + kScrubFileName) << "anything";
  const auto again = OpenNodeDirectory(files_, options_);
  ASSERT_TRUE(again);
  EXPECT_THAT(again->notes, SizeIs(0));
}

TEST_F(NodeDirectoryTest, LinksAndFifosOfOurNamesAreRefused) {
  ASSERT_EQ(CodeOf(options_), ErrorCode::kOk);
  std::filesystem::rename(NodeFile(), parent_ + "/elsewhere");
  std::filesystem::create_symlink(parent_ + "/elsewhere", NodeFile());
  EXPECT_EQ(CodeOf(options_), ErrorCode::kForeignDirectory);
  std::filesystem::remove(NodeFile());
  ASSERT_EQ(mkfifo(NodeFile().c_str(), 0600), 0);
  EXPECT_EQ(CodeOf(options_), ErrorCode::kForeignDirectory);
}

TEST_F(NodeDirectoryTest, OtherFilesAreLeftAloneAndNamed) {
  ASSERT_EQ(CodeOf(options_), ErrorCode::kOk);
  std::ofstream(options_.path + "/notes.txt") << "x";
  const auto opened = OpenNodeDirectory(files_, options_);
  ASSERT_TRUE(opened);
  EXPECT_THAT(opened->notes, SizeIs(1));
  EXPECT_TRUE(std::filesystem::exists(options_.path + "/notes.txt"));
}

TEST_F(NodeDirectoryTest, AnUnfinishedFoundingIsFinished) {
  std::filesystem::create_directory(options_.path);
  std::ofstream(options_.path + "/node.new") << "half";
  EXPECT_EQ(CodeOf(options_), ErrorCode::kOk);
}

}  // namespace
}  // namespace raftmq

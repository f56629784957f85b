// Starts that must not be, disks that fail or fill: the exit codes of raftmqd and what survives.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "protocol/types/hash.h"
#include "segment/node_manifest.h"
#include "segment/posix_file_system.h"
#include "tests/broker/broker_process.h"
#include "tests/broker/broker_steps.h"
#include "tests/broker/wire_client.h"

namespace raftmq::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr int kExitConfig = 2;
constexpr int kExitFailedWrite = 10;
constexpr int kExitLocked = 12;
constexpr int kExitForeign = 13;
constexpr int kExitUnknownFormat = 14;

// Starts a broker that must refuse; returns its exit code.
int ExitOf(const BrokerProcess::Options& options, std::string* log = nullptr) {
  BrokerProcess broker(options);
  EXPECT_FALSE(broker.IsReady());
  const auto code = broker.WaitForExit(kPatience);
  if (log != nullptr) *log = broker.Stderr();
  return code.value_or(-1);
}

// The directory of the only partition of the only topic.
fs::path PartitionOf(const std::string& data) {
  for (const auto& entry : fs::directory_iterator(data + "/partitions")) {
    if (!entry.path().filename().string().starts_with("0000000000000000")) return entry.path();
  }
  throw std::runtime_error("no partition");
}

class Failure : public ::testing::Test {
 protected:
  // A data directory in which one record was produced, its broker stopped.
  void ProduceAndStop() {
    BrokerProcess broker({.data_directory = data_.path()});
    ASSERT_TRUE(broker.IsReady()) << broker.Stderr();
    {
      TopicClient topic(broker.client(), "orders");
      Produce(topic.client, topic.group, {"kept"});
    }
    broker.Signal(SIGTERM);
    ASSERT_EQ(broker.WaitForExit(kPatience), 0);
  }
  std::vector<std::string> ReadAgain() {
    BrokerProcess broker({.data_directory = data_.path()});
    EXPECT_TRUE(broker.IsReady()) << broker.Stderr();
    TopicClient topic(broker.client(), "orders");
    return ReadAll(topic.client, topic.group);
  }
  TemporaryDirectory data_;
};

TEST_F(Failure, ASecondBrokerOnOneDirectoryIsRefused) {
  BrokerProcess first({.data_directory = data_.path()});
  std::string log;
  EXPECT_EQ(ExitOf({.data_directory = data_.path()}, &log), kExitLocked);
  EXPECT_THAT(log, HasSubstr("LOCK"));
  TopicClient topic(first.client(), "orders");
  Produce(topic.client, topic.group, {"undisturbed"});
}

TEST_F(Failure, AnotherNodesDirectoryIsRefusedAndUntouched) {
  ProduceAndStop();
  EXPECT_EQ(ExitOf({.data_directory = data_.path(), .node_id = "2"}), kExitForeign);
  EXPECT_EQ(ExitOf({.data_directory = data_.path(), .cluster_id = "other"}), kExitForeign);
  EXPECT_THAT(ReadAgain(), ::testing::ElementsAre("kept"));
}

TEST_F(Failure, AnUnknownFormatIsRefused) {
  ProduceAndStop();
  // Both copies in `node`, as a later version would write them.
  const std::string path = data_.path() + "/node";
  std::ifstream in(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), {});
  bytes.resize(bytes.size() / 2);
  bytes[4] = 2;
  const std::uint64_t hash = Hash64(AsBytes(bytes).first(bytes.size() - 8));
  bytes.replace(bytes.size() - 8, 8, reinterpret_cast<const char*>(&hash), 8);
  std::ofstream(path, std::ios::binary) << bytes << bytes;
  EXPECT_EQ(ExitOf({.data_directory = data_.path()}), kExitUnknownFormat);
}

TEST_F(Failure, LinksAndFifosInTheDataAreNeverFollowed) {  // E28
  ProduceAndStop();
  const fs::path partition = PartitionOf(data_.path());
  fs::path segment;
  for (const auto& entry : fs::directory_iterator(partition)) {
    if (entry.path().extension() == ".log") segment = entry.path();
  }
  const fs::path elsewhere = data_.path() + "/elsewhere";
  fs::rename(segment, elsewhere);
  fs::create_symlink(elsewhere, segment);
  std::string log;
  EXPECT_EQ(ExitOf({.data_directory = data_.path()}, &log), kExitForeign) << log;
  fs::remove(segment);
  ASSERT_EQ(mkfifo(segment.c_str(), 0600), 0);
  EXPECT_EQ(ExitOf({.data_directory = data_.path()}, &log), kExitForeign) << log;
  fs::remove(segment);
  fs::rename(elsewhere, segment);
  EXPECT_THAT(ReadAgain(), ::testing::ElementsAre("kept"));
}

TEST_F(Failure, AFileOfAnotherUserIsRefused) {  // E28
  if (geteuid() != 0) GTEST_SKIP() << "needs root to give a file away";
  constexpr uid_t kNobody = 65534;
  ProduceAndStop();
  for (const auto& entry : fs::directory_iterator(PartitionOf(data_.path()))) {
    const char* path = entry.path().c_str();
    ASSERT_EQ(chown(path, kNobody, 0), 0);
    std::string log;
    EXPECT_EQ(ExitOf({.data_directory = data_.path()}, &log), kExitForeign) << path;
    EXPECT_THAT(log, HasSubstr("belongs to 65534"));
    ASSERT_EQ(chown(path, 0, 0), 0);
  }
  EXPECT_THAT(ReadAgain(), ::testing::ElementsAre("kept"));
}

TEST_F(Failure, AReadOnlyDirectoryIsRefusedBeforeAnything) {
  ProduceAndStop();
  const char* path = data_.path().c_str();
  if (mount(path, path, nullptr, MS_BIND, nullptr) != 0) GTEST_SKIP() << "needs root to mount";
  ASSERT_EQ(mount(nullptr, path, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr), 0);
  const int code = ExitOf({.data_directory = data_.path()});
  umount(path);
  EXPECT_EQ(code, kExitConfig);
  EXPECT_THAT(ReadAgain(), ::testing::ElementsAre("kept"));
}

TEST_F(Failure, ALostPartitionIsReportedAndNotMadeAnew) {
  ProduceAndStop();
  fs::remove_all(PartitionOf(data_.path()));
  BrokerProcess broker({.data_directory = data_.path()});
  ASSERT_TRUE(broker.IsReady()) << broker.Stderr();
  WireClient client(broker.client());
  client.Hello();
  const GroupId group = GroupOf(client, "orders");
  // Clients find their way to who tells them.
  EXPECT_EQ(Describe(client, "orders").partitions.at(0).leader, NodeId(1));
  WireClient data(broker.client());
  data.Hello(ShardOf(client, "orders"));
  EXPECT_EQ(ErrorOf(data.Call(wire::FetchRequest{.group = group, .one_answer = true})).code,
            ErrorCode::kDataCorrupt);
}

TEST_F(Failure, ALostCatalogueIsNotMadeAnew) {
  ProduceAndStop();
  fs::remove_all(data_.path() + "/partitions/" +
                 GroupId{kClusterTopicId, PartitionNumber(0)}.ToString());
  EXPECT_EQ(ExitOf({.data_directory = data_.path()}), kExitForeign);
}

TEST_F(Failure, ACatalogueThatVotedIsNotMadeAnewThoughItIsTheOnlyPartition) {
  BrokerProcess({.data_directory = data_.path()});  // Founds, and is killed.
  fs::remove_all(data_.path() + "/partitions/" +
                 GroupId{kClusterTopicId, PartitionNumber(0)}.ToString());
  std::string log;
  EXPECT_EQ(ExitOf({.data_directory = data_.path()}, &log), kExitForeign);
  EXPECT_THAT(log, HasSubstr("it was founded before"));
}

TEST_F(Failure, AnInterruptedFoundingIsFinished) {
  BrokerProcess({.data_directory = data_.path()});  // Founds, and is killed.
  for (const auto& entry : fs::directory_iterator(data_.path() + "/partitions")) {
    fs::remove(entry.path() / "meta");  // Written last, before the replica is listed.
  }
  PosixFileSystem files;
  ASSERT_TRUE(NodeManifest::Create(files, data_.path()).has_value());
  ProduceAndStop();
  EXPECT_THAT(ReadAgain(), ::testing::ElementsAre("kept"));
}

TEST_F(Failure, ForeignFilesAreLeftAlone) {
  ProduceAndStop();
  std::ofstream(data_.path() + "/README") << "mine";
  fs::create_directory(data_.path() + "/partitions/backup");
  EXPECT_THAT(ReadAgain(), ::testing::ElementsAre("kept"));
  EXPECT_TRUE(fs::exists(data_.path() + "/README"));
  EXPECT_TRUE(fs::exists(data_.path() + "/partitions/backup"));
}

TEST_F(Failure, DamageIsServedUpToAndNamedWithItsBounds) {
  {
    BrokerProcess broker({.data_directory = data_.path()});
    TopicClient topic(broker.client(), "orders");
    Produce(topic.client, topic.group, {"first"});
    Produce(topic.client, topic.group, {"damaged-1", "damaged-2"});
    Produce(topic.client, topic.group, {"last"});
    broker.Signal(SIGTERM);
    ASSERT_EQ(broker.WaitForExit(kPatience), 0);
  }
  const fs::path segment =
      PartitionOf(data_.path()) / "00000000000000000001-00000000000000000000.log";
  {
    std::fstream file(segment, std::ios::in | std::ios::out | std::ios::binary);
    std::string bytes(64 << 10, '\0');
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    const auto at = bytes.find("damaged-1");
    ASSERT_NE(at, std::string::npos);
    file.clear();
    file.seekp(static_cast<std::streamoff>(at));
    file.put('D');
  }
  BrokerProcess broker({.data_directory = data_.path()});
  ASSERT_TRUE(broker.IsReady()) << broker.Stderr();
  TopicClient topic(broker.client(), "orders");
  const auto fetch = [&topic](std::uint64_t offset) {
    return topic.client.Call(wire::FetchRequest{
        .group = topic.group, .offset = Offset(offset), .credit_bytes = 1, .one_answer = true});
  };
  EXPECT_THAT(ValuesOf(fetch(0)->attachment.view()), ::testing::ElementsAre("first"));
  const auto inside = fetch(2);
  EXPECT_EQ(ErrorOf(inside).code, ErrorCode::kDataCorrupt);
  EXPECT_EQ(As<wire::ErrorReply>(inside).end, Offset(1));
  EXPECT_EQ(As<wire::ErrorReply>(inside).log_start, Offset(3));
  EXPECT_THAT(ValuesOf(fetch(3)->attachment.view()), ::testing::ElementsAre("last"));
  EXPECT_EQ(Produce(topic.client, topic.group, {"goes on"}), Offset(4));
}

TEST_F(Failure, AFailedSyncEndsTheProcessAndNothingOfItIsAcked) {
  const std::string when = data_.path() + "-fails";
  std::vector<std::string> acked;
  {
    BrokerProcess broker(
        {.data_directory = data_.path(),
         .environment = {{"LD_PRELOAD", FAIL_SYNC_PATH}, {"FAIL_SYNC_WHEN", when}}});
    ASSERT_TRUE(broker.IsReady()) << broker.Stderr();
    TopicClient topic(broker.client(), "orders");
    Produce(topic.client, topic.group, {"before"});
    std::ofstream(when) << "now";
    const ByteBuffer batch = MakeBatch({"after"});
    const Error error =
        ErrorOf(topic.client.Call(wire::ProduceRequest{.group = topic.group}, batch.span()));
    EXPECT_EQ(error.code, ErrorCode::kDisconnected);
    EXPECT_EQ(broker.WaitForExit(kPatience), kExitFailedWrite);
    EXPECT_THAT(broker.Stderr(), HasSubstr(".log"));
  }
  fs::remove(when);
  const auto values = ReadAgain();
  ASSERT_FALSE(values.empty());
  EXPECT_EQ(values.front(), "before");
}

TEST_F(Failure, AStuckDiskIsToldByLivez) {
  const std::string when = data_.path() + "-stalls";
  BrokerProcess broker(
      {.data_directory = data_.path(),
       .sets = {"limits.stall=500ms"},
       .environment = {{"LD_PRELOAD", FAIL_SYNC_PATH}, {"STALL_SYNC_WHEN", when}}});
  ASSERT_TRUE(broker.IsReady()) << broker.Stderr();
  TopicClient topic(broker.client(), "orders");
  Produce(topic.client, topic.group, {"before"});
  const auto answers = [&broker](int status) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < deadline) {
      if (HttpGet(broker.http(), "/livez").status == status) return true;
    }
    return false;
  };
  EXPECT_TRUE(answers(200));
  std::ofstream(when) << "now";
  const ByteBuffer batch = MakeBatch({"stuck"});
  topic.client.Send(wire::ProduceRequest{.group = topic.group}, batch.span());
  EXPECT_TRUE(answers(503));
  EXPECT_THAT(HttpGet(broker.http(), "/livez").body, HasSubstr("disk-"));
  fs::remove(when);
  fs::remove(when + ".seen");
  EXPECT_TRUE(answers(200));
}

TEST_F(Failure, SigtermEndsARecoveryThatIsStuck) {
  ProduceAndStop();
  const std::string when = data_.path() + "-stalls";
  std::ofstream(when) << "now";
  BrokerProcess broker({.data_directory = data_.path(),
                        .environment = {{"LD_PRELOAD", FAIL_SYNC_PATH}, {"STALL_SYNC_WHEN", when}},
                        .waits_until_ready = false});
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!fs::exists(when + ".seen") && std::chrono::steady_clock::now() < deadline) {
  }
  broker.Signal(SIGTERM);
  EXPECT_EQ(broker.WaitForExit(kPatience), 0) << broker.Stderr();
  fs::remove(when);
  fs::remove(when + ".seen");
  EXPECT_THAT(ReadAgain(), ::testing::ElementsAre("kept"));
}

// A small file system of its own in memory.
class FullDisk : public Failure {
 protected:
  void SetUp() override {
    if (mount("raftmq-test", data_.path().c_str(), "tmpfs", 0, "size=40m") != 0) {
      GTEST_SKIP() << "needs root to mount";
    }
    is_mounted_ = true;
  }
  void TearDown() override {
    broker_.reset();
    if (is_mounted_) umount2(data_.path().c_str(), MNT_DETACH);
  }
  std::unique_ptr<BrokerProcess> broker_;
  bool is_mounted_ = false;
};

TEST_F(FullDisk, RefusesProducersServesReadersAndResumesAfterATrim) {
  broker_ = std::make_unique<BrokerProcess>(BrokerProcess::Options{.data_directory = data_.path()});
  ASSERT_TRUE(broker_->IsReady()) << broker_->Stderr();
  TopicClient topic(
      broker_->client(), "orders",
      {{"retention.ms", "-1"}, {"segment.bytes", "4MiB"}, {"max.message.bytes", "1MiB"}});
  const ByteBuffer batch = MakeBatch({std::string(900'000, 'x')});
  std::uint64_t acked = 0;
  Error error{ErrorCode::kOk, ""};
  while (error.code == ErrorCode::kOk && acked < 1000) {
    error = ErrorOf(topic.client.Call(wire::ProduceRequest{.group = topic.group}, batch.span()));
    if (error.code == ErrorCode::kOk) ++acked;
  }
  EXPECT_EQ(error.code, ErrorCode::kDiskFull) << error.ToString();
  EXPECT_GT(acked, 10u);
  // Nor is there room for another topic; nothing of it is kept.
  EXPECT_EQ(
      ErrorOf(topic.control.Call(wire::CreateTopicRequest{.name = "more", .partitions = 20})).code,
      ErrorCode::kDiskFull);
  // Reads go on.
  EXPECT_EQ(ReadAll(topic.client, topic.group).size(), acked);
  EXPECT_THAT(HttpGet(broker_->http(), "/metrics").body, HasSubstr("raftmq_storage_disk_alert 2"));
  // A trim needs no space, and gives some back.
  const auto trimmed =
      topic.client.Call(wire::TrimRequest{.group = topic.group, .offset = Offset(acked)});
  EXPECT_EQ(As<wire::TrimReply>(trimmed).log_start, Offset(acked));
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    error = ErrorOf(topic.client.Call(wire::ProduceRequest{.group = topic.group}, batch.span()));
    if (error.code != ErrorCode::kDiskFull) break;
  }
  EXPECT_EQ(error.code, ErrorCode::kOk) << error.ToString();
  CreateTopic(topic.control, "more");
}

TEST_F(FullDisk, StartsAgainOnAFullDisk) {
  broker_ = std::make_unique<BrokerProcess>(BrokerProcess::Options{.data_directory = data_.path()});
  ASSERT_TRUE(broker_->IsReady()) << broker_->Stderr();
  std::uint64_t acked = 0;
  {
    TopicClient topic(broker_->client(), "orders", {{"retention.ms", "-1"}});
    const ByteBuffer batch = MakeBatch({std::string(900'000, 'x')});
    while (
        acked < 1000 &&
        ErrorOf(topic.client.Call(wire::ProduceRequest{.group = topic.group}, batch.span())).code ==
            ErrorCode::kOk) {
      ++acked;
    }
  }
  broker_->Signal(SIGKILL);
  ASSERT_TRUE(broker_->WaitForExit(kPatience));
  broker_ = std::make_unique<BrokerProcess>(BrokerProcess::Options{.data_directory = data_.path()});
  ASSERT_TRUE(broker_->IsReady()) << broker_->Stderr();
  TopicClient topic(broker_->client(), "orders");
  EXPECT_EQ(ReadAll(topic.client, topic.group).size(), acked);
}

}  // namespace
}  // namespace raftmq::testing

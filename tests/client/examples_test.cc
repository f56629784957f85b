// The examples of the client library do what they say.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "tests/client/client_fixture.h"

namespace raftmq::testing {
namespace {

struct Outcome {
  int status = -1;
  std::string output;
};

Outcome RunExample(const std::string& program, const std::string& arguments) {
  Outcome outcome;
  const std::string command = std::string(RAFTMQ_EXAMPLES_DIR) + "/" + program + " " + arguments;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return outcome;
  char buffer[4096];
  while (const std::size_t got = std::fread(buffer, 1, sizeof buffer, pipe)) {
    outcome.output.append(buffer, got);
  }
  outcome.status = pclose(pipe);
  return outcome;
}

TEST(Examples, HelloProduceAndHelloConsume) {
  FakeBroker broker;
  broker.AddTopic("greetings", 1);
  const Outcome produced = RunExample("01_hello_produce", broker.bootstrap() + " greetings");
  EXPECT_EQ(produced.status, 0);
  EXPECT_EQ(produced.output, "partition 0, offset 0\n");
  const Outcome consumed = RunExample("02_hello_consume", broker.bootstrap() + " greetings");
  EXPECT_EQ(consumed.status, 0);
  EXPECT_EQ(consumed.output, "0/0 greeting: hello, world\n");
}

TEST(Examples, AsyncProduceCountsEveryOutcome) {
  FakeBroker broker;
  broker.AddTopic("readings", 3);
  const Outcome produced = RunExample("03_async_produce", broker.bootstrap() + " readings 20000");
  EXPECT_EQ(produced.status, 0);
  EXPECT_EQ(produced.output, "acked 20000, failed 0\n");
}

TEST(Examples, EventSourcingKeepsAnAccount) {
  FakeBroker broker;
  broker.AddTopic("account", 1);
  const std::string account = broker.bootstrap() + " account ";
  EXPECT_EQ(RunExample("09_event_sourcing", account + "-100").output, "100 left\n");
  EXPECT_EQ(RunExample("09_event_sourcing", account + "70").output, "30 left\n");
  EXPECT_EQ(RunExample("09_event_sourcing", account + "70").output, "refused: only 30 left\n");
}

TEST(Examples, AnOutboxIsRelayedOnce) {
  FakeBroker broker;
  broker.AddTopic("events", 1);
  const std::string path = ::testing::TempDir() + "/outbox";
  const std::string arguments = broker.bootstrap() + " events " + path;
  std::ofstream(path) << "one\ntwo\n";
  EXPECT_EQ(RunExample("10_outbox_relay", arguments).output, "relayed 2 lines, 0 were there\n");
  std::ofstream(path, std::ios::app) << "three\n";
  EXPECT_EQ(RunExample("10_outbox_relay", arguments).output, "relayed 1 lines, 2 were there\n");
  const Outcome consumed = RunExample("02_hello_consume", broker.bootstrap() + " events");
  EXPECT_EQ(consumed.output, "0/0 (no key): one\n0/1 (no key): two\n0/2 (no key): three\n");
}

TEST(Examples, AMessageIsStoredOnceUnderItsId) {
  FakeBroker broker;
  broker.AddTopic("orders", 1);
  const std::string orders = broker.bootstrap() + " orders ";
  EXPECT_EQ(RunExample("11_message_ids", orders + "a b a").output,
            "a is message 0 of partition 0\nb is message 1 of partition 0\n"
            "a is message 0 of partition 0\n");
  EXPECT_EQ(RunExample("11_message_ids", orders + "b c").output,
            "b is message 1 of partition 0\nc is message 2 of partition 0\n");
}

TEST(Examples, SayWhatIsWrong) {
  FakeBroker broker;
  EXPECT_NE(RunExample("01_hello_produce", broker.bootstrap() + " missing 2>/dev/null").status, 0);
}

}  // namespace
}  // namespace raftmq::testing

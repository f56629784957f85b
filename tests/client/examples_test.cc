// The examples of the client library do what they say.
#include <gtest/gtest.h>

#include <cstdio>
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

TEST(Examples, SayWhatIsWrong) {
  FakeBroker broker;
  EXPECT_NE(RunExample("01_hello_produce", broker.bootstrap() + " missing 2>/dev/null").status, 0);
}

}  // namespace
}  // namespace raftmq::testing

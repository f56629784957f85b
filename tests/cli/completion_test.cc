#include "cli/completion.h"

#include <gtest/gtest.h>

namespace raftmq::cli {
namespace {

CommandNode Tree() {
  CommandNode create{"create", "it's new", {"-p", "--partitions"}, {}};
  CommandNode topic{"topic", "Topics", {}, {create}};
  return {"raftmq", "", {"--brokers"}, {topic}};
}

TEST(CompletionTest, BashOffersVerbsOfANounAndOptionsOfAVerb) {
  const std::string script = BashCompletion(Tree());
  EXPECT_NE(script.find("'topic') words=\"create\""), std::string::npos) << script;
  EXPECT_NE(script.find("'topic create') words=\"-p --partitions\""), std::string::npos) << script;
}

TEST(CompletionTest, FishQuotesHelpTexts) {
  EXPECT_NE(FishCompletion(Tree()).find("-a create -d 'it'\\''s new'"), std::string::npos);
}

}  // namespace
}  // namespace raftmq::cli

#include "tests/checker/history_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "tests/checker/checker.h"
#include "tests/checker/random_history.h"

namespace raftmq::checker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string ErrorOf(const std::string& text) {
  std::istringstream from(text);
  const auto history = ReadHistory(from);
  return history ? "" : history.error().message;
}

std::string Text(const History& history) {
  std::ostringstream text;
  WriteHistory(history, text);
  return text.str();
}

const std::string kSend = R"({"i":0,"t0":0,"t1":1,"client":1,"type":"ok","op":"send","part":0,)";
const std::string kPoll = R"({"i":0,"t0":0,"t1":1,"client":1,"type":"ok","op":"poll","part":0,)";

TEST(ReadHistory, ReadsWhatWasWritten) {
  History history = MakeRandomHistory({.seed = 11});
  const ClientNumber client(3);
  const ConsumerNumber consumer(4);
  history.Note(client, Microseconds(1),
               Assign{Assign::Kind::kSubscribe, consumer, {PartitionNumber(1)}});
  history.Note(client, Microseconds(2), Seek{consumer, PartitionNumber(1), {}});
  history.Note(client, Microseconds(3), Commit{"group", 2, PartitionNumber(1), Offset(7)});
  history.Note(client, Microseconds(4), Crash{});
  history.Note(client, Microseconds(5), Nemesis{"kill 2"});
  history.Begin(client, Microseconds(6), Send{.values = {{1, 2}}, .attempts = 0});
  const std::string text = Text(history);
  std::istringstream from(text);
  const auto again = ReadHistory(from);
  ASSERT_TRUE(again.has_value()) << again.error().ToString();
  EXPECT_EQ(again->ops().size(), history.ops().size());
  EXPECT_EQ(Text(*again), text);
}

TEST(ReadHistory, LeavesOutCommentsAndEmptyLines) {
  EXPECT_EQ(ErrorOf("# expect: nothing\n\n" + kSend +
                    R"("value":"1-0"})"
                    "\n"),
            "");
}

TEST(ReadHistory, NamesTheLineThatIsNoObject) {
  EXPECT_THAT(ErrorOf(kSend + R"("value":"1-0"})"
                              "\nnonsense\n"),
              AllOf(HasSubstr("line 2"), HasSubstr("JSON object")));
  EXPECT_THAT(ErrorOf("[]"), HasSubstr("line 1"));
  EXPECT_THAT(ErrorOf(kSend), HasSubstr("line 1"));
}

TEST(ReadHistory, RefusesWrongFieldsByName) {
  EXPECT_THAT(ErrorOf(kSend + R"("value":"1-0","ofset":3})"), HasSubstr("unknown field 'ofset'"));
  EXPECT_THAT(ErrorOf(kSend + R"("value":7})"), HasSubstr("'value'"));
  EXPECT_THAT(ErrorOf(kSend + R"("value":"seven"})"), HasSubstr("PRODUCER-COUNTER"));
  EXPECT_THAT(ErrorOf(kSend + R"("values":[]})"), HasSubstr("no value"));
  EXPECT_THAT(ErrorOf(kSend + R"("value":"1-0","offset":-1})"), HasSubstr("'offset'"));
  EXPECT_THAT(ErrorOf(kSend + R"("value":"1-0","epoch":4294967296})"), HasSubstr("'epoch'"));
  EXPECT_THAT(ErrorOf(kPoll + R"("end":1})"), HasSubstr("'records' is missing"));
  EXPECT_THAT(ErrorOf(kPoll + R"("records":[[0]]})"), HasSubstr("[OFFSET, VALUE]"));
  EXPECT_THAT(ErrorOf(kPoll + R"("records":[],"mode":"grup"})"), HasSubstr("grup"));
  EXPECT_THAT(ErrorOf(kPoll + R"("records":[],"final":1})"), HasSubstr("'final'"));
}

TEST(ReadHistory, RefusesOperationsThatCannotBe) {
  const std::string line = kSend + R"("value":"1-0"})";
  EXPECT_THAT(ErrorOf(line + "\n" + line), AllOf(HasSubstr("line 2"), HasSubstr("does not rise")));
  EXPECT_THAT(ErrorOf(R"({"i":0,"t0":5,"t1":4,"client":1,"type":"ok","op":"crash"})"),
              HasSubstr("ends before"));
  EXPECT_THAT(ErrorOf(R"({"i":0,"t0":5,"client":1,"type":"ok","op":"crash"})"), HasSubstr("'t1'"));
  EXPECT_THAT(ErrorOf(R"({"i":0,"t0":5,"t1":6,"client":1,"type":"okay","op":"crash"})"),
              HasSubstr("okay"));
  EXPECT_THAT(ErrorOf(R"({"i":0,"t0":5,"t1":6,"client":1,"type":"ok","op":"crush"})"),
              HasSubstr("crush"));
}

TEST(ReportJson, SaysWhatIsBrokenAndGivesFigures) {
  History history;
  history.Begin(ClientNumber(1), Microseconds(0),
                Poll{.records = {{Offset(0), ReadValue("\xff not of ours")}}});
  const auto document = nlohmann::json::parse(ToJson(CheckHistory(history)), nullptr, false);
  ASSERT_TRUE(document.is_object());
  EXPECT_EQ(document["clean"], false);
  EXPECT_EQ(document["anomalies"]["phantom"]["count"], 1);
  EXPECT_EQ(document["anomalies"].size(), 1u);
  EXPECT_EQ(document["figures"]["polls"], 1);
}

}  // namespace
}  // namespace raftmq::checker

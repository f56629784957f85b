#include "broker/config/toml_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace raftmq {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using std::string_literals::operator""s;

std::string FirstProblem(const std::string& text) {
  const TomlContent content = ReadToml(text, "f.toml");
  return content.problems.empty() ? "" : content.problems.front().ToString();
}

TEST(TomlSourceTest, AssignmentsComeInFileOrderWithTheirPlaces) {
  const TomlContent content =
      ReadToml("[log]\nlevel = \"info\"\n\n[limits]\n  topics = 5\n", "f.toml");
  ASSERT_EQ(content.assignments.size(), 2u);
  EXPECT_EQ(content.assignments[0].key, "log.level");
  EXPECT_EQ(content.assignments[0].where, "f.toml:2:1");
  EXPECT_EQ(content.assignments[1].key, "limits.topics");
  EXPECT_EQ(content.assignments[1].value, "5");
  EXPECT_EQ(content.assignments[1].where, "f.toml:5:3");
}

TEST(TomlSourceTest, ADuplicateKeyIsPlaced) {
  EXPECT_THAT(FirstProblem("[node]\nid = 1\nid = 2\n"), StartsWith("f.toml:3:"));
  EXPECT_THAT(FirstProblem("[node]\nid = 1\n[log]\n[node]\nshards = 2\n"), StartsWith("f.toml:4:"));
}

TEST(TomlSourceTest, ASyntaxErrorIsPlaced) {
  EXPECT_THAT(FirstProblem("[node]\nid = \n"), StartsWith("f.toml:2:"));
  EXPECT_THAT(FirstProblem("[node\nid = 1\n"), StartsWith("f.toml:1:"));
  EXPECT_THAT(FirstProblem("id"), StartsWith("f.toml:1:"));
}

TEST(TomlSourceTest, AKeyOutsideASectionIsAProblem) {
  EXPECT_EQ(FirstProblem("id = 1\n"),
            "f.toml:1:1: expected 'id' inside a section such as [node], found it outside");
}

TEST(TomlSourceTest, AListOfSectionsIsAProblem) {
  EXPECT_EQ(FirstProblem("[[node]]\nid = 1\n"), "f.toml:1:3: expected [node] once, found [[node]]");
}

TEST(TomlSourceTest, TextsThatAbortedHeaderOnlyTomlAreProblems) {
  for (const char* text : {"[\n", "[=", "[.a]", "[", "[[", "[]", "=", ".", "a.", "a.=1", "[a.]"}) {
    EXPECT_NE(FirstProblem(text), "") << text;
  }
}

TEST(TomlSourceTest, NonAsciiOutsideStringsAndCommentsIsPlaced) {
  EXPECT_THAT(FirstProblem("[node]\nid = 1\nn\xc3\xa9me = 2\n"),
              StartsWith("f.toml:3:2: expected only"));
  EXPECT_THAT(FirstProblem("\xff"), StartsWith("f.toml:1:1:"));
  EXPECT_EQ(FirstProblem("# caf\xc3\xa9\n[log]\nfile = \"caf\xc3\xa9\" # \xc3\xa9\n"), "");
}

TEST(TomlSourceTest, ForeignBytesAreFoundWhateverStandsBefore) {
  for (const std::string& before :
       {"a = 'it \\'\n"s, "a = \"q\\\"q\"\n"s, "a = \"\"\"x\"y\n\"z\"\"\"\n"s,
        "a = '''x'\n'y'''\n"s, "# 'comment\n"s, "a = \"\"\n"s, "a = ''\n"s, "\xEF\xBB\xBF[a]\n"s}) {
    EXPECT_EQ(FindForeignByte(before), before.size()) << before;
    EXPECT_EQ(FindForeignByte(before + "\xc3\xa9"), before.size()) << before;
  }
  for (const std::string& open : {"a = \"\xc3\xa9"s, "a = '\xc3\xa9"s, "#\xc3\xa9"s, "\"\"\"\xc3"s,
                                  "a = \"\\"s, "a = \"\"\"\\"s}) {
    EXPECT_EQ(FindForeignByte(open), open.size()) << open;
  }
}

TEST(TomlSourceTest, BytesThatAreNoTextAreAProblem) {
  EXPECT_NE(FirstProblem("[node]\nid = 1\0\n"s), "");
  EXPECT_NE(FirstProblem("[log]\nfile = \"\xff\xfe\"\n"), "");
  EXPECT_NE(FirstProblem(std::string(2u << 20, '\n')), "");
  EXPECT_NE(FirstProblem("[log]\nfile = " + std::string(100'000, '[')), "");
  EXPECT_NE(FirstProblem(std::string(100'000, '[')), "");
}

}  // namespace
}  // namespace raftmq

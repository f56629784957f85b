#include "protocol/wire/utf8.h"

#include <gtest/gtest.h>

namespace raftmq::wire {
namespace {

TEST(Utf8, ValidTextsAreAccepted) {
  for (const char* text : {"", "orders", "é", "\xED\x9F\xBF", "\xEE\x80\x80", "火",
                           "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "a🦊b"}) {
    EXPECT_TRUE(IsValidUtf8(text)) << text;
  }
}

TEST(Utf8, InvalidTextsAreRefused) {
  for (const char* text :
       {"\x80", "\xC3", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "a\xE7\x81", "\xE7\x81z"}) {
    EXPECT_FALSE(IsValidUtf8(text)) << text;
  }
}

TEST(Utf8, BoundedTextNeverSplitsACharacter) {
  EXPECT_EQ(BoundedUtf8("a火", 3), "a");
  EXPECT_EQ(BoundedUtf8("a火", 4), "a火");
  EXPECT_EQ(BoundedUtf8("\xFF\xE7\x81z", 10), "???z");
  EXPECT_EQ(BoundedUtf8("abc", 0), "");
}

}  // namespace
}  // namespace raftmq::wire

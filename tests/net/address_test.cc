#include "protocol/net/address.h"

#include <gtest/gtest.h>

namespace raftmq {
namespace {

TEST(Address, ParsesWhatItPrints) {
  for (const char* text : {"127.0.0.1:7440", "localhost:0", "broker-1.example_x.org:65535",
                           "[::1]:7440", "[fe80::1%lo]:1"}) {
    const auto address = ParseAddress(text);
    ASSERT_TRUE(address) << address.error().ToString();
    EXPECT_EQ(address->ToString(), text);
  }
}

TEST(Address, TellsWhatIsWrong) {
  for (const char* text :
       {"", "7440", "host", ":7440", "host:", "host:-1", "host:65536", "host:12x", "host: 12",
        "::1:7440", "[::1:7440", "[host]:1", "[]:1", "a b:1", "host/x:1", "höst:1"}) {
    const auto address = ParseAddress(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(address.error().message.find("HOST:PORT"), std::string::npos);
    EXPECT_NE(address.error().message.find(std::string("'") + text + "'"), std::string::npos);
  }
  EXPECT_FALSE(ParseAddress(std::string(300, 'a') + ":1"));
}

TEST(Address, KnowsTheLoopback) {
  for (const char* host : {"127.0.0.1", "127.9.9.9", "::1", "localhost", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE((Address{host, 1}.IsLoopback())) << host;
  }
  for (const char* host : {"0.0.0.0", "128.0.0.1", "::", "::ffff:10.0.0.1", "localhost.org"}) {
    EXPECT_FALSE((Address{host, 1}.IsLoopback())) << host;
  }
}

}  // namespace
}  // namespace raftmq

#include "metrics/http_request.h"

#include <gtest/gtest.h>

namespace raftmq {
namespace {

using std::string_literals::operator""s;

TEST(HttpRequestTest, EachPageIsFoundByItsExactPath) {
  EXPECT_EQ(ReadHttpRequest("GET", "/metrics").page, HttpPage::kMetrics);
  EXPECT_EQ(ReadHttpRequest("HEAD", "/livez").page, HttpPage::kLive);
  EXPECT_EQ(ReadHttpRequest("GET", "/healthz?").page, HttpPage::kHealth);
  EXPECT_TRUE(ReadHttpRequest("GET", "/readyz?verbose").verbose);
  EXPECT_TRUE(ReadHttpRequest("GET", "/readyz?verbose=1").verbose);
  EXPECT_FALSE(ReadHttpRequest("GET", "/readyz").verbose);
  EXPECT_EQ(ReadHttpRequest("GET", "/metrics/detailed?topic=orders.v1").topic, "orders.v1");
  EXPECT_EQ(ReadHttpRequest("GET", "/metrics/detailed").topic, "");
  EXPECT_EQ(ReadHttpRequest("GET", "/metrics/detailed").refused_status, 0);
}

TEST(HttpRequestTest, OtherMethodsAre405) {
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get", ""}) {
    EXPECT_EQ(ReadHttpRequest(method, "/metrics").refused_status, 405) << method;
  }
}

TEST(HttpRequestTest, UnknownPathsAre404) {
  for (const char* uri : {"/", "/metric", "/metrics/", "/METRICS", "/metrics/detailed/x"}) {
    EXPECT_EQ(ReadHttpRequest("GET", uri).refused_status, 404) << uri;
  }
}

TEST(HttpRequestTest, WhatIsNotAPlainPathIs400) {
  for (const std::string& uri :
       {"/metrics%00"s, "/%6detrics"s, "//metrics"s, "/a//..//metrics"s, "/../metrics"s,
        "/./metrics"s, "/metrics/.."s, "metrics"s, "http://host/metrics"s, "*"s, ""s, "/metrics\\"s,
        "/metrics\x01"s, "/metrics\x7f"s, "/m\xc3\xa9trics"s, "/metrics\0x"s, "/metrics?a\tb"s}) {
    EXPECT_EQ(ReadHttpRequest("GET", uri).refused_status, 400) << uri;
  }
}

TEST(HttpRequestTest, WrongParametersAre400) {
  for (const std::string& uri :
       {"/metrics?x=1"s, "/metrics/detailed?topc=a"s, "/metrics/detailed?topic"s,
        "/metrics/detailed?topic="s, "/metrics/detailed?topic=a&topic=b"s,
        "/metrics/detailed?topic=a%20b"s, "/metrics/detailed?topic=" + std::string(201, 'a'),
        "/readyz?verbose=maybe"s, "/readyz?verbose&x"s, "/healthz?verbose"s}) {
    EXPECT_EQ(ReadHttpRequest("GET", uri).refused_status, 400) << uri;
  }
}

}  // namespace
}  // namespace raftmq

// The endpoint over real sockets: its pages, and what E29 of the fault programme throws at it.
#include "metrics/http_endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "metrics/registry.h"
#include "tests/metrics/raw_http_client.h"

namespace raftmq {
namespace {

using std::string_literals::operator""s;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;

class HttpEndpointTest : public testing::Test {
 protected:
  void StartWith(HttpEndpointOptions options) {
    auto started = HttpEndpoint::Start(
        options, registry_,
        {.live = [this] { return Report(live_); }, .ready = [this] { return Report(ready_); }});
    ASSERT_TRUE(started) << started.error().ToString();
    endpoint_ = std::move(*started);
  }
  void SetUp() override { StartWith({}); }

  std::string Ask(const std::string& line, const std::string& headers = "") {
    return Exchange(endpoint_->bound_port(), line + "\r\nHost: x\r\n" + headers + "\r\n");
  }
  int StatusFor(const std::string& line) { return StatusOf(Ask(line)); }
  void ExpectStillServing() { EXPECT_EQ(StatusFor("GET /metrics HTTP/1.1"), 200); }

  static HealthReport Report(bool ok) { return {.ok = ok, .items = {{"disk", ok, "detail"}}}; }

  MetricsRegistry registry_;
  Counter counter_;
  MetricRegistration kept_ = registry_.Add(
      {.name = "raftmq_events_total", .help = "Events.", .kind = MetricKind::kCounter}, {},
      &counter_);
  std::atomic<bool> live_{true};
  std::atomic<bool> ready_{true};
  std::unique_ptr<HttpEndpoint> endpoint_;
};

TEST_F(HttpEndpointTest, MetricsAreServedAsPrometheusText) {
  counter_.Add(5);
  const std::string answer = Ask("GET /metrics HTTP/1.1");
  EXPECT_EQ(StatusOf(answer), 200);
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4"));
  EXPECT_THAT(answer, HasSubstr("\nraftmq_events_total 5\n"));
  EXPECT_EQ(StatusFor("GET /metrics/detailed?topic=orders HTTP/1.1"), 200);
}

TEST_F(HttpEndpointTest, HeadHasHeadersOnly) {
  const std::string answer = Ask("HEAD /metrics HTTP/1.1");
  EXPECT_EQ(StatusOf(answer), 200);
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

TEST_F(HttpEndpointTest, HealthPagesFollowTheirHandlers) {
  EXPECT_EQ(StatusFor("GET /livez HTTP/1.1"), 200);
  ready_ = false;
  EXPECT_EQ(StatusFor("GET /livez HTTP/1.1"), 200);
  const std::string answer = Ask("GET /readyz?verbose HTTP/1.1");
  EXPECT_EQ(StatusOf(answer), 503);
  EXPECT_THAT(answer, HasSubstr("[-] disk: detail\nfailed\n"));
  const std::string json = Ask("GET /healthz HTTP/1.1");
  EXPECT_EQ(StatusOf(json), 503);
  EXPECT_THAT(json, HasSubstr("\"status\":\"failed\""));
  EXPECT_THAT(json, HasSubstr("Content-Type: application/json"));
}

TEST_F(HttpEndpointTest, OtherMethodsGet405AndNoBodyIsWaitedFor) {
  const std::string answer = Ask("POST /metrics HTTP/1.1", "Content-Length: 1000000\r\n");
  EXPECT_EQ(StatusOf(answer), 405);
  EXPECT_THAT(answer, HasSubstr("Allow: GET, HEAD"));
  EXPECT_EQ(StatusFor("DELETE /metrics HTTP/1.1"), 405);
  ExpectStillServing();
}

TEST_F(HttpEndpointTest, ALongUriGets414) {
  for (const std::size_t length : {17'000u, 100'000u, 3'000'000u}) {
    const std::string answer = Ask("GET /" + std::string(length, 'a') + " HTTP/1.1");
    // Bytes that were still coming when the connection closed may have reset it.
    EXPECT_THAT(StatusOf(answer), AnyOf(414, 0)) << length;
  }
  EXPECT_EQ(StatusFor("GET /" + std::string(20'000, 'a') + " HTTP/1.1"), 414);
  ExpectStillServing();
}

TEST_F(HttpEndpointTest, AThousandHeadersGet431) {
  std::string headers;
  for (int i = 0; i < 1'000; ++i) headers += "X-Header-" + std::to_string(i) + ": value\r\n";
  EXPECT_EQ(StatusOf(Ask("GET /metrics HTTP/1.1", headers)), 431);
  ExpectStillServing();
}

TEST_F(HttpEndpointTest, OddTargetsAreRefused) {
  EXPECT_EQ(StatusFor("GET /metrics%00 HTTP/1.1"), 400);
  EXPECT_EQ(StatusFor("GET /metrics%00.html HTTP/1.1"), 400);
  EXPECT_EQ(StatusFor("GET //..// HTTP/1.1"), 400);
  EXPECT_EQ(StatusFor("GET /../../etc/passwd HTTP/1.1"), 400);
  EXPECT_EQ(StatusFor("GET http://x/metrics HTTP/1.1"), 400);
  EXPECT_EQ(StatusFor("GET /metrics\0hidden HTTP/1.1"s), 400);
  EXPECT_EQ(StatusFor("GET /nothing HTTP/1.1"), 404);
  ExpectStillServing();
}

TEST_F(HttpEndpointTest, AnswersGoOutInTheOldProtocolToo) {
  EXPECT_EQ(StatusOf(Exchange(endpoint_->bound_port(), "GET /livez HTTP/1.0\r\n\r\n")), 200);
}

TEST_F(HttpEndpointTest, PipelinedRequestsGetOneAnswerAndAClose) {
  std::string many;
  for (int i = 0; i < 200; ++i) many += "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string answer = Exchange(endpoint_->bound_port(), many);
  EXPECT_THAT(StatusOf(answer), AnyOf(200, 0));  // 0: the close with requests unread resets it.
  EXPECT_EQ(answer.find("HTTP/1.1", 1), std::string::npos);
  ExpectStillServing();
}

class ShortDeadlineTest : public HttpEndpointTest {
 protected:
  void SetUp() override {
    StartWith({.connections_max = 4, .connection_deadline = Milliseconds(300)});
  }
};

TEST_F(ShortDeadlineTest, GarbageIsAnsweredOrCut) {
  for (const std::string& bytes :
       {"\r\n\r\n\r\n\r\n"s,
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s + std::string(300, 'x'),
        std::string(50'000, '\0'), std::string(50'000, '\n'), "GET\r\n\r\n"s,
        "GET /metrics\r\n\r\n"s, "GET /metrics HTTP/9.9\r\n\r\n"s,
        "GET /metrics HTTP/1.1\r\nHost\r\n\r\n"s}) {
    RawHttpClient client(endpoint_->bound_port());
    client.Send(bytes);
    client.ReadToEnd();
    EXPECT_FALSE(client.timed_out()) << bytes.substr(0, 20);
  }
  ExpectStillServing();
}

TEST_F(ShortDeadlineTest, ASilentClientIsCut) {
  RawHttpClient client(endpoint_->bound_port());
  EXPECT_EQ(client.ReadToEnd(), "");
  EXPECT_FALSE(client.timed_out());
}

TEST_F(ShortDeadlineTest, AClientThatDribblesIsCut) {
  RawHttpClient client(endpoint_->bound_port());
  const auto start = std::chrono::steady_clock::now();
  client.Send("GET /metrics HTTP/1.1\r\n");
  // One byte at a time for as long as the endpoint takes them: an idle timeout alone never ends it.
  while (client.Send("x") && std::chrono::steady_clock::now() - start < std::chrono::seconds(20)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(15));
  ExpectStillServing();
}

TEST_F(ShortDeadlineTest, SilentConnectionsCannotLockOthersOut) {
  std::vector<std::unique_ptr<RawHttpClient>> silent;
  for (int i = 0; i < 20; ++i) {
    silent.push_back(std::make_unique<RawHttpClient>(endpoint_->bound_port()));
  }
  ExpectStillServing();
}

TEST_F(HttpEndpointTest, AClientThatNeverReadsDoesNotHoldTheOthersUp) {
  std::vector<Counter> counters(1'500);
  std::vector<MetricRegistration> kept;
  for (std::size_t i = 0; i < counters.size(); ++i) {
    kept.push_back(
        registry_.Add({.name = "raftmq_wide_total", .help = "Wide.", .kind = MetricKind::kCounter},
                      {{"topic", std::string(150, 'a') + std::to_string(i)}}, &counters[i]));
  }
  std::vector<std::unique_ptr<RawHttpClient>> deaf;
  for (int i = 0; i < 10; ++i) {
    deaf.push_back(std::make_unique<RawHttpClient>(endpoint_->bound_port()));
    deaf.back()->Send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  ExpectStillServing();
}

TEST_F(HttpEndpointTest, DestructionCutsOpenConnections) {
  RawHttpClient client(endpoint_->bound_port());
  client.Send("GET /met");
  endpoint_.reset();
  client.ReadToEnd();
  EXPECT_FALSE(client.timed_out());
}

TEST_F(HttpEndpointTest, ATakenPortIsNamedInTheError) {
  const auto second = HttpEndpoint::Start(
      {.port = endpoint_->bound_port()}, registry_,
      {.live = [] { return HealthReport(); }, .ready = [] { return HealthReport(); }});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kIoError);
  EXPECT_THAT(second.error().message,
              HasSubstr("127.0.0.1:" + std::to_string(endpoint_->bound_port())));
}

TEST_F(HttpEndpointTest, AHostNameIsRefusedAndLocalhostIsNone) {
  const auto named = HttpEndpoint::Start(
      {.host = "example.org"}, registry_,
      {.live = [] { return HealthReport(); }, .ready = [] { return HealthReport(); }});
  ASSERT_FALSE(named);
  EXPECT_EQ(named.error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(HttpEndpoint::Start(
      {.host = "localhost"}, registry_,
      {.live = [] { return HealthReport(); }, .ready = [] { return HealthReport(); }}));
}

}  // namespace
}  // namespace raftmq

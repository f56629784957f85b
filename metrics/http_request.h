// What a request asks for, read from its raw method and URI. Pure; knows no HTTP library.
#pragma once

#include <string>
#include <string_view>

namespace raftmq {

enum class HttpPage { kMetrics, kDetailedMetrics, kLive, kReady, kHealth };

// A request that can be answered, or the status and text to refuse it with.
struct HttpRequest {
  int refused_status = 0;      // 0 = serve `page`; else 400, 404 or 405.
  std::string refused_reason;  // One line.
  HttpPage page = HttpPage::kMetrics;
  bool verbose = false;  // ?verbose of /livez and /readyz.
  std::string topic;     // ?topic= of /metrics/detailed; empty = all.
};

// `raw_uri` is the request target as it came, before any decoding. Our pages need no
// percent-encoding and no dots, so there is nothing to decode and nothing to normalise: what is
// not exactly a page is refused.
HttpRequest ReadHttpRequest(std::string_view method, std::string_view raw_uri);

}  // namespace raftmq

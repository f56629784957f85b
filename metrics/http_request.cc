#include "metrics/http_request.h"

#include <algorithm>
#include <optional>

namespace raftmq {
namespace {

struct Route {
  std::string_view path;
  HttpPage page;
  std::string_view parameter;  // The only query parameter of the page; empty = none.
};
constexpr Route kRoutes[] = {{"/metrics", HttpPage::kMetrics, ""},
                             {"/metrics/detailed", HttpPage::kDetailedMetrics, "topic"},
                             {"/livez", HttpPage::kLive, "verbose"},
                             {"/readyz", HttpPage::kReady, "verbose"},
                             {"/healthz", HttpPage::kHealth, ""}};
constexpr std::size_t kTopicMax = 200;

HttpRequest Refuse(int status, std::string reason) {
  return {.refused_status = status, .refused_reason = std::move(reason)};
}

bool IsTopicCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

bool IsTopicName(std::string_view name) {
  return !name.empty() && name.size() <= kTopicMax &&
         std::all_of(name.begin(), name.end(), IsTopicCharacter);
}

// Printable ASCII without percent-encoding, starting at the root.
bool IsPlain(std::string_view uri) {
  return uri.starts_with('/') && std::all_of(uri.begin(), uri.end(), [](char c) {
           return c > 0x20 && c < 0x7f && c != '%' && c != '\\';
         });
}

bool HasOddSegment(std::string_view path) {
  return path.find("//") != std::string_view::npos || path.find("/.") != std::string_view::npos;
}

const Route* FindRoute(std::string_view path) {
  const auto* const route = std::find_if(std::begin(kRoutes), std::end(kRoutes),
                                         [path](const Route& r) { return r.path == path; });
  return route == std::end(kRoutes) ? nullptr : route;
}

// Fills in the page's one parameter, `name[=value]`.
HttpRequest ReadQuery(const Route& route, std::string_view query) {
  HttpRequest request{.page = route.page};
  if (query.empty()) return request;
  const auto equals = query.find('=');
  const bool has_value = equals != std::string_view::npos;
  const std::string_view name = query.substr(0, equals);
  const std::string_view value = has_value ? query.substr(equals + 1) : std::string_view();
  if (route.parameter.empty()) return Refuse(400, "this page takes no parameter");
  if (name != route.parameter) {
    return Refuse(400, "expected only the parameter '" + std::string(route.parameter) + "'");
  }
  if (route.parameter == "topic") {
    if (!IsTopicName(value)) return Refuse(400, "expected topic=NAME, [A-Za-z0-9._-]{1,200}");
    request.topic = value;
    return request;
  }
  if (has_value && value != "1" && value != "true") {
    return Refuse(400, "expected verbose, verbose=1 or verbose=true");
  }
  request.verbose = true;
  return request;
}

}  // namespace

HttpRequest ReadHttpRequest(std::string_view method, std::string_view raw_uri) {
  if (method != "GET" && method != "HEAD") return Refuse(405, "only GET and HEAD are served here");
  const auto question = raw_uri.find('?');
  const std::string_view path = raw_uri.substr(0, question);
  if (!IsPlain(raw_uri) || HasOddSegment(path)) {
    return Refuse(400, "expected a plain path from the root, without % or dot segments");
  }
  const Route* const route = FindRoute(path);
  if (route == nullptr) {
    return Refuse(404, "pages: /metrics /metrics/detailed?topic= /livez /readyz?verbose /healthz");
  }
  return ReadQuery(*route, question == std::string_view::npos ? std::string_view()
                                                              : raw_uri.substr(question + 1));
}

}  // namespace raftmq

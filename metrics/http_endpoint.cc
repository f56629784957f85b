#include "metrics/http_endpoint.h"

#include <fmt/core.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <map>
#include <string_view>
#include <thread>
#include <utility>

#include "metrics/exposition.h"
#include "metrics/http_request.h"
#include "metrics/listen_socket.h"
#include "metrics/registry.h"
#include "protocol/types/check.h"

namespace raftmq {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

struct Answer {
  unsigned status = MHD_HTTP_OK;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

Answer Refusal(int status, std::string_view reason) {
  return {.status = static_cast<unsigned>(status), .body = fmt::format("{}\n", reason)};
}

Answer MetricsAnswer(const MetricsRegistry& registry, const MetricQuery& query) {
  auto text = RenderMetrics(registry, query);
  if (!text) return Refusal(MHD_HTTP_INTERNAL_SERVER_ERROR, text.error().ToString());
  return {.content_type = kExpositionContentType, .body = std::move(*text)};
}

Answer HealthAnswer(const HealthReport& report, bool verbose) {
  return {.status = report.ok ? unsigned{MHD_HTTP_OK} : unsigned{MHD_HTTP_SERVICE_UNAVAILABLE},
          .body = RenderHealthText(report, verbose)};
}

// The request line as it came. microhttpd hands out only C strings, so a NUL byte inside the line
// would hide what follows it: `next` is where the HTTP version stands if there is none.
struct RawTarget {
  std::string uri;
  const char* next = nullptr;
};

MHD_Result Send(MHD_Connection* connection, Answer answer) {
  MHD_Response* const response = MHD_create_response_from_buffer(
      answer.body.size(), answer.body.data(), MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return MHD_NO;  // Out of memory: microhttpd closes the connection.
  const auto add = [response](const char* name, const std::string& value) {
    return MHD_add_response_header(response, name, value.c_str()) == MHD_YES;
  };
  bool complete = add("Content-Type", answer.content_type) && add("Cache-Control", "no-store") &&
                  add("X-Content-Type-Options", "nosniff") && add("Connection", "close");
  if (answer.status == MHD_HTTP_METHOD_NOT_ALLOWED) complete &= add("Allow", "GET, HEAD");
  const MHD_Result queued =
      complete ? MHD_queue_response(connection, answer.status, response) : MHD_NO;
  MHD_destroy_response(response);
  return queued;
}

}  // namespace

// Owns the daemon and the thread that runs it. Everything but the constructor and the destructor
// happens on that thread, also microhttpd's callbacks.
class HttpEndpoint::Server {
 public:
  Server(const HttpEndpointOptions& options, const MetricsRegistry& registry, HttpHandlers handlers)
      : options_(options), registry_(registry), handlers_(std::move(handlers)) {}

  ~Server() {
    if (thread_.joinable()) {
      const std::uint64_t one = 1;
      RAFTMQ_CHECK(write(wake_, &one, sizeof one) == sizeof one);
      thread_.join();
    }
    if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
    if (wake_ >= 0) close(wake_);
  }

  // Takes the listening socket over.
  Status Start(int listen_socket) {
    wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    daemon_ = MHD_start_daemon(
        MHD_USE_EPOLL, 0, nullptr, nullptr, &Server::OnRequest, this, MHD_OPTION_LISTEN_SOCKET,
        listen_socket, MHD_OPTION_CONNECTION_LIMIT, options_.connections_max,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, options_.request_bytes_max,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK, &Server::OnUri, this,
        MHD_OPTION_NOTIFY_COMPLETED, &Server::OnCompleted, this, MHD_OPTION_NOTIFY_CONNECTION,
        &Server::OnConnection, this, MHD_OPTION_END);
    // On failure microhttpd may or may not have closed the listener; the caller gives up anyway,
    // and a leaked descriptor is better than closing somebody else's.
    if (daemon_ == nullptr || wake_ < 0) {
      return Fail(ErrorCode::kIoError, "http: cannot start the endpoint: no memory or descriptors");
    }
    thread_ = std::thread([this] { Run(); });
    return Ok();
  }

 private:
  void Run() {
    // Signals are for the broker's own threads.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    const int epoll = MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_EPOLL_FD_LINUX_ONLY)->listen_fd;
    pollfd waits[] = {{.fd = epoll, .events = POLLIN, .revents = 0},
                      {.fd = wake_, .events = POLLIN, .revents = 0}};
    while (waits[1].revents == 0) {
      poll(waits, std::size(waits), WaitMs());
      MHD_run(daemon_);
      // At its connection limit microhttpd stops listening, and it resumes only in the run after
      // the one that closed a connection: without this one nothing would wake us for it.
      if (std::exchange(connection_closed_, false)) MHD_run(daemon_);
      CutOverdue();
    }
  }

  // How long nothing can be due: until the oldest connection's deadline, or what microhttpd asks.
  int WaitMs() const {
    if (opened_.empty()) return -1;
    const auto due = opened_.begin()->first.first + options_.connection_deadline;
    const auto left = std::chrono::duration_cast<Milliseconds>(
        due - std::chrono::steady_clock::now() + Milliseconds(1));
    auto wait_ms = static_cast<unsigned long long>(std::max<std::int64_t>(0, left.count()));
    unsigned long long asked_ms = 0;
    if (MHD_get_timeout(daemon_, &asked_ms) == MHD_YES) wait_ms = std::min(wait_ms, asked_ms);
    return static_cast<int>(std::min<unsigned long long>(wait_ms, 60'000));
  }

  // microhttpd sees a shut-down socket as gone and closes the connection itself.
  void CutOverdue() {
    const SteadyTime oldest = std::chrono::steady_clock::now() - options_.connection_deadline;
    while (!opened_.empty() && opened_.begin()->first.first <= oldest) {
      shutdown(opened_.begin()->second, SHUT_RDWR);
      opened_.erase(opened_.begin());
    }
  }

  Answer AnswerTo(const char* method, const char* version, const RawTarget& target) const {
    if (version != target.next) {
      return Refusal(MHD_HTTP_BAD_REQUEST, "expected METHOD TARGET VERSION with single spaces");
    }
    const HttpRequest request = ReadHttpRequest(method, target.uri);
    if (request.refused_status != 0) return Refusal(request.refused_status, request.refused_reason);
    switch (request.page) {
      case HttpPage::kMetrics:
        return MetricsAnswer(registry_, {});
      case HttpPage::kDetailedMetrics:
        return MetricsAnswer(registry_, {.tier = MetricTier::kDetailed, .topic = request.topic});
      case HttpPage::kLive:
        return HealthAnswer(handlers_.live(), request.verbose);
      case HttpPage::kReady:
        return HealthAnswer(handlers_.ready(), request.verbose);
      case HttpPage::kHealth:
        break;
    }
    const HealthReport report = handlers_.ready();
    Answer answer = HealthAnswer(report, false);
    answer.content_type = "application/json";
    answer.body = RenderHealthJson(report);
    return answer;
  }

  static MHD_Result OnRequest(void* self, MHD_Connection* connection, const char* /*url*/,
                              const char* method, const char* version, const char* /*upload_data*/,
                              std::size_t* /*upload_size*/, void** request) {
    // Answered at the headers: a body is never waited for.
    const auto* const server = static_cast<Server*>(self);
    return Send(connection,
                server->AnswerTo(method, version, *static_cast<const RawTarget*>(*request)));
  }

  static void* OnUri(void* /*self*/, const char* uri, MHD_Connection* /*connection*/) {
    return new RawTarget{uri, uri + std::strlen(uri) + 1};
  }

  static void OnCompleted(void* /*self*/, MHD_Connection* /*connection*/, void** request,
                          MHD_RequestTerminationCode /*code*/) {
    delete static_cast<RawTarget*>(*request);
    *request = nullptr;
  }

  static void OnConnection(void* self, MHD_Connection* connection, void** context,
                           MHD_ConnectionNotificationCode code) {
    auto* const server = static_cast<Server*>(self);
    auto& opened = server->opened_;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
      const int descriptor =
          MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
      const Opened key(std::chrono::steady_clock::now(), connection);
      opened.emplace(key, descriptor);
      *context = new Opened(key);
    } else {
      const auto* const key = static_cast<Opened*>(*context);
      opened.erase(*key);
      delete key;
      server->connection_closed_ = true;
    }
  }

  using Opened = std::pair<SteadyTime, MHD_Connection*>;

  const HttpEndpointOptions options_;
  const MetricsRegistry& registry_;
  const HttpHandlers handlers_;
  MHD_Daemon* daemon_ = nullptr;
  int wake_ = -1;
  // Open connections, oldest first -> descriptor; those already cut are left out.
  std::map<Opened, int> opened_;
  bool connection_closed_ = false;  // Since the last run of the daemon.
  std::thread thread_;
};

HttpEndpoint::HttpEndpoint(std::unique_ptr<Server> server, std::uint16_t bound_port)
    : server_(std::move(server)), bound_port_(bound_port) {}

HttpEndpoint::~HttpEndpoint() = default;

Result<std::unique_ptr<HttpEndpoint>> HttpEndpoint::Start(const HttpEndpointOptions& options,
                                                          const MetricsRegistry& registry,
                                                          HttpHandlers handlers) {
  RAFTMQ_CHECK(handlers.live);
  RAFTMQ_CHECK(handlers.ready);
  RAFTMQ_TRY_ASSIGN(const ListenSocket socket, OpenListenSocket(options.host, options.port));
  auto server = std::make_unique<Server>(options, registry, std::move(handlers));
  RAFTMQ_TRY(server->Start(socket.descriptor));
  return std::unique_ptr<HttpEndpoint>(new HttpEndpoint(std::move(server), socket.port));
}

}  // namespace raftmq

// The HTTP endpoint for Prometheus and for health checks: a few read-only pages on a thread of its
// own, so that neither a scrape nor a hostile client can delay a shard.
//
// Each connection serves one request and lives at most `connection_deadline`, whatever its pace:
// a client that dribbles bytes cannot keep a place. Unauthenticated, therefore on loopback unless
// the operator says otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "metrics/health.h"
#include "protocol/types/clock.h"
#include "raftmq/result.h"

namespace raftmq {

class MetricsRegistry;

struct HttpEndpointOptions {
  std::string host = "127.0.0.1";  // A numeric IPv4 or IPv6 address, or localhost.
  std::uint16_t port = 0;          // 0 = any free one; see bound_port().
  unsigned connections_max = 64;   // More wait in the backlog of the system.
  Milliseconds connection_deadline{10'000};
  std::size_t request_bytes_max = 16 * 1024;  // Request line and headers: 414 and 431 above.
};

// Called on the endpoint's thread, one at a time; they must not block.
struct HttpHandlers {
  std::function<HealthReport()> live;   // /livez: of this process only, never of the cluster.
  std::function<HealthReport()> ready;  // /readyz and /healthz.
};

// Thread-safe: only Start and the destructor do anything to it.
class HttpEndpoint {
 public:
  // Binds, listens and starts the thread. `registry` must outlive the endpoint.
  // Errors: kInvalidArgument for a host that is not a numeric address, kIoError if the address
  // cannot be bound (the message names it and the reason).
  static Result<std::unique_ptr<HttpEndpoint>> Start(const HttpEndpointOptions& options,
                                                     const MetricsRegistry& registry,
                                                     HttpHandlers handlers);
  // Cuts the connections that are open and joins the thread; no handler runs afterwards.
  ~HttpEndpoint();
  HttpEndpoint(const HttpEndpoint&) = delete;
  HttpEndpoint& operator=(const HttpEndpoint&) = delete;

  // The port that is listened on; never 0.
  std::uint16_t bound_port() const { return bound_port_; }

 private:
  class Server;
  HttpEndpoint(std::unique_ptr<Server> server, std::uint16_t bound_port);
  std::unique_ptr<Server> server_;
  const std::uint16_t bound_port_;
};

}  // namespace raftmq

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "protocol/net/connection.h"
#include "protocol/net/handle.h"
#include "protocol/net/loop_impl.h"
#include "protocol/net/socket.h"

namespace raftmq {
namespace {

// One try to reach one address: resolve, then each of its addresses in turn, all within one
// timeout. Loop-affine; shared with the resolver's request and with its own callbacks.
struct Attempt : std::enable_shared_from_this<Attempt> {
  Attempt(EventLoop& event_loop, Address address, Connection::ConnectDone callback)
      : owner_loop(event_loop),
        loop(event_loop.impl()),
        to(std::move(address)),
        done(std::move(callback)),
        timer(event_loop) {}

  void Begin(Milliseconds timeout);
  void Abandon();  // After this `done` is not called.

  EventLoop& owner_loop;
  EventLoop::Impl& loop;
  const Address to;
  Connection::ConnectDone done;  // Empty once called or abandoned.
  Timer timer;
  struct Resolving;
  Resolving* resolving = nullptr;  // Owned by libuv while under way.
  std::vector<SocketAddress> addresses;
  std::size_t next = 0;
  Socket socket;
  Handle<uv_poll_t> poll;
  std::string last_problem = "no address to try";

 private:
  void StartResolving();
  void TryNext();
  bool TryOne(const SocketAddress& address);
  void OnWritable();
  void Succeed();
  void FailUnreachable();
  void Finish(Result<std::unique_ptr<Connection>> outcome);
};

struct Attempt::Resolving {
  uv_getaddrinfo_t request{};
  std::shared_ptr<Attempt> attempt;

  static void OnResolved(uv_getaddrinfo_t* request, int status, addrinfo* list);
};

class ConnectingImpl final : public Connection::Connecting {
 public:
  explicit ConnectingImpl(std::shared_ptr<Attempt> attempt) : attempt_(std::move(attempt)) {}
  ~ConnectingImpl() override { attempt_->Abandon(); }

 private:
  const std::shared_ptr<Attempt> attempt_;
};

void Attempt::Begin(Milliseconds timeout) {
  timer.Start(timeout, [weak = weak_from_this(), timeout] {
    const auto self = weak.lock();
    if (!self) return;
    self->Finish(Fail(ErrorCode::kTimeout, fmt::format("no connection to {} within {} ms",
                                                       self->to.ToString(), timeout.count())));
  });
  if (auto numeric = Resolve(to, true)) {
    addresses = std::move(*numeric);
    // Not at once: `done` is never called from inside Connect.
    owner_loop.Post([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->TryNext();
    });
    return;
  }
  StartResolving();
}

void Attempt::Abandon() {
  done = nullptr;
  timer.Cancel();
  poll.Reset();
  socket.Close();
  if (resolving != nullptr) uv_cancel(reinterpret_cast<uv_req_t*>(&resolving->request));
}

void Attempt::StartResolving() {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  auto request = std::make_unique<Resolving>();
  request->attempt = shared_from_this();
  request->request.data = request.get();
  const std::string port = std::to_string(to.port);
  const int started = uv_getaddrinfo(&loop.uv, &request->request, &Resolving::OnResolved,
                                     to.host.c_str(), port.c_str(), &hints);
  if (started == 0) {
    resolving = request.release();
    return;
  }
  last_problem = fmt::format("cannot resolve '{}': {}", to.host, uv_strerror(started));
  owner_loop.Post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->FailUnreachable();
  });
}

void Attempt::Resolving::OnResolved(uv_getaddrinfo_t* request, int status, addrinfo* list) {
  const std::unique_ptr<Resolving> self(static_cast<Resolving*>(request->data));
  const std::shared_ptr<Attempt> attempt = std::move(self->attempt);
  attempt->resolving = nullptr;
  if (status == 0) attempt->addresses = ToSocketAddresses(list);
  uv_freeaddrinfo(list);
  if (!attempt->done) return;
  attempt->loop.MarkBusy();
  if (status != 0) {
    attempt->last_problem =
        fmt::format("cannot resolve '{}': {}", attempt->to.host, uv_strerror(status));
  }
  attempt->TryNext();
}

void Attempt::TryNext() {
  if (!done) return;
  while (next < addresses.size()) {
    if (TryOne(addresses[next++])) return;
  }
  FailUnreachable();
}

// True if the outcome will come through `poll`.
bool Attempt::TryOne(const SocketAddress& address) {
  poll.Reset();
  auto opened = OpenStream(address.storage.ss_family);
  if (!opened) {
    last_problem = opened.error().message;
    return false;
  }
  socket = std::move(*opened);
  if (::connect(socket.get(), address.get(), address.length) != 0 && errno != EINPROGRESS) {
    last_problem = ErrnoText(errno);
    return false;
  }
  const int watched = poll.Open(
      this, [this](uv_poll_t* handle) { return uv_poll_init(&loop.uv, handle, socket.get()); });
  if (watched != 0) {
    last_problem = uv_strerror(watched);
    return false;
  }
  uv_poll_start(poll.get(), UV_WRITABLE, [](uv_poll_t* handle, int, int) {
    const auto self = static_cast<Attempt*>(handle->data)->shared_from_this();
    self->loop.MarkBusy();
    self->OnWritable();
  });
  return true;
}

void Attempt::OnWritable() {
  if (const int error = TakeSocketError(socket.get()); error != 0) {
    last_problem = ErrnoText(error);
    TryNext();
    return;
  }
  Succeed();
}

void Attempt::Succeed() {
  // A port in the range of ephemeral ports that nobody listens on can meet itself: a simultaneous
  // open of one socket, which would echo whatever is sent.
  const auto local = LocalAddress(socket.get());
  const auto remote = PeerAddress(socket.get());
  if (local && remote && ToAddress(*local) == ToAddress(*remote)) {
    last_problem = ErrnoText(ECONNREFUSED);
    TryNext();
    return;
  }
  poll.Reset();
  Finish(Connection::Adopt(owner_loop, socket.Release()));
}

void Attempt::FailUnreachable() {
  Finish(Fail(ErrorCode::kUnreachable,
              fmt::format("cannot connect to {}: {}", to.ToString(), last_problem)));
}

void Attempt::Finish(Result<std::unique_ptr<Connection>> outcome) {
  const auto self = shared_from_this();  // `done` may destroy the Connecting.
  const auto callback = std::exchange(done, nullptr);
  Abandon();
  if (callback) callback(std::move(outcome));
}

}  // namespace

std::unique_ptr<Connection::Connecting> Connection::Connect(EventLoop& loop, const Address& to,
                                                            Milliseconds timeout,
                                                            ConnectDone done) {
  auto attempt = std::make_shared<Attempt>(loop, to, std::move(done));
  attempt->Begin(timeout);
  return std::make_unique<ConnectingImpl>(std::move(attempt));
}

}  // namespace raftmq

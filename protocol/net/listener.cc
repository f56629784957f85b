#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "protocol/net/connection.h"
#include "protocol/net/handle.h"
#include "protocol/net/loop_impl.h"
#include "protocol/net/socket.h"

namespace raftmq {
namespace {

constexpr int kBacklog = 1024;
constexpr int kAcceptsPerTurn = 64;
constexpr Milliseconds kPauseWithoutDescriptors{100};

Socket OpenSpare() { return Socket(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

Result<Socket> BindAndListen(const SocketAddress& address, const Address& named) {
  RAFTMQ_TRY_ASSIGN(Socket socket, OpenStream(address.storage.ss_family));
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(socket.get(), address.get(), address.length) != 0 ||
      ::listen(socket.get(), kBacklog) != 0) {
    const int error = errno;
    return Fail(ErrorCode::kUnreachable,
                fmt::format("cannot listen on {}: {}", named.ToString(), ErrnoText(error)));
  }
  return socket;
}

}  // namespace

// Shared with its own poll callback while it runs: OnAccept may destroy the listener.
struct Listener::Impl : std::enable_shared_from_this<Listener::Impl> {
  explicit Impl(EventLoop& event_loop) : loop(event_loop.impl()), pause(event_loop) {}

  Status Open(const Address& at);
  void Close();
  void Watch();
  void AcceptSome();
  void AcceptSomeWithoutDescriptors();

  EventLoop::Impl& loop;
  Socket socket;
  Handle<uv_poll_t> poll;
  Timer pause;
  Socket spare;  // Given up for a moment to turn a caller away when descriptors have run out.
  OnAccept on_accept;
  Address bound;
};

Listener::Listener(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Listener::~Listener() { impl_->Close(); }
const Address& Listener::bound() const { return impl_->bound; }

Result<std::unique_ptr<Listener>> Listener::Listen(EventLoop& loop, const Address& at,
                                                   OnAccept on_accept) {
  auto impl = std::make_shared<Impl>(loop);
  impl->on_accept = std::move(on_accept);
  RAFTMQ_TRY(impl->Open(at));
  return std::unique_ptr<Listener>(new Listener(std::move(impl)));
}

Status Listener::Impl::Open(const Address& at) {
  RAFTMQ_TRY_ASSIGN(const auto addresses, Resolve(at, false));
  RAFTMQ_TRY_ASSIGN(socket, BindAndListen(addresses.front(), at));
  RAFTMQ_TRY_ASSIGN(const SocketAddress local, LocalAddress(socket.get()));
  bound = ToAddress(local);
  spare = OpenSpare();
  const int opened = poll.Open(
      this, [this](uv_poll_t* handle) { return uv_poll_init(&loop.uv, handle, socket.get()); });
  if (opened != 0) {
    return Fail(ErrorCode::kUnreachable,
                fmt::format("cannot watch {}: {}", bound.ToString(), uv_strerror(opened)));
  }
  Watch();
  return Ok();
}

void Listener::Impl::Close() {
  poll.Reset();
  socket.Close();
  pause.Cancel();
}

void Listener::Impl::Watch() {
  uv_poll_start(poll.get(), UV_READABLE, [](uv_poll_t* handle, int, int) {
    const auto self = static_cast<Impl*>(handle->data)->shared_from_this();
    self->loop.MarkBusy();
    self->AcceptSome();
  });
}

void Listener::Impl::AcceptSome() {
  for (int i = 0; i < kAcceptsPerTurn && socket.IsOpen(); ++i) {
    SocketAddress from;
    from.length = sizeof from.storage;
    Socket accepted(::accept4(socket.get(), reinterpret_cast<sockaddr*>(&from.storage),
                              &from.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (accepted.IsOpen()) {
      on_accept(accepted.Release(), ToAddress(from).ToString());
      continue;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      AcceptSomeWithoutDescriptors();
      return;
    }
    // EAGAIN: nobody else waits. Others (ECONNABORTED, ...) concern one caller that has gone.
    if (errno == EAGAIN || errno == EWOULDBLOCK) return;
  }
}

// Turns the first caller away, so that it does not wait in vain, and leaves the others in the
// backlog for a while.
void Listener::Impl::AcceptSomeWithoutDescriptors() {
  spare.Close();
  Socket(::accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC)).Close();
  spare = OpenSpare();
  uv_poll_stop(poll.get());
  pause.Start(kPauseWithoutDescriptors, [this] { Watch(); });
}

}  // namespace raftmq

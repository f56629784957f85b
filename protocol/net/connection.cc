#include "protocol/net/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "protocol/net/connection_impl.h"
#include "protocol/types/check.h"

namespace raftmq {
namespace {

// Fairness: one connection reads and writes at most so much in one turn.
constexpr std::size_t kReadBytesPerTurn = 2u << 20;
constexpr std::size_t kWriteBytesPerTurn = 8u << 20;
constexpr std::size_t kGatherMax = 512;  // Entries of one sendmsg; the kernel's bound is 1024.

Error Broken(const std::string& peer, int error) {
  return {ErrorCode::kDisconnected,
          fmt::format("the connection to {} broke: {}", peer, ErrnoText(error))};
}

Error ClosedByPeer(const std::string& peer) {
  return {ErrorCode::kDisconnected, fmt::format("{} closed the connection", peer)};
}

bool WouldBlock(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

Connection::Connection(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Connection::~Connection() { impl_->Abandon(); }
void Connection::Start(ConnectionHandler& handler) { impl_->Start(handler); }
void Connection::Write(SharedBytes bytes) { impl_->Write(std::move(bytes)); }
std::size_t Connection::queued_bytes() const { return impl_->queue.bytes(); }
int Connection::Release() { return impl_->Release(); }
const std::string& Connection::peer() const { return impl_->peer; }
bool Connection::peer_is_loopback() const { return impl_->peer_is_loopback; }

Result<std::unique_ptr<Connection>> Connection::Adopt(EventLoop& loop, int socket) {
  auto impl = std::make_shared<Impl>(loop, Socket(socket));
  RAFTMQ_TRY(impl->Watch());
  return std::unique_ptr<Connection>(new Connection(std::move(impl)));
}

void Connection::SetSilenceMax(Milliseconds silence_max) {
  if (impl_->socket.IsOpen()) raftmq::SetSilenceMax(impl_->socket.get(), silence_max);
}

void Connection::SetLowWater(std::size_t bytes) {
  impl_->low_water = bytes;
  impl_->is_above_low_water = impl_->queue.bytes() > bytes;
}

void Connection::PauseReading() {
  impl_->wants_reading = false;
  impl_->UpdateInterest();
}

void Connection::ResumeReading() {
  if (impl_->handler == nullptr || impl_->phase != Impl::Phase::kOpen) return;
  impl_->wants_reading = true;
  impl_->UpdateInterest();
}

void Connection::Close(Error reason, Milliseconds linger) {
  impl_->Close(std::move(reason), linger);
}

Connection::Impl::Impl(EventLoop& event_loop, Socket connected)
    : owner_loop(event_loop), loop(event_loop.impl()), socket(std::move(connected)) {}

Status Connection::Impl::Watch() {
  RAFTMQ_TRY_ASSIGN(const SocketAddress address, PeerAddress(socket.get()));
  const Address named = ToAddress(address);
  peer = named.ToString();
  peer_is_loopback = named.IsLoopback();
  SetNoDelay(socket.get());
  const int opened = poll.Open(this, [this](uv_poll_t* handle) {
    return uv_poll_init(&loop.uv, handle, socket.get());  // Makes it non-blocking, too.
  });
  if (opened != 0) {
    return Fail(ErrorCode::kDisconnected,
                fmt::format("cannot watch the connection to {}: {}", peer, uv_strerror(opened)));
  }
  return Ok();
}

void Connection::Impl::Start(ConnectionHandler& its_handler) {
  RAFTMQ_CHECK(handler == nullptr);
  handler = &its_handler;
  if (phase == Phase::kOver) {  // Broke while output of before Start was written.
    FinishLater(*reason);
    return;
  }
  wants_reading = phase == Phase::kOpen;
  UpdateInterest();
}

void Connection::Impl::Write(SharedBytes bytes) {
  if (phase != Phase::kOpen || bytes.empty()) return;
  queue.Push(std::move(bytes));
  if (queue.bytes() > low_water) is_above_low_water = true;
  if (!blocked) FlushSoon();
}

void Connection::Impl::Close(Error its_reason, Milliseconds linger) {
  if (phase != Phase::kOpen) return;
  phase = Phase::kFlushing;
  reason = std::move(its_reason);
  wants_reading = false;
  UpdateInterest();
  if (linger <= Milliseconds(0)) {
    queue.Clear();
    FinishLater(*reason);
    return;
  }
  linger_timer = std::make_unique<Timer>(owner_loop);
  linger_timer->Start(linger, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->Finish(*self->reason);
  });
  if (!blocked) FlushSoon();
}

int Connection::Impl::Release() {
  poll.Reset();  // Before anybody else may watch the descriptor.
  const int descriptor = socket.Release();
  Abandon();
  return descriptor;
}

void Connection::Impl::Abandon() {
  phase = Phase::kOver;
  handler = nullptr;
  poll.Reset();
  watched = 0;
  socket.Close();
  queue.Clear();
  linger_timer.reset();
}

void Connection::Impl::UpdateInterest() {
  if (phase == Phase::kOver) return;
  const bool reads = wants_reading || phase == Phase::kDraining;
  const int wanted = (reads ? UV_READABLE : 0) | (blocked ? UV_WRITABLE : 0);
  if (wanted == watched) return;
  watched = wanted;
  if (wanted == 0) {
    uv_poll_stop(poll.get());
    return;
  }
  uv_poll_start(poll.get(), wanted, [](uv_poll_t* handle, int status, int events) {
    const auto self = static_cast<Impl*>(handle->data)->shared_from_this();
    self->OnPoll(status, events);
  });
}

void Connection::Impl::OnPoll(int status, int events) {
  loop.MarkBusy();
  if (status < 0) {  // libuv has seen an error on the socket and watches it no longer.
    Finish(Broken(peer, TakeSocketError(socket.get())));
    return;
  }
  if ((events & UV_WRITABLE) != 0) {
    blocked = false;  // Flush says again whether the kernel takes all of it.
    FlushSoon();
  }
  if ((events & UV_READABLE) == 0) return;
  if (phase == Phase::kOpen) ReadSome();
  if (phase == Phase::kDraining) DiscardSome();
}

void Connection::Impl::ReadSome() {
  std::size_t budget = kReadBytesPerTurn;
  while (budget > 0 && phase == Phase::kOpen && wants_reading) {
    const MutableByteSpan to = handler->PrepareRead();
    if (phase != Phase::kOpen) return;
    RAFTMQ_CHECK(!to.empty());
    const std::size_t wanted = std::min(to.size(), budget);
    const ssize_t got = ::recv(socket.get(), to.data(), wanted, MSG_DONTWAIT);
    if (got > 0) {
      const auto count = static_cast<std::size_t>(got);
      handler->OnRead(count);
      budget -= count;
      if (count < wanted) return;  // The kernel has no more; poll tells when it has.
      continue;
    }
    const int error = errno;
    if (got == 0) {
      SendQueued();  // Answers to what came before the end may still be read.
      Finish(ClosedByPeer(peer));
    } else if (!WouldBlock(error) && error != EINTR) {
      Finish(Broken(peer, error));
    }
    return;
  }
}

void Connection::Impl::DiscardSome() {
  std::array<std::byte, 16384> nowhere;
  for (std::size_t budget = kReadBytesPerTurn; budget >= nowhere.size(); budget -= nowhere.size()) {
    const ssize_t got = ::recv(socket.get(), nowhere.data(), nowhere.size(), MSG_DONTWAIT);
    if (got > 0) continue;
    const int error = errno;
    if (got < 0 && (WouldBlock(error) || error == EINTR)) return;
    Finish(*reason);
    return;
  }
}

void Connection::Impl::FlushSoon() {
  if (flush_is_listed || phase == Phase::kOver) return;
  flush_is_listed = true;
  loop.FlushLater(shared_from_this());
}

void Connection::Impl::Flush() {
  flush_is_listed = false;
  if (phase == Phase::kOver) return;
  if (const int error = SendQueued(); error != 0) {
    loop.MarkBusy();
    Finish(Broken(peer, error));
    return;
  }
  blocked = !queue.empty();
  if (phase == Phase::kFlushing && queue.empty()) {
    ::shutdown(socket.get(), SHUT_WR);
    phase = Phase::kDraining;
  }
  UpdateInterest();
  if (is_above_low_water && queue.bytes() <= low_water) {
    is_above_low_water = false;
    if (handler == nullptr || phase != Phase::kOpen) return;
    loop.MarkBusy();
    handler->OnDrained();
  }
}

int Connection::Impl::SendQueued() {
  std::array<iovec, kGatherMax> gathered;
  std::size_t budget = kWriteBytesPerTurn;
  while (!queue.empty() && budget > 0) {
    msghdr message{};
    message.msg_iov = gathered.data();
    message.msg_iovlen = queue.Gather(gathered);
    const ssize_t sent = ::sendmsg(socket.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      const int error = errno;
      if (error == EINTR) continue;
      return WouldBlock(error) ? 0 : error;
    }
    const auto count = static_cast<std::size_t>(sent);
    queue.Consume(count);
    budget -= std::min(budget, count);
  }
  return 0;
}

void Connection::Impl::FinishLater(Error error) {
  owner_loop.Post([weak = weak_from_this(), error = std::move(error)] {
    const auto self = weak.lock();
    if (self && self->handler != nullptr) self->Finish(error);
  });
}

void Connection::Impl::Finish(Error error) {
  if (reason) error = *reason;
  ConnectionHandler* const told = handler;
  Abandon();
  reason = error;
  if (told != nullptr) told->OnClosed(error);
}

}  // namespace raftmq

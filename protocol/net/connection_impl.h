// The inside of Connection: one non-blocking socket watched by one uv_poll_t.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "protocol/net/connection.h"
#include "protocol/net/handle.h"
#include "protocol/net/loop_impl.h"
#include "protocol/net/socket.h"
#include "protocol/net/write_queue.h"

namespace raftmq {

// Loop-affine. Shared with whatever calls it (poll, flush list, timer) while it runs, since the
// handler may destroy the connection inside any call; `phase` says so afterwards.
struct Connection::Impl final : Flushable, std::enable_shared_from_this<Connection::Impl> {
  enum class Phase {
    kOpen,
    kFlushing,  // Close was called: the queue is written out.
    kDraining,  // All is written and our half shut down: waits for the peer's end.
    kOver,      // No socket any more.
  };

  Impl(EventLoop& event_loop, Socket connected);
  Status Watch();  // The second half of construction.

  void Start(ConnectionHandler& its_handler);
  void Write(SharedBytes bytes);
  void Close(Error reason, Milliseconds linger);
  int Release();
  // Closes without a word to the handler.
  void Abandon();
  void UpdateInterest();

  void Flush() override;

  EventLoop& owner_loop;
  EventLoop::Impl& loop;
  Socket socket;
  Handle<uv_poll_t> poll;
  int watched = 0;  // The events `poll` waits for.
  Phase phase = Phase::kOpen;
  ConnectionHandler* handler = nullptr;  // Null before Start and once over.
  bool wants_reading = false;
  bool blocked = false;          // The kernel takes no more: waits for UV_WRITABLE.
  bool flush_is_listed = false;  // Stands in the loop's list for this turn.
  WriteQueue queue;
  std::size_t low_water = 0;
  bool is_above_low_water = false;
  std::optional<Error> reason;  // Why it is closing or over.
  std::unique_ptr<Timer> linger_timer;
  std::string peer;
  bool peer_is_loopback = false;

 private:
  void OnPoll(int status, int events);
  void ReadSome();
  void DiscardSome();
  void FlushSoon();
  int SendQueued();  // 0 or an errno.
  void FinishLater(Error error);
  // Ends the connection and tells the handler; the reason of Close goes before `error`.
  void Finish(Error error);
};

}  // namespace raftmq

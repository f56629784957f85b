// One client connection on its shard, from the accepted hello to the end: cuts frames, dispatches
// requests, bounds what is under way and sends the answers.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "broker/anchor.h"
#include "broker/api.h"
#include "broker/handover.h"
#include "broker/responder.h"
#include "protocol/net/connection.h"
#include "protocol/types/clock.h"
#include "protocol/wire/frame.h"
#include "protocol/wire/messages.h"

namespace raftmq::broker {

class FetchStream;
class Shard;

// Shard-affine. Owned by the shard, which destroys it some time after OnClosed.
class Session final : private ConnectionHandler {
 public:
  Session(Shard& shard, std::unique_ptr<Connection> connection, Handover handover);
  ~Session() override;

  // Answers the hello and begins to read.
  void Start(std::uint64_t hello_id);
  // Closes when idle, too slow or not reading. Called a few times a second.
  void OnTime(Microseconds now);
  // Takes up requests again that waited for room.
  void Resume();
  // Sends what is queued, then closes.
  void Close(Error reason);

  // Queues one frame: the message and behind it the attachment.
  void Send(std::uint64_t request_id, wire::Body body, const std::vector<SharedBytes>& attachment);
  void RequestDone(Api api, Microseconds started, std::size_t bytes);
  void CountError(Api api, ErrorCode code);

  // Streams by the id of the request that opened them.
  // Errors: kLimitExceeded, kBadRequest for an id that is in use.
  Status CanOpenStream(std::uint64_t id) const;
  // REQUIRES: CanOpenStream(id).
  FetchStream& OpenStream(std::unique_ptr<FetchStream> stream, std::uint64_t id);
  FetchStream* FindStream(std::uint64_t id);
  void CloseStream(std::uint64_t id);
  // True while so much is unsent that nothing should be added.
  bool IsOutputFull() const;

  std::shared_ptr<Responder> MakeResponder(std::uint64_t request_id, Api api, std::size_t bytes,
                                           MemoryShare memory = {}, bool is_silent = false);
  Shard& shard() { return shard_; }
  bool is_closed() const { return is_closed_; }
  bool is_busy() const { return requests_in_flight_ > 0; }

 private:
  MutableByteSpan PrepareRead() override;
  void OnRead(std::size_t count) override;
  void OnDrained() override;
  void OnClosed(const Error& reason) override;

  void ProcessFrames();
  bool MayProcess() const;
  void PumpStreams();
  bool IsTooSlow(Microseconds now) const;
  bool IsIdle(Microseconds now) const;

  Shard& shard_;
  std::unique_ptr<Connection> connection_;
  wire::FrameReader reader_;
  ConnectionTicket ticket_;
  std::map<std::uint64_t, std::unique_ptr<FetchStream>> streams_;
  std::uint64_t last_pumped_ = 0;  // Stream that was pumped last after a full output.
  std::size_t requests_in_flight_ = 0;
  std::size_t bytes_in_flight_ = 0;
  std::size_t output_seen_ = 0;  // Unsent bytes at the last look: progress shows as a change.
  Microseconds active_{0};       // Last time a byte came or left.
  Microseconds frame_began_{0};  // When the unfinished frame's first byte came.
  std::size_t frame_bytes_ = 0;  // Of the unfinished frame so far.
  bool is_reading_paused_ = false;
  bool is_processing_ = false;
  bool is_closed_ = false;
  Anchor<Session> anchor_{this};
};

}  // namespace raftmq::broker

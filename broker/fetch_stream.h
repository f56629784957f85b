// One open fetch: pushes committed batches, as stored, from an offset on while credit lasts.
//
//  position checked
//        |   credit > 0, room in the connection
//   Idle ------------------------------------------> Reading --(batches)--> written, Idle again
//    ^ credit, drained, end moved                        |
//    +----------------------- Parked <----(empty slice)--+
//
// A stream does nothing while parked: the partition wakes it when its end moves. A long-poll is a
// stream that ends with its first answer: at once if there is data, else when data comes or its
// wait is over.
#pragma once

#include <cstdint>
#include <memory>

#include "broker/anchor.h"
#include "broker/responder.h"
#include "protocol/net/event_loop.h"
#include "protocol/types/ids.h"
#include "protocol/wire/messages.h"
#include "raftlog/group.h"

namespace raftmq::broker {

class Partition;
class Session;

// Shard-affine; owned by its session, attached to its partition. A call that ends the stream
// destroys it: nothing of it may be used afterwards.
class FetchStream {
 public:
  // `one_answer` requests hold `responder` until they are answered.
  FetchStream(Session& session, Partition& partition, std::uint64_t id,
              const wire::FetchRequest& request, std::shared_ptr<Responder> responder);
  ~FetchStream();
  FetchStream(const FetchStream&) = delete;
  FetchStream& operator=(const FetchStream&) = delete;

  // Called once after the constructor: compares the client's position with this replica's log,
  // then pumps.
  void Begin(const wire::FetchRequest& request);
  void Pump();  // Reads and sends if it may.
  void AddCredit(std::uint32_t bytes);
  void OnEndMoved();       // By the partition, after its commit moved.
  void OnPartitionGone();  // The topic was deleted: ends the stream.

 private:
  void BeginOnChecked(const Status& position, Offset end_seen);
  Status CheckEndSeen(Offset end_seen) const;
  bool MayRead() const;
  void PumpOnSlice(Result<FetchSlice> slice);
  void OnEmpty(const FetchSlice& slice);
  void OnWaitOver();
  void Send(const FetchSlice& slice);
  void SendEnd();
  void End(Error error);
  void Finish();

  Session& session_;
  Partition* partition_;  // Null once it is gone.
  const std::uint64_t id_;
  const std::shared_ptr<Responder> responder_;  // Long-polls only.
  std::unique_ptr<Timer> wait_;                 // Long-polls only: their wait.
  Offset next_;
  std::int64_t credit_;    // Below zero after a whole batch that was larger.
  bool reading_ = false;   // A Fetch, or first CheckPosition, is under way.
  bool parked_ = false;    // At the end, waiting for OnEndMoved.
  bool moved_ = false;     // The end moved while reading.
  bool told_end_ = false;  // The client was told once that it stands at the end.
  Anchor<FetchStream> anchor_{this};
};

}  // namespace raftmq::broker

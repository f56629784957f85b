// Where the messages of one partition become batches, in the threads that send them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "producer/session_position.h"
#include "protocol/types/batch_builder.h"
#include "protocol/types/bytes.h"
#include "protocol/types/clock.h"
#include "protocol/types/ids.h"
#include "raftmq/producer.h"

namespace raftmq::internal {

// Dropped by the last batch that it is attached to.
class FlushToken;

// A batch on its way: sealed and hashed once, sent as often as it takes.
struct OutgoingBatch {
  std::uint64_t number = 0;  // Order within the partition.
  SharedBytes frame;
  SessionPosition position;                       // As it stands in the frame.
  std::optional<Offset> base_offset;              // Stored there or not at all.
  std::vector<Producer::SendCallback> callbacks;  // One per record, in order.
  std::size_t charge = 0;                         // Bytes taken from the memory bound.
  Microseconds deadline{0};                       // Of the delivery.
  bool maybe_stored = false;                      // An attempt ended with an unknown outcome.
  std::optional<Error> last_error;
  std::uint64_t attempt = 0;  // The newest one; only its outcome counts.
  NodeId sent_to;             // By the newest attempt.
  std::vector<std::shared_ptr<FlushToken>> tokens;
};

// Thread-safe; its lock is held for one record's copy, or for sealing one batch.
class Accumulator {
 public:
  struct Options {
    std::size_t batch_bytes = 1u << 20;
    Codec codec = Codec::kNone;
    Milliseconds delivery_timeout{120'000};
    SessionPosition first;  // Of the first batch.
  };
  explicit Accumulator(Options options);

  // What the sender has to know: whether the client's thread must look (a batch was begun or
  // finished), and whether it is too late.
  struct Added {
    bool closed = false;  // Nothing was added; the callback was left alone.
    bool opened = false;  // The first record of a batch: its linger begins.
    bool sealed = false;  // A batch is full.
  };
  Added Add(const Record& record, std::size_t charge, Producer::SendCallback& callback);
  // Why a message travels alone.
  struct Alone {
    std::optional<Offset> base_offset;  // It is to get this offset or none.
    bool has_message_id = false;        // Its first header.
  };
  // The same in a batch of its own.
  Added AddAlone(const Alone& alone, const Record& record, std::size_t charge,
                 Producer::SendCallback& callback);

  // Moves the finished batches to the end of `to`; the open one too if `seal_open`. True if there
  // was an open one and it was sealed.
  bool Take(bool seal_open, std::deque<OutgoingBatch>* to);
  // Moves the finished batches to the end of `waiting`, then gives all of `waiting`, and the
  // batches to come, the positions from `first` on. Frames stay as they are: the caller seals them
  // anew.
  void Renumber(SessionPosition first, std::deque<OutgoingBatch>* waiting);
  // When the open batch got its first record; nothing if there is none.
  std::optional<Microseconds> open_since() const;
  // Refuses records from now on.
  void Close();

 private:
  bool Append(const Record& record, std::size_t charge, Producer::SendCallback& callback);
  void SealAlone(const Alone& alone, const Record& record, std::size_t charge,
                 Producer::SendCallback& callback);
  void SealOpen();
  SealOptions NextSeal() const;
  void PushSealed(ByteBuffer frame);

  const Options options_;
  mutable std::mutex mutex_;  // Guards all below.
  BatchBuilder builder_;
  std::vector<Producer::SendCallback> callbacks_;  // Of the open batch.
  std::size_t charge_ = 0;
  Microseconds open_since_{0};
  std::uint64_t next_number_ = 0;
  SessionPosition next_position_;
  std::deque<OutgoingBatch> sealed_;
  bool closed_ = false;
};

}  // namespace raftmq::internal

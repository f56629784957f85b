// The bare relay, the baseline of what a cluster does: a client, a leader and two followers, each a
// process, that only move, hash, write directly and sync the same bytes over the loopback
// interface. A frame is acked when two of the three have synced it. No log, no terms, no checks
// beyond the hash, no copy but those of the sockets: nothing that replicates in this way can be
// faster.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/relay/relay_frame.h"

namespace raftmq::bench {

// Used by one thread, which is its client.
class Relay {
 public:
  // Forks the replicas: REQUIRES that this process has no other thread yet.
  Relay(const std::string& directory, std::size_t payload_bytes);
  // Ends them and waits.
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  // Sends frames, at most `in_flight` of them unacked, and waits for all acks; returns the
  // payload's bytes.
  std::uint64_t Send(std::uint64_t frames, std::size_t in_flight);
  double CpuSeconds() const;  // Of the replicas so far.

 private:
  void SendFrame();
  void TakeAck();

  RelayBlock block_;
  int leader_ = -1;
  std::array<pid_t, 3> replicas_{};
  RelayAck sent_ = 0;
  RelayAck acked_ = 0;
};

}  // namespace raftmq::bench

// The peer port's door: a hello of the peer protocol from a node that the book knows.
#pragma once

#include <vector>

#include "broker/door.h"
#include "broker/log.h"
#include "broker/peers/peer_book.h"
#include "protocol/types/counter.h"

namespace raftmq::broker {

class Shard;

class PeerDoor final : public Door {
 public:
  // All outlive the door. `refused` counts who is not let in.
  PeerDoor(PeerBook& book, std::vector<Shard*> shards, Log& log, Counter& refused)
      : book_(book), shards_(std::move(shards)), log_(log), refused_(refused) {}
  std::string_view name() const override { return "peer port"; }
  Result<Enter> Admit(const wire::Frame& frame, std::uint64_t* request_id) override;
  SharedBytes Refusal(std::uint64_t request_id, const Error& error) override;

 private:
  PeerBook& book_;
  const std::vector<Shard*> shards_;
  Log& log_;
  Counter& refused_;
};

}  // namespace raftmq::broker

// The client port's door: a hello of the client protocol, which names a shard.
#pragma once

#include <vector>

#include "broker/door.h"

namespace raftmq::broker {

class Shard;

class ClientDoor final : public Door {
 public:
  // The shards outlive the door.
  explicit ClientDoor(std::vector<Shard*> shards) : shards_(std::move(shards)) {}
  std::string_view name() const override { return "client port"; }
  Result<Enter> Admit(const wire::Frame& frame, std::uint64_t* request_id) override;
  SharedBytes Refusal(std::uint64_t request_id, const Error& error) override;

 private:
  const std::vector<Shard*> shards_;
};

}  // namespace raftmq::broker

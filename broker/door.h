// What tells the client port and the peer port apart: which hello they want and how they refuse.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "broker/handover.h"
#include "protocol/types/bytes.h"
#include "protocol/wire/frame.h"
#include "raftmq/result.h"

namespace raftmq::broker {

// Affine to the control loop.
class Door {
 public:
  virtual ~Door() = default;
  // For messages: "client port".
  virtual std::string_view name() const = 0;
  // Judges the first frame of a connection. Who is let in is handed to what comes back.
  // `*request_id` is filled in whenever it could be read.
  using Enter = std::function<void(Handover)>;
  virtual Result<Enter> Admit(const wire::Frame& frame, std::uint64_t* request_id) = 0;
  // The frame that tells who is not let in why.
  virtual SharedBytes Refusal(std::uint64_t request_id, const Error& error) = 0;
};

}  // namespace raftmq::broker

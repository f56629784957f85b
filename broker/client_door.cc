#include "broker/client_door.h"

#include <fmt/format.h>

#include <utility>

#include "broker/shard.h"
#include "protocol/wire/codec.h"

namespace raftmq::broker {

Result<Door::Enter> ClientDoor::Admit(const wire::Frame& frame, std::uint64_t* request_id) {
  RAFTMQ_TRY_ASSIGN(const wire::Message message, wire::DecodeMessage(frame.message(), request_id));
  const auto* hello = std::get_if<wire::HelloRequest>(&message.body);
  if (hello == nullptr || frame.attachment().size() != 0)
    return Fail(ErrorCode::kUnsupported, "expected a hello as the first message");
  if (hello->version_min > wire::kWireVersion || hello->version_max < wire::kWireVersion) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("this broker speaks version {}, the client versions {} to {}",
                            wire::kWireVersion, hello->version_min, hello->version_max));
  }
  if (hello->shard >= shards_.size()) {
    return Fail(ErrorCode::kBadRequest,
                fmt::format("expected a shard below {}, found {}", shards_.size(), hello->shard));
  }
  return [shard = shards_[hello->shard]](Handover handover) { shard->Put(std::move(handover)); };
}

SharedBytes ClientDoor::Refusal(std::uint64_t request_id, const Error& error) {
  return wire::EncodeHead({request_id, wire::ErrorReply{error, {}, {}}}, 0);
}

}  // namespace raftmq::broker

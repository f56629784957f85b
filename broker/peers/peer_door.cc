#include "broker/peers/peer_door.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "broker/shard.h"
#include "protocol/wire/peer_codec.h"

namespace raftmq::broker {

Result<Door::Enter> PeerDoor::Admit(const wire::Frame& frame, std::uint64_t*) {
  if (!book_.HasPeers()) {
    return Fail(ErrorCode::kUnsupported,
                "this is the peer port of a cluster of one node: clients use the client port");
  }
  RAFTMQ_TRY_ASSIGN(const wire::PeerMessage message,
                    wire::DecodePeerMessage(frame.message(), frame.attachment().size()));
  const auto* hello = std::get_if<wire::PeerHello>(&message);
  if (hello == nullptr)
    return Fail(ErrorCode::kUnsupported, "expected a peer's hello as the first message");
  RAFTMQ_TRY(book_.Admit(*hello));
  if (hello->shard >= shards_.size()) {
    return Fail(ErrorCode::kBadRequest,
                fmt::format("expected a shard below {}, found {}", shards_.size(), hello->shard));
  }
  return [shard = shards_[hello->shard], hello = *hello](Handover handover) {
    shard->Put(PeerArrival{hello, std::move(handover)});
  };
}

SharedBytes PeerDoor::Refusal(std::uint64_t, const Error& error) {
  refused_.Add();
  if (error.code != ErrorCode::kNotYet)
    log_.WarnLimited("peers", "refused", "refused on the peer port: " + error.message);
  return wire::EncodePeerHead(wire::PeerRefusal{error}, 0);
}

}  // namespace raftmq::broker

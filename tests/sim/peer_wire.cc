#include "tests/sim/peer_wire.h"

#include <cstring>
#include <utility>
#include <variant>

#include "broker/peers/peer_heartbeats.h"
#include "broker/peers/peer_items.h"
#include "protocol/wire/frame.h"
#include "protocol/wire/peer_codec.h"

namespace raftmq::sim {

namespace {

Result<wire::PeerMessage> Recode(const wire::PeerMessage& message, std::size_t attachment_bytes) {
  const SharedBytes head = wire::EncodePeerHead(message, attachment_bytes);
  return wire::DecodePeerMessage(head.view().subspan(wire::kFrameHeaderBytes), attachment_bytes);
}

Result<ParcelContent> Pass(const PeerMessage& message) {
  wire::PeerItems items{broker::ToItem(message)};
  const std::size_t bytes = items.front().attachment_bytes;
  ByteBuffer attachment(bytes);
  std::size_t at = 0;
  for (const SharedBytes& frame : message.frames) {
    std::memcpy(attachment.data() + at, frame.data(), frame.size());
    at += frame.size();
  }
  RAFTMQ_TRY_ASSIGN(const wire::PeerMessage decoded, Recode(std::move(items), bytes));
  RAFTMQ_TRY_ASSIGN(PeerMessage back, broker::FromItem(std::get<wire::PeerItems>(decoded).front(),
                                                       SharedBytes(std::move(attachment))));
  return ParcelContent(std::move(back));
}

Result<ParcelContent> Pass(const Heartbeat& heartbeat) {
  RAFTMQ_TRY_ASSIGN(const wire::PeerMessage decoded, Recode(broker::ToWire(heartbeat), 0));
  return ParcelContent(broker::FromWire(std::get<wire::PeerHeartbeat>(decoded)));
}

Result<ParcelContent> Pass(const HeartbeatReply& reply) {
  RAFTMQ_TRY_ASSIGN(const wire::PeerMessage decoded, Recode(broker::ToWire(reply), 0));
  return ParcelContent(broker::FromWire(std::get<wire::PeerHeartbeatReply>(decoded)));
}

}  // namespace

ParcelContent ThroughWire(const ParcelContent& content, Verdict& verdict) {
  auto passed = std::visit([](const auto& message) { return Pass(message); }, content);
  if (passed) return std::move(*passed);
  verdict.Broken("codec", passed.error().ToString());
  return content;
}

}  // namespace raftmq::sim

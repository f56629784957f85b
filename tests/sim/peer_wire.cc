#include "tests/sim/peer_wire.h"

#include <cstring>
#include <utility>
#include <variant>

#include "broker/peers/peer_items.h"
#include "protocol/wire/frame.h"
#include "protocol/wire/peer_codec.h"

namespace raftmq::sim {

PeerMessage ThroughWire(const PeerMessage& message, Verdict& verdict) {
  wire::PeerItems items{broker::ToItem(message)};
  const std::size_t bytes = items.front().attachment_bytes;
  ByteBuffer attachment(bytes);
  std::size_t at = 0;
  for (const SharedBytes& frame : message.frames) {
    std::memcpy(attachment.data() + at, frame.data(), frame.size());
    at += frame.size();
  }
  const SharedBytes head = wire::EncodePeerHead(std::move(items), bytes);
  const auto decoded = wire::DecodePeerMessage(head.view().subspan(wire::kFrameHeaderBytes), bytes);
  if (!decoded) {
    verdict.Broken("codec", decoded.error().ToString());
    return message;
  }
  auto back = broker::FromItem(std::get<wire::PeerItems>(*decoded).front(),
                               SharedBytes(std::move(attachment)));
  if (!back) {
    verdict.Broken("codec", back.error().ToString());
    return message;
  }
  return std::move(*back);
}

}  // namespace raftmq::sim

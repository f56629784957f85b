#include "broker/peers/peer_session.h"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "broker/peers/peer_heartbeats.h"
#include "broker/peers/peer_items.h"
#include "broker/peers/peer_node.h"
#include "protocol/wire/peer_codec.h"

namespace raftmq::broker {

PeerSession::PeerSession(EventLoop& loop, PeerArrival arrival, Owner owner)
    : loop_(loop),
      hello_(std::move(arrival.hello)),
      owner_(std::move(owner)),
      reader_(std::move(arrival.handover.reader)),
      socket_(arrival.handover.TakeSocket()) {}

PeerSession::~PeerSession() {
  if (socket_ >= 0) ::close(socket_);
}

bool PeerSession::Start() {
  auto connection = Connection::Adopt(loop_, std::exchange(socket_, -1));
  if (!connection) return false;
  connection_ = std::move(*connection);
  reader_.SetFrameBytesMax(wire::kFrameBytesHardMax);
  reader_.SetMessageBytesMax(wire::kFrameBytesHardMax);
  connection_->SetSilenceMax(kPeerSilenceMax);
  connection_->Write(wire::EncodePeerHead(owner_.welcome, 0));
  connection_->Start(*this);
  ProcessFrames();  // What came behind the hello.
  return true;
}

void PeerSession::OnRead(std::size_t count) {
  reader_.Commit(count);
  ProcessFrames();
}

void PeerSession::ProcessFrames() {
  while (!is_closing_) {
    auto frame = reader_.Next();
    if (frame && !*frame) return;
    const Status taken = frame ? Take(std::move(**frame)) : Status(Fail(frame.error()));
    if (taken) continue;
    is_closing_ = true;
    owner_.on_refused(hello_.node, taken.error());
    connection_->Write(wire::EncodePeerHead(wire::PeerRefusal{taken.error()}, 0));
    connection_->Close(taken.error());
  }
}

Status PeerSession::Take(wire::Frame frame) {
  RAFTMQ_TRY_ASSIGN(const wire::PeerMessage message,
                    wire::DecodePeerMessage(frame.message(), frame.attachment().size()));
  if (const auto* items = std::get_if<wire::PeerItems>(&message))
    return TakeItems(*items, std::move(frame));
  if (const auto* heartbeat = std::get_if<wire::PeerHeartbeat>(&message)) {
    owner_.on_heartbeat(hello_.node, FromWire(*heartbeat));
  } else if (const auto* reply = std::get_if<wire::PeerHeartbeatReply>(&message)) {
    owner_.on_heartbeat_reply(hello_.node, FromWire(*reply));
  } else if (const auto* saved = std::get_if<wire::PeerSaved>(&message)) {
    owner_.on_saved(hello_, saved->counter);
  } else {
    return Fail(ErrorCode::kBadMessage, "expected items or heartbeats behind the hello");
  }
  return Ok();
}

Status PeerSession::TakeItems(const wire::PeerItems& items, wire::Frame frame) {
  const std::size_t attachment_at = frame.attachment_at();
  const SharedBytes bytes(std::move(frame.buffer));
  std::size_t at = attachment_at;
  for (const wire::PeerItem& item : items) {
    if (item.from.node != hello_.node || item.to.node != owner_.welcome.node) {
      return Fail(ErrorCode::kBadRequest,
                  fmt::format("expected items from node {} to node {}, found one from {} to {}",
                              hello_.node.value(), owner_.welcome.node.value(),
                              item.from.node.value(), item.to.node.value()));
    }
    RAFTMQ_TRY_ASSIGN(PeerMessage to_group, FromItem(item, bytes.Slice(at, item.attachment_bytes)));
    at += item.attachment_bytes;
    owner_.on_message(std::move(to_group));
  }
  return Ok();
}

}  // namespace raftmq::broker

#include "broker/peer_door.h"

#include <array>
#include <utility>

#include "protocol/wire/codec.h"

namespace raftmq::broker {

class PeerDoor::Visitor final : public ConnectionHandler {
 public:
  Visitor(PeerDoor& door, std::unique_ptr<Connection> connection)
      : door_(door), connection_(std::move(connection)) {
    connection_->Start(*this);
    Error refusal{ErrorCode::kUnsupported,
                  "this is the peer port of a cluster of one node: clients use the client port"};
    connection_->Write(wire::EncodeHead({0, wire::ErrorReply{refusal, {}, {}}}, 0));
    connection_->Close(std::move(refusal));
  }
  MutableByteSpan PrepareRead() override { return ignored_; }
  void OnRead(std::size_t) override {}
  void OnClosed(const Error&) override { door_.visitors_.erase(this); }

 private:
  PeerDoor& door_;
  std::unique_ptr<Connection> connection_;
  std::array<std::byte, 512> ignored_;
};

PeerDoor::PeerDoor(EventLoop& loop, Log& log) : loop_(loop), log_(log) {}
PeerDoor::~PeerDoor() = default;

Result<std::unique_ptr<PeerDoor>> PeerDoor::Listen(EventLoop& loop, const Address& at, Log& log) {
  std::unique_ptr<PeerDoor> door(new PeerDoor(loop, log));
  RAFTMQ_TRY_ASSIGN(door->listener_,
                    Listener::Listen(loop, at, [raw = door.get()](int socket, std::string peer) {
                      raw->OnAccept(socket, peer);
                    }));
  return door;
}

void PeerDoor::OnAccept(int socket, const std::string& peer) {
  auto connection = Connection::Adopt(loop_, socket);
  if (!connection || visitors_.size() >= kVisitorsMax) return;
  log_.WarnLimited("peers", "refused",
                   peer + " is refused on the peer port: this node has no peers");
  auto visitor = std::make_unique<Visitor>(*this, std::move(*connection));
  Visitor* key = visitor.get();
  visitors_.emplace(key, std::move(visitor));
}

}  // namespace raftmq::broker

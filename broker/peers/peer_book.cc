#include "broker/peers/peer_book.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace raftmq::broker {

PeerBook::PeerBook(wire::PeerHello self, std::vector<PeerNode> nodes)
    : self_(std::move(self)), nodes_(std::move(nodes)) {}

std::vector<PeerNode> PeerBook::Others() const {
  std::vector<PeerNode> others = nodes_;
  std::erase_if(others, [this](const PeerNode& peer) { return peer.node == self_.node; });
  return others;
}

void PeerBook::SetIncarnation(NodeId node, std::uint64_t incarnation) {
  const std::lock_guard lock(mutex_);
  incarnations_[node] = incarnation;
}

void PeerBook::Open() {
  const std::lock_guard lock(mutex_);
  is_open_ = true;
}

Status PeerBook::Check(const wire::PeerHello& hello) const {
  if (hello.version_min > wire::kPeerVersion || hello.version_max < wire::kPeerVersion) {
    return Fail(
        ErrorCode::kUnsupported,
        fmt::format("node {} speaks peer version {}, found versions {} to {}", self_.node.value(),
                    wire::kPeerVersion, hello.version_min, hello.version_max));
  }
  if (hello.cluster_id != self_.cluster_id) {
    return Fail(ErrorCode::kForeignDirectory,
                fmt::format("expected a node of cluster '{}', found one of '{}'", self_.cluster_id,
                            hello.cluster_id.substr(0, 200)));
  }
  if (hello.to != self_.node) {
    return Fail(ErrorCode::kForeignDirectory,
                fmt::format("this is node {}, found a call for node {}: check node.peers",
                            self_.node.value(), hello.to.value()));
  }
  const bool is_known = hello.node != self_.node &&
                        std::ranges::find(nodes_, hello.node, &PeerNode::node) != nodes_.end();
  if (!is_known) {
    return Fail(
        ErrorCode::kForeignDirectory,
        fmt::format("node {} is none of this node's peers: check node.peers", hello.node.value()));
  }
  const std::lock_guard lock(mutex_);
  if (!is_open_) {
    return Fail(ErrorCode::kNotYet, fmt::format("node {} is starting and does not know its peers "
                                                "yet: call again",
                                                self_.node.value()));
  }
  const auto known = incarnations_.find(hello.node);
  if (known == incarnations_.end() || known->second == hello.incarnation) return Ok();
  return Fail(ErrorCode::kForeignDirectory,
              fmt::format("node {} has another data directory (incarnation {}) than the one it "
                          "joined with ({}): it must not vote as its old self",
                          hello.node.value(), hello.incarnation, known->second));
}

}  // namespace raftmq::broker

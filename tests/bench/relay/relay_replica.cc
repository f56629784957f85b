#include "tests/bench/relay/relay_replica.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "protocol/types/hash.h"

namespace raftmq::bench {
namespace {

constexpr std::size_t kReadBytesPerTurn = 2u << 20;

}  // namespace

RelayReplica::RelayReplica(const Options& options)
    : blocks_(options.payload_bytes),
      source_(options.source),
      synced_event_(eventfd(0, EFD_CLOEXEC)),
      disk_(options.path, synced_event_) {
  for (const int socket : options.followers) followers_.push_back({.socket = socket});
}

void RelayReplica::Run() {
  std::vector<pollfd> watched{{source_, POLLIN, 0}, {synced_event_, POLLIN, 0}};
  for (const Follower& follower : followers_) watched.push_back({follower.socket, POLLIN, 0});
  RelayAck ready = 0;
  for (const Follower& follower : followers_)
    RAFTMQ_CHECK(recv(follower.socket, &ready, sizeof ready, MSG_WAITALL) == sizeof ready);
  RAFTMQ_CHECK(send(source_, &ready, sizeof ready, 0) == sizeof ready);
  while (true) {
    for (std::size_t i = 0; i < followers_.size(); ++i) {
      Send(followers_[i]);
      watched[2 + i].events =
          static_cast<short>(followers_[i].queue.empty() ? POLLIN : POLLIN | POLLOUT);
    }
    RAFTMQ_CHECK(poll(watched.data(), watched.size(), -1) > 0);
    if (watched[1].revents != 0) {
      std::uint64_t ignored = 0;
      RAFTMQ_CHECK(read(synced_event_, &ignored, sizeof ignored) == sizeof ignored);
    }
    for (std::size_t i = 0; i < followers_.size(); ++i) {
      if ((watched[2 + i].revents & POLLIN) != 0) TakeAck(followers_[i]);
    }
    AckSafe();
    if (watched[0].revents != 0 && !Receive()) return;
  }
}

bool RelayReplica::Receive() {
  for (std::size_t budget = kReadBytesPerTurn; budget > 0;) {
    if (!incoming_) incoming_ = blocks_.Take();
    const bool in_head = received_ < sizeof(RelayHead);
    const std::size_t end = in_head ? sizeof(RelayHead) : incoming_->frame_bytes();
    const ssize_t got =
        recv(source_, incoming_->frame() + received_, end - received_, MSG_DONTWAIT);
    if (got <= 0) return got < 0;
    received_ += static_cast<std::size_t>(got);
    budget -= std::min(budget, static_cast<std::size_t>(got));
    if (!in_head && received_ == end) PassOn();
  }
  return true;
}

void RelayReplica::PassOn() {
  const auto block = std::exchange(incoming_, nullptr);
  received_ = 0;
  RAFTMQ_CHECK(Hash64({block->payload(), block->payload_bytes()}) == block->head().hash);
  for (Follower& follower : followers_) follower.queue.push_back(block);
  disk_.Put(block);
}

void RelayReplica::Send(Follower& follower) {
  while (!follower.queue.empty()) {
    const RelayBlock& first = *follower.queue.front();
    const ssize_t sent =
        send(follower.socket, first.frame() + follower.sent_of_first,
             first.frame_bytes() - follower.sent_of_first, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent <= 0) return;
    follower.sent_of_first += static_cast<std::size_t>(sent);
    if (follower.sent_of_first < first.frame_bytes()) continue;
    follower.sent_of_first = 0;
    follower.queue.pop_front();
  }
}

void RelayReplica::TakeAck(Follower& follower) {
  RelayAck ack = 0;
  while (recv(follower.socket, &ack, sizeof ack, MSG_DONTWAIT) == sizeof ack) follower.synced = ack;
}

void RelayReplica::AckSafe() {
  std::vector<RelayAck> synced{disk_.synced()};
  for (const Follower& follower : followers_) synced.push_back(follower.synced);
  std::sort(synced.begin(), synced.end());
  const RelayAck safe = synced[(synced.size() - 1) / 2];
  if (safe == acked_) return;
  acked_ = safe;
  RAFTMQ_CHECK(send(source_, &safe, sizeof safe, MSG_NOSIGNAL) == sizeof safe);
}

}  // namespace raftmq::bench

// The one way from one thread to another: a queue and a wake-up.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "protocol/net/event_loop.h"

namespace raftmq {

// Many threads put, the loop's thread receives all that is there, in order, in one call per
// wake-up (wake-ups are coalesced). Thread-safe. Must be destroyed on the loop's thread, when
// nobody puts any more; the receiver itself may do so. It does not bound itself, since a letter
// cannot be refused half-way: whoever puts bounds what it has under way.
template <class T>
class Mailbox {
 public:
  using Receiver = std::function<void(std::vector<T>& letters)>;
  Mailbox(EventLoop& loop, Receiver receiver) : state_(std::make_shared<State>()), loop_(loop) {
    state_->receiver = std::make_shared<const Receiver>(std::move(receiver));
  }
  ~Mailbox() { state_->receiver = nullptr; }

  void Put(T letter) {
    {
      std::lock_guard lock(state_->mutex);
      state_->letters.push_back(std::move(letter));
      if (state_->letters.size() > 1) return;  // A wake-up is already under way.
    }
    loop_.Post([state = state_] { Deliver(*state); });
  }

 private:
  struct State {
    std::mutex mutex;
    std::vector<T> letters;
    // Touched by the loop's thread only. Shared: a receiver may destroy its own mailbox.
    std::shared_ptr<const Receiver> receiver;
  };
  static void Deliver(State& state) {
    std::vector<T> letters;
    {
      std::lock_guard lock(state.mutex);
      letters.swap(state.letters);
    }
    if (const auto receiver = state.receiver) (*receiver)(letters);
  }
  std::shared_ptr<State> state_;
  EventLoop& loop_;
};

}  // namespace raftmq

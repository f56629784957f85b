// The one way from one thread to another: a bounded queue and a wake-up.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "protocol/net/event_loop.h"

namespace raftmq {

// Many threads put, the loop's thread receives all that is there, in order, in one call per
// wake-up (wake-ups are coalesced). Thread-safe. Must be destroyed on the loop's thread.
template <class T>
class Mailbox {
 public:
  using Receiver = std::function<void(std::vector<T>& letters)>;
  Mailbox(EventLoop& loop, Receiver receiver) : state_(std::make_shared<State>()), loop_(loop) {
    state_->receiver = std::move(receiver);
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
    Receiver receiver;  // Touched by the loop's thread only.
  };
  static void Deliver(State& state) {
    std::vector<T> letters;
    {
      std::lock_guard lock(state.mutex);
      letters.swap(state.letters);
    }
    if (state.receiver) state.receiver(letters);
  }
  std::shared_ptr<State> state_;
  EventLoop& loop_;
};

}  // namespace raftmq

// A value that comes later: wait for it, or be called back.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "raftmq/result.h"

namespace raftmq {

// Thread-safe; copies share the outcome. Abandoning it is fine: the operation goes on. A callback
// given to Then runs exactly once, on the client's thread (or at once, if the outcome is there): do
// not block in it.
template <class T>
class Future {
 public:
  // Waits; kTimeout if there is no outcome in time (the operation goes on; Get may be called
  // again).
  Result<T> Get(std::chrono::milliseconds timeout) const {
    std::unique_lock lock(state_->mutex);
    if (!state_->ready.wait_for(lock, timeout, [this] { return state_->outcome.has_value(); })) {
      return Fail(ErrorCode::kTimeout, "no outcome in time; the operation goes on");
    }
    return *state_->outcome;
  }
  bool IsReady() const {
    std::lock_guard lock(state_->mutex);
    return state_->outcome.has_value();
  }
  void Then(std::function<void(const Result<T>&)> callback) const {
    {
      std::lock_guard lock(state_->mutex);
      if (!state_->outcome) {
        state_->callback = std::move(callback);
        return;
      }
    }
    callback(*state_->outcome);
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable ready;
    std::optional<Result<T>> outcome;
    std::function<void(const Result<T>&)> callback;
  };
  template <class U>
  friend class Promise;
  explicit Future(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

// The other end: Set exactly once. Thread-safe, copyable.
template <class T>
class Promise {
 public:
  Promise() : state_(std::make_shared<typename Future<T>::State>()) {}
  Future<T> future() const { return Future<T>(state_); }
  void Set(Result<T> outcome) const {
    std::function<void(const Result<T>&)> callback;
    {
      std::lock_guard lock(state_->mutex);
      state_->outcome = std::move(outcome);
      callback = std::move(state_->callback);
    }
    state_->ready.notify_all();
    if (callback) callback(*state_->outcome);
  }

 private:
  std::shared_ptr<typename Future<T>::State> state_;
};

}  // namespace raftmq

// Simulated time: what happens, in order of (time, order of scheduling).
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace raftmq::sim {

using Time = std::uint64_t;  // Microseconds since the run began.
inline constexpr Time kMillisecond = 1000;
inline constexpr Time kSecond = 1000 * kMillisecond;

// What can be gone, or stand still, when its time comes.
class Actor {
 public:
  virtual ~Actor() = default;
  // `life`: of the actor, when the action was scheduled.
  virtual void Run(std::uint64_t life, std::function<void()>& action) = 0;
};

class Timeline {
 public:
  using Action = std::function<void()>;

  Time now() const { return now_; }

  void After(Time delay, Action action) { Push(nullptr, 0, delay, std::move(action)); }
  // `actor` outlives the timeline.
  void After(Actor& actor, std::uint64_t life, Time delay, Action action) {
    Push(&actor, life, delay, std::move(action));
  }

  // False if nothing is left.
  bool RunNext() {
    if (heap_.empty()) return false;
    std::pop_heap(heap_.begin(), heap_.end(), IsLater);
    Item item = std::move(heap_.back());
    heap_.pop_back();
    now_ = item.when;
    if (item.actor == nullptr) {
      item.action();
    } else {
      item.actor->Run(item.life, item.action);
    }
    return true;
  }

 private:
  struct Item {
    Time when = 0;
    std::uint64_t number = 0;
    Actor* actor = nullptr;
    std::uint64_t life = 0;
    Action action;
  };
  static bool IsLater(const Item& a, const Item& b) {
    return a.when != b.when ? a.when > b.when : a.number > b.number;
  }
  void Push(Actor* actor, std::uint64_t life, Time delay, Action action) {
    heap_.push_back({now_ + delay, ++scheduled_, actor, life, std::move(action)});
    std::push_heap(heap_.begin(), heap_.end(), IsLater);
  }

  Time now_ = 0;
  std::uint64_t scheduled_ = 0;
  std::vector<Item> heap_;
};

}  // namespace raftmq::sim

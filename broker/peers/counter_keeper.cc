#include "broker/peers/counter_keeper.h"

#include <memory>

namespace raftmq::broker {

void CounterKeeper::Tick() {
  if (is_saving_ || !book_.HasPeers()) return;
  const Microseconds now = clock_.SteadyNow();
  if (book_.has_begun() && now - looked_ < kInterval) return;
  looked_ = now;
  const SaveCounter::Content next = book_.NextSave();
  if (next != counter_.content()) Save(next);
}

void CounterKeeper::Save(const SaveCounter::Content& next) {
  const std::uint64_t promises = book_.promises();
  auto outcome = std::make_shared<Status>();
  const auto work = [&counter = counter_, next, outcome] { *outcome = counter.Save(next); };
  const auto done = [ref = anchor_.Ref(), next, promises, outcome] {
    CounterKeeper* const keeper = ref.get();
    if (keeper == nullptr) return;
    keeper->is_saving_ = false;
    if (*outcome) keeper->book_.SetSaved(next, promises);
  };
  is_saving_ = work_.Submit(work, done).has_value();
}

}  // namespace raftmq::broker

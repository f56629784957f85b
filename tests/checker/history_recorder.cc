#include "tests/checker/history_recorder.h"

#include <utility>

namespace raftmq::checker {

ClientNumber HistoryRecorder::NewClient() {
  const std::lock_guard lock(mutex_);
  return ClientNumber(++clients_);
}

OpNumber HistoryRecorder::Begin(ClientNumber client, Action action) {
  const std::lock_guard lock(mutex_);
  return history_.Begin(client, clock_.SteadyNow(), std::move(action));
}

void HistoryRecorder::End(OpNumber number, Outcome outcome,
                          const std::function<void(Action&)>& complete) {
  const std::lock_guard lock(mutex_);
  Op& op = history_.At(number);
  op.ended = clock_.SteadyNow();
  op.outcome = outcome;
  if (complete) complete(op.action);
}

void HistoryRecorder::Note(ClientNumber client, Action action) {
  const std::lock_guard lock(mutex_);
  history_.Note(client, clock_.SteadyNow(), std::move(action));
}

History HistoryRecorder::Take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(history_, {});
}

}  // namespace raftmq::checker

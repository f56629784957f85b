#include "tests/sim/client_history.h"

#include <utility>
#include <variant>

#include "protocol/types/batch_cursor.h"
#include "protocol/types/check.h"
#include "tests/checker/checker.h"

namespace raftmq::sim {
namespace {

using checker::Outcome;

// Clients of their own, apart from producers and from each other.
constexpr std::uint32_t kReaders = 1'000;
constexpr std::uint32_t kLinearizableReaders = 2'000;
constexpr std::uint32_t kFinalReaders = 3'000;

// The records of the slice in [from, end).
std::vector<checker::ReadRecord> RecordsOf(const FetchSlice& slice, Offset from, Offset end) {
  std::vector<checker::ReadRecord> records;
  for (const SharedBytes& bytes : slice.batches) {
    const auto batch = OpenRecords(bytes.view());
    if (!batch) continue;  // The oracles say so.
    BatchCursor cursor(*batch);
    while (const auto record = cursor.Next()) {
      if (record->offset < from || record->offset >= end) continue;
      records.push_back({record->offset, checker::ReadValue(record->value.value_or(""))});
    }
  }
  return records;
}

// To the checker, what was forgotten and begins anew is another session.
SessionId SessionInLife(SessionId session, std::uint32_t life) {
  return SessionId(session.value() + (std::uint64_t{life} << 32));
}

checker::ClientNumber ClientOf(const checker::Poll& poll) {
  const std::uint32_t first = poll.is_from_leader ? kLinearizableReaders : kReaders;
  return checker::ClientNumber(first + poll.consumer.value());
}

}  // namespace

checker::OpNumber ClientHistory::Sends(std::uint32_t producer, std::uint32_t partition,
                                       const std::vector<checker::Value>& values,
                                       const BatchHeader& batch, std::uint32_t session_life) {
  checker::Send send{.session = SessionInLife(batch.producer.session, session_life),
                     .epoch = batch.producer.session_epoch,
                     .partition = PartitionNumber(partition),
                     .values = values};
  if (send.session != SessionId(0)) send.sequence = batch.producer.base_sequence;
  return history_.Begin(checker::ClientNumber(producer), Now(), send);
}

checker::Op* ClientHistory::Ended(checker::OpNumber op, Outcome outcome) {
  if (is_closed_) return nullptr;
  checker::Op& ended = history_.At(op);
  ended.ended = Now();
  ended.outcome = outcome;
  return &ended;
}

void ClientHistory::Sent(checker::OpNumber op, const Result<Offset>& base, bool is_promise) {
  if (!base) {
    Ended(op, base.error().definite() ? Outcome::kFail : Outcome::kInfo);
  } else if (checker::Op* const sent = Ended(op, is_promise ? Outcome::kOk : Outcome::kInfo)) {
    std::get<checker::Send>(sent->action).offset = *base;
  }
}

checker::OpNumber ClientHistory::Asks(const checker::Poll& poll) {
  return history_.Begin(ClientOf(poll), Now(), poll);
}

void ClientHistory::Fetched(checker::OpNumber op, const Result<FetchSlice>& slice,
                            Offset log_start) {
  checker::Op* const fetched = Ended(op, slice ? Outcome::kOk : Outcome::kFail);
  if (fetched == nullptr) return;
  checker::Poll& poll = std::get<checker::Poll>(fetched->action);
  poll.start = slice ? slice->log_start : log_start;
  if (!slice) return;
  poll.records = RecordsOf(*slice, *poll.from, slice->end);
  poll.end = slice->end;
}

void ClientHistory::ReadIndexed(checker::OpNumber op, Offset end) {
  if (checker::Op* const read = Ended(op, Outcome::kOk))
    std::get<checker::Poll>(read->action).end = end;
}

void ClientHistory::Seeks(const checker::Seek& seek) {
  history_.Note(checker::ClientNumber(kReaders + seek.consumer.value()), Now(), seek);
}

void ClientHistory::ReadInTheEnd(NodeId node, std::uint32_t partition, Offset from,
                                 const FetchSlice& slice, Offset end) {
  const std::uint32_t reader = kFinalReaders + node.value();
  history_.Note(checker::ClientNumber(reader), Now(),
                checker::Poll{.consumer = checker::ConsumerNumber(reader),
                              .is_final = true,
                              .node = node,
                              .partition = PartitionNumber(partition),
                              .from = from,
                              .records = RecordsOf(slice, from, end),
                              .start = slice.log_start});
}

checker::Report ClientHistory::Judge() const { return checker::CheckHistory(history_); }

}  // namespace raftmq::sim

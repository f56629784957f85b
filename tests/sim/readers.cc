#include "tests/sim/readers.h"

#include <fmt/format.h>

#include <utility>

#include "protocol/types/batch_cursor.h"
#include "tests/sim/network.h"
#include "tests/sim/node.h"

namespace raftmq::sim {

SimReader::SimReader(Cluster& cluster, std::uint32_t number)
    : cluster_(cluster), number_(number), positions_(cluster.partitions.size()) {}

void SimReader::ThinkThenRead() {
  cluster_.timeline.After(cluster_.choices.Around(cluster_.scenario.clients.think_mean),
                          [this] { Read(); });
}

void SimReader::Read() {
  cluster_.Event(questions_);
  const std::uint32_t partition = cluster_.PickPartition();
  const NodeId node = cluster_.PickNode();
  Waiting(++questions_);
  if (cluster_.choices.PerMille(cluster_.scenario.clients.read_index))
    return ReadIndex(node, partition);
  Fetch(node, partition);
}

void SimReader::Waiting(std::uint64_t question) {
  cluster_.timeline.After(cluster_.scenario.clients.timeout, [this, question] {
    if (question == questions_) Read();
  });
}

checker::Poll SimReader::NewPoll(NodeId node, std::uint32_t partition) const {
  return {.consumer = number_, .node = node, .partition = PartitionNumber(partition)};
}

void SimReader::Fetch(NodeId id, std::uint32_t partition) {
  Position& position = positions_[partition];
  if (cluster_.choices.Below(32) == 0) MoveTo(partition, Offset(0));  // Once more from the start.
  const Process::FetchFrom from{.offset = position.next,
                                .end_seen = position.end_seen,
                                .bytes_max = 1 + cluster_.choices.Below(20'000)};
  checker::Poll poll = NewPoll(id, partition);
  poll.from = from.offset;
  const checker::OpNumber op = cluster_.history.Asks(poll);
  cluster_.network->ForClient([this, id, partition, from, op, question = questions_] {
    Node& node = cluster_.node(id);
    node.Do([this, &node, partition, from, op, question] {
      node.process()->Fetch(
          partition, from,
          [this, &node, partition, from, op, question](const Result<FetchSlice>& slice) {
            if (question != questions_) return;
            const Group* const group = node.process()->Find(partition);
            const Offset log_start = group == nullptr ? Offset(0) : group->status().log_start;
            cluster_.history.Fetched(op, slice, log_start);
            OnSlice(partition, from.offset, log_start, slice);
            ++questions_;
            ThinkThenRead();
          });
    });
  });
}

void SimReader::MoveTo(std::uint32_t partition, Offset to) {
  positions_[partition].next = to;
  cluster_.history.Seeks({number_, PartitionNumber(partition), to});
}

void SimReader::OnSlice(std::uint32_t partition, Offset from, Offset log_start,
                        const Result<FetchSlice>& slice) {
  PartitionTruth& truth = *cluster_.partitions[partition];
  if (!slice) return OnError(partition, slice.error(), log_start);
  Position& position = positions_[partition];
  Offset next = from;
  for (const SharedBytes& batch : slice->batches) CheckValues(truth, batch, &next);
  // I-27, I-29.
  if (slice->next_offset != next)
    truth.Broken("I-27", {},
                 fmt::format("served up to {}, says {}", next.value(), slice->next_offset.value()));
  if (slice->end < position.end_seen)
    truth.Broken("I-29", {},
                 fmt::format("the end goes back from {} to {}", position.end_seen.value(),
                             slice->end.value()));
  if (slice->batches.empty() && from < slice->end)
    truth.Broken("I-27", {},
                 fmt::format("nothing at {} below the end {}", from.value(), slice->end.value()));
  position.next = next;
  position.end_seen = slice->end;
}

// Every value is where the ghost log says, and no offset is left out.
void SimReader::CheckValues(PartitionTruth& truth, const SharedBytes& bytes, Offset* next) {
  const auto batch = OpenRecords(bytes.view());
  if (!batch) return truth.Broken("I-17", {}, "a damaged batch was served");
  truth.Served(batch->header());
  BatchCursor cursor(*batch);
  while (const auto record = cursor.Next()) {
    if (record->offset < *next) continue;  // The batch begins before what was asked for.
    if (record->offset != *next)
      truth.Broken(
          "I-27", {},
          fmt::format("expected offset {}, found {}", next->value(), record->offset.value()));
    *next = record->offset.Next();
  }
}

void SimReader::OnError(std::uint32_t partition, const Error& error, Offset log_start) {
  if (error.code == ErrorCode::kNotYet) cluster_.coverage.Reach(Mark::kNotYet);
  Position& position = positions_[partition];
  const bool is_below = error.code == ErrorCode::kOffsetBelowStart;
  if (is_below) cluster_.coverage.Reach(Mark::kBelowStart);
  // A good copy is left of all that is damaged, and nobody asks beyond what he has seen.
  const bool is_wrong =
      (is_below && position.next >= log_start) || error.code == ErrorCode::kOffsetBeyondEnd ||
      (error.code == ErrorCode::kDataCorrupt && cluster_.scenario.faults.keeps_copies);
  if (is_below) MoveTo(partition, log_start);
  if (is_wrong) cluster_.partitions[partition]->Broken("I-29", {}, error.ToString());
}

// I-30: whatever was committed before the question was asked lies below the answer.
void SimReader::ReadIndex(NodeId id, std::uint32_t partition) {
  PartitionTruth& truth = *cluster_.partitions[partition];
  const Offset least = truth.end();
  const std::uint64_t elections = truth.elections();
  checker::Poll poll = NewPoll(id, partition);
  poll.is_from_leader = true;
  const checker::OpNumber op = cluster_.history.Asks(poll);
  cluster_.network->ForClient([this, id, partition, least, elections, op, question = questions_] {
    Node& node = cluster_.node(id);
    node.Do([this, &node, partition, least, elections, op, question] {
      Group* const group = node.process()->Use(partition);
      if (group == nullptr) return;
      const bool leads = group->status().is_leader;
      group->ReadIndex([this, partition, least, elections, op, question,
                        leads](Result<Offset> end) {
        if (end) cluster_.history.ReadIndexed(op, *end);
        PartitionTruth& asked = *cluster_.partitions[partition];
        if (end && *end < least)
          asked.Broken(
              "I-30", {},
              fmt::format("a read sees {}, {} was committed before", end->value(), least.value()));
        if (end) cluster_.coverage.Reach(Mark::kReadIndex);
        if (end && !leads) cluster_.coverage.Reach(Mark::kReadIndexByFollower);
        if (end && asked.elections() > elections)
          cluster_.coverage.Reach(Mark::kReadIndexAcrossElection);
        if (question != questions_) return;
        ++questions_;
        ThinkThenRead();
      });
    });
  });
}

}  // namespace raftmq::sim

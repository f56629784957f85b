// What the simulated clients do and are told, for the history checker (tests/checker).
#pragma once

#include <cstdint>
#include <vector>

#include "protocol/types/batch_header.h"
#include "protocol/types/bytes.h"
#include "protocol/types/ids.h"
#include "raftlog/group.h"
#include "tests/checker/history.h"
#include "tests/checker/report.h"
#include "tests/sim/timeline.h"

namespace raftmq::sim {

// One run's history. What is still under way when it is closed stays of unknown outcome: it may be
// committed while the final reads go on.
class ClientHistory {
 public:
  explicit ClientHistory(const Timeline& timeline) : timeline_(timeline) {}

  // An attempt to store a batch of these values. `session_life`: how often its session had begun
  // anew, with other sequences.
  checker::OpNumber Sends(std::uint32_t producer, std::uint32_t partition,
                          const std::vector<checker::Value>& values, const BatchHeader& batch,
                          std::uint32_t session_life = 0);
  // Its outcome, as the client hears it. `is_promise`: what is acked must survive.
  void Sent(checker::OpNumber op, const Result<Offset>& base, bool is_promise);

  // A question to one node. Linearizable ones are of another client: what it hears is no business
  // of the reader's fetches.
  checker::OpNumber Asks(const checker::Poll& poll);
  // What a fetch from `poll.from` brought; `log_start`: as the node knows it, if it was refused.
  void Fetched(checker::OpNumber op, const Result<FetchSlice>& slice, Offset log_start);
  void ReadIndexed(checker::OpNumber op, Offset end);
  void Seeks(const checker::Seek& seek);

  // From now on only final polls count.
  void Close() { is_closed_ = true; }
  // A part of a node's log from `from` on, read to where it ended when the history was closed.
  void ReadInTheEnd(NodeId node, std::uint32_t partition, Offset from, const FetchSlice& slice,
                    Offset end);

  checker::Report Judge() const;

 private:
  Microseconds Now() const { return Microseconds(static_cast<std::int64_t>(timeline_.now())); }
  checker::Op* Ended(checker::OpNumber op, checker::Outcome outcome);

  const Timeline& timeline_;
  bool is_closed_ = false;
  checker::History history_;
};

}  // namespace raftmq::sim

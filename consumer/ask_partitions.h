// One question to a replica of each of a topic's partitions, all at once.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/client/client_core.h"

namespace raftmq::internal {

struct PartitionsQuestion {
  std::string topic;
  std::vector<std::uint32_t> partitions;
  NodeId replica;                  // Who is asked; 0 = each partition's leader.
  ClientLoop::MakeBody make_body;  // Of a request that does no harm twice.
};

// Blocks until every partition has answered, at most request_timeout. In the order of the
// partitions. Errors: the first one that came, with the partition's name; kInvalidArgument on the
// client's thread.
Result<std::vector<Reply>> AskPartitions(ClientCore& core, const PartitionsQuestion& question);

// The same for answers of one kind; kUnsupported if another came.
template <class Answer>
Result<std::vector<Answer>> AskPartitionsFor(ClientCore& core, const PartitionsQuestion& question) {
  RAFTMQ_TRY_ASSIGN(const std::vector<Reply> replies, AskPartitions(core, question));
  std::vector<Answer> answers;
  for (const Reply& reply : replies) {
    const auto* answer = std::get_if<Answer>(&reply.body);
    if (answer == nullptr)
      return Fail(ErrorCode::kUnsupported, "the broker's answer is not one to the question");
    answers.push_back(*answer);
  }
  return answers;
}

}  // namespace raftmq::internal

#include "consumer/ask_partitions.h"

#include <fmt/format.h>

#include <memory>

namespace raftmq::internal {
namespace {

// Waits this much longer than the calls themselves may take, so that their own error arrives.
constexpr Milliseconds kGrace{1000};

// On the client's thread.
struct Gathering {
  std::vector<Reply> replies;
  std::size_t left = 0;
  bool has_failed = false;
  Promise<std::vector<Reply>> promise;

  void Take(std::size_t at, const std::string& name, Result<Reply> outcome) {
    if (has_failed) return;
    if (!outcome) {
      has_failed = true;
      std::string message = outcome.error().message;
      if (!message.starts_with(name)) message = name + ": " + message;
      return promise.Set(Fail(outcome.error().code, std::move(message)));
    }
    replies[at] = std::move(*outcome);
    if (--left == 0) promise.Set(std::move(replies));
  }
};

}  // namespace

Result<std::vector<Reply>> AskPartitions(ClientCore& core, const PartitionsQuestion& question) {
  RAFTMQ_TRY(core.CheckMayBlock());
  if (question.partitions.empty()) return std::vector<Reply>();
  auto gathering = std::make_shared<Gathering>();
  gathering->replies.resize(question.partitions.size());
  gathering->left = question.partitions.size();
  const Milliseconds timeout = core.config().request_timeout;
  core.Post([loop = &core.loop(), gathering, question, timeout] {
    for (std::size_t i = 0; i < question.partitions.size(); ++i) {
      const std::uint32_t partition = question.partitions[i];
      loop->CallReplica(
          {question.topic, partition, question.replica}, question.make_body,
          {.timeout = timeout, .retry_unknown = true},
          [gathering, i, name = fmt::format("{}/{}", question.topic, partition)](
              Result<Reply> outcome) { gathering->Take(i, name, std::move(outcome)); });
    }
  });
  return gathering->promise.future().Get(timeout + kGrace);
}

}  // namespace raftmq::internal

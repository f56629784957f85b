// One question to every node of the cluster, or to some of them.
#include <memory>
#include <utility>

#include "protocol/client/client_loop.h"

namespace raftmq::internal {
namespace {

// Loop-affine.
struct Gathering {
  std::vector<Reply> answers;
  std::size_t left = 0;
  std::function<void(Result<std::vector<Reply>>)> done;

  void Take(Result<Reply> answer) {
    if (answer) answers.push_back(std::move(*answer));
    if (--left == 0) done(std::move(answers));
  }
};

// Loop-affine.
struct InOrder {
  std::vector<Result<Reply>> answers;
  std::size_t left = 0;
  std::function<void(std::vector<Result<Reply>>)> done;

  void Take(std::size_t at, Result<Reply> answer) {
    answers[at] = std::move(answer);
    if (--left == 0) done(std::move(answers));
  }
};

}  // namespace

void ClientLoop::CallNodes(const std::vector<Address>& nodes, const wire::Body& body,
                           Milliseconds patience,
                           std::function<void(std::vector<Result<Reply>>)> done) {
  if (nodes.empty()) return done({});
  auto gathering = std::make_shared<InOrder>();
  gathering->answers.resize(nodes.size(), Result<Reply>(Reply()));
  gathering->left = nodes.size();
  gathering->done = std::move(done);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const Result<BrokerConnection*> connection = pool_.Get(nodes[i], 0);
    const auto take = [gathering, i](Result<Reply> answer) {
      gathering->Take(i, std::move(answer));
    };
    if (!connection) {
      take(Fail(connection.error()));
    } else {
      (*connection)->Request(body, {}, patience, take);
    }
  }
}

void ClientLoop::CallEveryNode(const wire::MetadataRequest& request, Milliseconds patience,
                               std::function<void(Result<std::vector<Reply>>)> done) {
  const auto on_first = [this, request, patience,
                         done = std::move(done)](Result<Reply> first) mutable {
    const Result<NodeId> answered = Merge(first);
    if (!answered) return done(Fail(answered.error()));
    std::vector<Address> others;
    for (const wire::NodeInfo& node : std::get<wire::MetadataReply>(first->body).nodes) {
      if (node.node != *answered) others.push_back({node.host, node.port});
    }
    auto gathering = std::make_shared<Gathering>();
    gathering->left = others.size() + 1;
    gathering->done = std::move(done);
    gathering->Take(std::move(first));
    for (const Address& address : others) {
      const Result<BrokerConnection*> connection = pool_.Get(address, 0);
      const auto take = [gathering](Result<Reply> answer) { gathering->Take(std::move(answer)); };
      if (!connection) {
        take(Fail(connection.error()));
      } else {
        (*connection)->Request(request, {}, patience, take);
      }
    }
  };
  CallAny(request, {.timeout = config_.request_timeout, .retry_unknown = true}, on_first);
}

}  // namespace raftmq::internal

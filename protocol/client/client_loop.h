// The loop-affine half of a client: connections, metadata, routing, calls.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/client/connection_pool.h"
#include "protocol/client/metadata_cache.h"
#include "protocol/client/retrying_call.h"
#include "protocol/net/event_loop.h"
#include "raftmq/client.h"

namespace raftmq::internal {

// Whom a request is for: a node's replica of a partition, or its leader, wherever that goes.
struct ReplicaOf {
  std::string topic;
  std::uint32_t partition = 0;
  NodeId node = {};  // 0 = the leader.
};

// Everything but events().Post belongs to the loop's thread.
class ClientLoop {
 public:
  ClientLoop(ClientConfig config, std::vector<Address> brokers);

  EventLoop& events() { return events_; }
  const ClientConfig& config() const { return config_; }
  Backoff MakeBackoff();
  void Log(int level, std::string_view component, const std::string& text) const;

  // Asks every configured broker at once; the first answer wins. kUnreachable when all have failed.
  void Bootstrap(std::function<void(Status)> done);

  // From the cache. Also asks for fresh metadata in the background if the cache is old.
  Result<Route> RouteTo(const std::string& topic, std::uint32_t partition, NodeId replica = {});
  // Asks for the topic, again and again within `timeout`. kTopicNotFound if it is not there.
  void LookUpTopic(const std::string& topic, Milliseconds timeout,
                   std::function<void(Result<TopicSummary>)> done);
  // The connection to a route's shard; holds until the end of the turn.
  Result<BrokerConnection*> ConnectionTo(const Route& route) {
    return pool_.Get(route.address, route.shard);
  }
  // Asks for the topic's metadata; questions for the same topic under way share one request, but
  // for one that has gone unanswered for a while: then another broker is asked as well.
  void Refresh(const std::string& topic, std::function<void(Status)> done = {});

  // A request that any broker can answer.
  void CallAny(wire::Body body, RetryingCall::Options options, ReplyDone done);
  // Any broker, within request_timeout, then the other nodes that it names, within `patience`: what
  // those have answered that did. Errors: that of the first question.
  void CallEveryNode(const wire::MetadataRequest& request, Milliseconds patience,
                     std::function<void(Result<std::vector<Reply>>)> done);
  // The first shard of each of these nodes, at once, within `patience`; the answers come in the
  // order of the nodes.
  void CallNodes(const std::vector<Address>& nodes, const wire::Body& body, Milliseconds patience,
                 std::function<void(std::vector<Result<Reply>>)> done);
  // A request for a replica; the leader is followed.
  using MakeBody = std::function<wire::Body(GroupId)>;
  void CallReplica(ReplicaOf replica, MakeBody make_body, RetryingCall::Options options,
                   ReplyDone done);

  // Ends every call with kCancelled and closes every connection; nothing works afterwards.
  void TearDown();

 private:
  void Call(RetryingCall::Options options, RetryingCall::Attempt attempt, ReplyDone done);
  void AskAny(const wire::Body& body, Milliseconds timeout, ReplyDone done);
  void AskReplica(const ReplicaOf& replica, const MakeBody& make_body, Milliseconds timeout,
                  const ReplyDone& done);
  void OnMetadata(const std::string& topic, Result<Reply> outcome);
  void AskOthers(const std::string& topic, const std::vector<Address>& nodes);
  void FinishRefresh(const std::string& topic, const Status& status);
  Result<NodeId> Merge(const Result<Reply>& reply);

  ClientConfig config_;
  std::vector<Address> brokers_;  // As configured.
  SplitMix random_;
  EventLoop events_;
  bool torn_down_ = false;
  ConnectionPool pool_;
  MetadataCache cache_;
  std::size_t next_address_ = 0;  // Where AskAny looks next when nothing is connected.
  std::uint64_t next_call_ = 0;
  std::map<std::uint64_t, std::shared_ptr<RetryingCall>> calls_;
  struct Refreshing {
    std::vector<std::function<void(Status)>> waiting;
    Microseconds asked_at{0};
  };
  std::map<std::string, Refreshing> refreshing_;
};

// True if fresh metadata may show where to go instead.
bool IsRoutingError(ErrorCode code);

}  // namespace raftmq::internal

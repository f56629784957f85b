#include "protocol/client/client_loop.h"

#include <fmt/format.h>

#include <random>
#include <utility>

#include "protocol/client/log_level.h"

namespace raftmq::internal {
namespace {

std::uint64_t SeedOf(const ClientConfig& config) {
  if (config.seed != 0) return config.seed;
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

constexpr Milliseconds kAskAgainAfter{400};

ConnectionPool::Options PoolOptions(const ClientConfig& config, std::uint64_t seed) {
  return {.client_name = config.client_name,
          .connect_timeout = config.connect_timeout,
          .request_timeout = config.request_timeout,
          .backoff_min = config.backoff_min,
          .backoff_max = config.backoff_max,
          .seed = seed};
}

// Of a question that any broker can answer.
constexpr Milliseconds kAttemptMax{1'000};

// Asked for when only the nodes are wanted: "all topics" may be a long answer.
wire::MetadataRequest NodesOnly() { return {.topics = {"__cluster"}}; }

}  // namespace

bool IsRoutingError(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNotLeader:
    case ErrorCode::kNotYet:  // Of a replica that does not lead any more.
    case ErrorCode::kPartitionNotFound:
    case ErrorCode::kTopicNotFound:
    case ErrorCode::kUnreachable:
    case ErrorCode::kDisconnected:
    case ErrorCode::kDraining:
    case ErrorCode::kTimeout:
      return true;
    default:
      return false;
  }
}

ClientLoop::ClientLoop(ClientConfig config, std::vector<Address> brokers)
    : config_(std::move(config)),
      brokers_(std::move(brokers)),
      random_(SeedOf(config_)),
      pool_(events_, PoolOptions(config_, random_.Next()),
            [this](int level, const std::string& text) { Log(level, "connection", text); }) {}

Backoff ClientLoop::MakeBackoff() {
  return Backoff(config_.backoff_min, config_.backoff_max, random_.Next());
}

void ClientLoop::Log(int level, std::string_view component, const std::string& text) const {
  if (config_.log) config_.log(level, component, text);
}

void ClientLoop::Bootstrap(std::function<void(Status)> done) {
  struct Race {
    std::function<void(Status)> done;
    std::size_t running;
    std::string errors;
  };
  auto race = std::make_shared<Race>(Race{std::move(done), brokers_.size(), ""});
  const auto on_outcome = [this, race](const Result<Reply>& outcome) {
    if (!race->done) return;
    // A broker that answers with an error has answered: it can be asked for other things.
    if (Merge(outcome) || !IsRoutingError(outcome.error().code)) {
      std::exchange(race->done, nullptr)(Ok());
      return;
    }
    race->errors += (race->errors.empty() ? "" : "; ") + outcome.error().message;
    if (--race->running > 0) return;
    std::exchange(race->done,
                  nullptr)(Fail(ErrorCode::kUnreachable, "no broker answers: " + race->errors));
  };
  for (const Address& address : brokers_) {
    Result<BrokerConnection*> connection = pool_.Get(address, 0);
    if (!connection) {
      on_outcome(Fail(connection.error()));
    } else {
      (*connection)->Request(NodesOnly(), {}, config_.connect_timeout, on_outcome);
    }
  }
}

Result<Route> ClientLoop::RouteTo(const std::string& topic, std::uint32_t partition,
                                  NodeId replica) {
  if (cache_.IsOlderThan(topic, events_.Now(), config_.metadata_max_age)) Refresh(topic);
  return cache_.RouteTo(topic, partition, replica);
}

void ClientLoop::LookUpTopic(const std::string& topic, Milliseconds timeout,
                             std::function<void(Result<TopicSummary>)> done) {
  CallAny(wire::MetadataRequest{.topics = {topic}}, {.timeout = timeout, .retry_unknown = true},
          [this, topic, done = std::move(done)](const Result<Reply>& outcome) {
            const Result<NodeId> answered = Merge(outcome);
            done(answered ? cache_.FindTopic(topic) : Result<TopicSummary>(Fail(answered.error())));
          });
}

void ClientLoop::Refresh(const std::string& topic, std::function<void(Status)> done) {
  if (torn_down_) return;
  auto [found, is_first] = refreshing_.try_emplace(topic);
  Refreshing& refreshing = found->second;
  if (done) refreshing.waiting.push_back(std::move(done));
  if (!is_first && events_.Now() - refreshing.asked_at < kAskAgainAfter) return;
  refreshing.asked_at = events_.Now();
  AskAny(wire::MetadataRequest{.topics = {topic}}, config_.request_timeout,
         [this, topic](Result<Reply> outcome) {
           // From the loop, so that no outcome is given from within the asking call.
           events_.Post([this, topic, outcome = std::move(outcome)]() mutable {
             if (!torn_down_) OnMetadata(topic, std::move(outcome));
           });
         });
}

void ClientLoop::OnMetadata(const std::string& topic, Result<Reply> outcome) {
  const Result<NodeId> answered = Merge(outcome);
  if (!answered) return FinishRefresh(topic, Fail(answered.error()));
  const std::vector<Address> others = cache_.OthersToAsk(topic, *answered);
  const bool complete = cache_.KnowsShards(topic);
  if (complete) {
    const auto found = cache_.FindTopic(topic);
    FinishRefresh(topic, found ? Ok() : Status(Fail(found.error())));
  }
  AskOthers(topic, others);
}

void ClientLoop::AskOthers(const std::string& topic, const std::vector<Address>& nodes) {
  auto left = std::make_shared<std::size_t>(nodes.size());
  for (const Address& address : nodes) {
    const auto on_outcome = [this, topic, left](const Result<Reply>& outcome) {
      (void)Merge(outcome);  // One that does not answer is asked again by the next refresh.
      if (--*left == 0 && !torn_down_) FinishRefresh(topic, Ok());
    };
    Result<BrokerConnection*> connection = pool_.Get(address, 0);
    if (!connection) {
      on_outcome(Fail(connection.error()));
    } else {
      (*connection)
          ->Request(wire::MetadataRequest{.topics = {topic}}, {}, config_.request_timeout,
                    on_outcome);
    }
  }
}

void ClientLoop::FinishRefresh(const std::string& topic, const Status& status) {
  const auto found = refreshing_.find(topic);
  if (found == refreshing_.end()) return;
  const auto waiting = std::move(found->second.waiting);
  refreshing_.erase(found);
  for (const auto& done : waiting) done(status);
}

Result<NodeId> ClientLoop::Merge(const Result<Reply>& reply) {
  if (!reply) return Fail(reply.error());
  const auto* metadata = std::get_if<wire::MetadataReply>(&reply->body);
  if (metadata == nullptr) {
    return Fail(ErrorCode::kUnsupported, "the broker answered metadata with something else");
  }
  cache_.Merge(*metadata, events_.Now());
  return metadata->answering;
}

void ClientLoop::CallAny(wire::Body body, RetryingCall::Options options, ReplyDone done) {
  // What may be asked twice is asked of another broker while one hangs.
  const Milliseconds attempt_max = options.retry_unknown
                                       ? std::min(config_.request_timeout, kAttemptMax)
                                       : config_.request_timeout;
  Call(
      options,
      [this, body = std::move(body), attempt_max](Milliseconds left, ReplyDone on_outcome) {
        AskAny(body, std::min(left, attempt_max), std::move(on_outcome));
      },
      std::move(done));
}

void ClientLoop::CallReplica(ReplicaOf replica, MakeBody make_body, RetryingCall::Options options,
                             ReplyDone done) {
  Call(
      options,
      [this, replica = std::move(replica), make_body = std::move(make_body)](
          Milliseconds left, const ReplyDone& on_outcome) {
        AskReplica(replica, make_body, std::min(left, config_.request_timeout), on_outcome);
      },
      std::move(done));
}

void ClientLoop::Call(RetryingCall::Options options, RetryingCall::Attempt attempt,
                      ReplyDone done) {
  if (torn_down_) return done(Fail(ErrorCode::kCancelled, "the client was closed"));
  const std::uint64_t number = next_call_++;
  auto call =
      std::make_shared<RetryingCall>(events_, options, MakeBackoff(), std::move(attempt),
                                     [this, number, done = std::move(done)](Result<Reply> outcome) {
                                       const auto found = calls_.find(number);
                                       if (found != calls_.end()) {
                                         // The call is on the stack: let it return before it is
                                         // destroyed.
                                         events_.Post([finished = std::move(found->second)] {});
                                         calls_.erase(found);
                                       }
                                       done(std::move(outcome));
                                     });
  calls_.emplace(number, call);
  call->Start();
}

void ClientLoop::AskAny(const wire::Body& body, Milliseconds timeout, ReplyDone done) {
  if (BrokerConnection* ready = pool_.AnyReady()) {
    return ready->Request(body, {}, timeout, std::move(done));
  }
  std::vector<Address> addresses = brokers_;
  for (Address& known : cache_.Addresses()) addresses.push_back(std::move(known));
  Error last{ErrorCode::kUnreachable, "no broker is configured"};
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const Address& address = addresses[next_address_++ % addresses.size()];
    Result<BrokerConnection*> connection = pool_.Get(address, 0);
    if (connection) return (*connection)->Request(body, {}, timeout, std::move(done));
    last = connection.error();
  }
  done(Fail(std::move(last)));
}

void ClientLoop::AskReplica(const ReplicaOf& replica, const MakeBody& make_body,
                            Milliseconds timeout, const ReplyDone& done) {
  const auto fail = [this, topic = replica.topic, done](const Error& error) {
    if (!IsRoutingError(error.code) || torn_down_) return done(Fail(error));
    Refresh(topic, [done, error](const Status& fresh) {
      // What is really missing is told; else the route may be a better one now.
      if (!fresh && fresh.error().code == ErrorCode::kTopicNotFound)
        return done(Fail(fresh.error()));
      done(Fail(error.code == ErrorCode::kTopicNotFound
                    ? Error{ErrorCode::kNotLeader, error.message}
                    : error));
    });
  };
  const Result<Route> route = RouteTo(replica.topic, replica.partition, replica.node);
  if (!route) return fail(route.error());
  const Result<BrokerConnection*> connection = ConnectionTo(*route);
  if (!connection) return fail(connection.error());
  (*connection)->Request(make_body(route->group), {}, timeout, [done, fail](Result<Reply> outcome) {
    if (outcome) return done(std::move(outcome));
    fail(outcome.error());
  });
}

void ClientLoop::TearDown() {
  torn_down_ = true;
  const Error cancelled{ErrorCode::kCancelled, "the client was closed"};
  const auto calls = calls_;  // Each removes itself.
  for (const auto& [number, call] : calls) call->Cancel(cancelled);
  refreshing_.clear();
  pool_.Clear();
  calls_.clear();
}

}  // namespace raftmq::internal

// The requests of the catalogue: creating and deleting topics, from whatever shard they come.
#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

#include "broker/catalogue.h"

namespace raftmq::broker {
namespace {

std::uint64_t RandomNumber() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

Status CheckCounts(const wire::CreateTopicRequest& request, std::size_t partitions_max,
                   std::size_t nodes) {
  if (request.partitions < 1 || request.partitions > partitions_max) {
    return Fail(ErrorCode::kBadRequest,
                fmt::format("expected 1 to {} partitions (limits.partitions_per_topic), found {}",
                            partitions_max, request.partitions));
  }
  if (request.replicas > nodes) {
    return Fail(
        ErrorCode::kBadRequest,
        fmt::format("{} replicas need as many nodes, the cluster has {}", request.replicas, nodes));
  }
  return Ok();
}

}  // namespace

void Catalogue::CreateTopic(Shard& from, wire::CreateTopicRequest request,
                            std::function<void(Result<TopicId>)> done) {
  home_.Put([this, from = &from, request = std::move(request), done = std::move(done)](Shard&) {
    CreateHere(request, [from, done](Result<TopicId> outcome) {
      from->Put([done, outcome = std::move(outcome)](Shard&) { done(outcome); });
    });
  });
}

void Catalogue::DeleteTopic(Shard& from, std::string name, std::function<void(Status)> done) {
  home_.Put([this, from = &from, name = std::move(name), done = std::move(done)](Shard&) {
    DeleteHere(name, [from, done](Status outcome) {
      from->Put([done, outcome = std::move(outcome)](Shard&) { done(outcome); });
    });
  });
}

Result<TopicCreated> Catalogue::Plan(const wire::CreateTopicRequest& request) const {
  const BrokerOptions& options = home_.options();
  RAFTMQ_TRY(CheckTopicName(request.name));
  RAFTMQ_TRY(CheckCounts(request, options.catalogue.partitions_per_topic_max,
                         std::max<std::size_t>(1, state_.nodes().size())));
  RAFTMQ_TRY(ParseTopicSettings(request.settings, options.topic_defaults));
  if (state_.FindTopic(request.name) != nullptr) {
    return Fail(ErrorCode::kTopicExists,
                fmt::format("there is a topic '{}' already", request.name));
  }
  if (state_.topics().size() >= options.catalogue.topics_max) {
    return Fail(ErrorCode::kLimitExceeded,
                fmt::format("there are {} topics, the most allowed (limits.topics)",
                            state_.topics().size()));
  }
  if (state_.partition_count() + request.partitions > options.catalogue.partitions_max) {
    return Fail(
        ErrorCode::kLimitExceeded,
        fmt::format("{} partitions besides the {} there are would exceed the most allowed, {}",
                    request.partitions, state_.partition_count(),
                    options.catalogue.partitions_max));
  }
  return TopicCreated{
      .id = {RandomNumber(), RandomNumber()},
      .seed = RandomNumber(),
      .name = request.name,
      .settings = request.settings,
      .placement = std::vector<std::vector<NodeId>>(request.partitions, {options.node})};
}

void Catalogue::CreateHere(const wire::CreateTopicRequest& request,
                           std::function<void(Result<TopicId>)> done) {
  auto plan = Plan(request);
  if (!plan) return done(Fail(std::move(plan).error()));
  const TopicId id = plan->id;
  creating_.emplace(id, std::move(done));
  Propose(*plan, [this, id](Status proposed) {
    // A name that was taken meanwhile made the command void.
    if (proposed && state_.FindTopic(id) == nullptr) {
      proposed = Fail(ErrorCode::kTopicExists, "a topic of that name was created at the same time");
    }
    if (proposed) return;  // Answered when its partitions are ready.
    const auto waiting = creating_.extract(id);
    if (!waiting.empty()) waiting.mapped()(Fail(proposed.error()));
  });
}

void Catalogue::DeleteHere(const std::string& name, Done done) {
  const CatalogueTopic* topic = state_.FindTopic(name);
  if (topic == nullptr) {
    return done(Fail(ErrorCode::kTopicNotFound,
                     fmt::format("there is no topic '{}'", name.substr(0, 200))));
  }
  const TopicId id = topic->created.id;
  if (!local_.IsReady(id)) {
    return done(Fail(ErrorCode::kNotYet, fmt::format("topic '{}' is still being created", name)));
  }
  Propose(TopicDeleted{id}, [this, done = std::move(done)](Status proposed) {
    if (!proposed) return done(std::move(proposed));
    local_.Reconcile(state_);  // So that the picture does not show it any more.
    local_.Publish(state_, [done] { done(Ok()); });
  });
}

}  // namespace raftmq::broker

// The requests of the catalogue: creating and deleting topics, from whatever shard they come.
#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

#include "broker/catalogue.h"
#include "protocol/types/units.h"

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

constexpr std::uint32_t kReplicasDefault = 3;
constexpr Microseconds kPatience{8'000'000};  // Below a client's default request timeout.

// Each new partition takes a segment at once. A creation that does not fit is refused here, before
// it is logged; should the space go meanwhile, the replicas are founded when it comes back.
Status CheckSpace(const NodeServices& node, std::uint64_t partitions) {
  const StorageOptions& storage = node.options.storage;
  const auto free_bytes = node.files.FreeBytes(storage.data_directory);
  const std::uint64_t needed = partitions * 2 * storage.segment_bytes_first + node.space.kept_bytes;
  if (!free_bytes || *free_bytes >= needed) return Ok();
  return Fail(ErrorCode::kDiskFull,
              fmt::format("{} partitions need {} of disk space, {} has {} free", partitions,
                          FormatBytes(needed), storage.data_directory, FormatBytes(*free_bytes)));
}

// Replicas by partition number, round the nodes: partition p begins at node p.
std::vector<std::vector<NodeId>> Place(const std::map<NodeId, NodeJoined>& nodes,
                                       std::uint32_t partitions, std::uint32_t replicas) {
  std::vector<NodeId> ids;
  for (const auto& [id, node] : nodes) ids.push_back(id);
  if (replicas == 0) replicas = kReplicasDefault;
  replicas = std::min(replicas, static_cast<std::uint32_t>(ids.size()));
  std::vector<std::vector<NodeId>> placement(partitions);
  for (std::uint32_t p = 0; p < partitions; ++p) {
    for (std::uint32_t r = 0; r < replicas; ++r) placement[p].push_back(ids[(p + r) % ids.size()]);
  }
  return placement;
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

void Catalogue::AllotSession(Shard& from, std::string name,
                             std::function<void(Result<AllottedSession>)> done) {
  home_.Put([this, from = &from, name = std::move(name), done = std::move(done)](Shard&) {
    AllotHere(name, [from, done](Result<AllottedSession> outcome) {
      from->Put([done, outcome = std::move(outcome)](Shard&) { done(outcome); });
    });
  });
}

Result<TopicCreated> Catalogue::Plan(const wire::CreateTopicRequest& request) const {
  const BrokerOptions& options = home_.options();
  RAFTMQ_TRY(CheckTopicName(request.name));
  RAFTMQ_TRY(CheckCounts(request, options.catalogue.partitions_per_topic_max,
                         std::max(options.peers.size(), state_.nodes().size())));
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
  RAFTMQ_TRY(CheckSpace(home_.services(), request.partitions));
  if (state_.nodes().size() < options.peers.size()) {
    return Fail(ErrorCode::kNotYet, fmt::format("{} of {} nodes have joined the cluster so far",
                                                state_.nodes().size(), options.peers.size()));
  }
  return TopicCreated{.id = {RandomNumber(), RandomNumber()},
                      .seed = RandomNumber(),
                      .name = request.name,
                      .settings = request.settings,
                      .placement = Place(state_.nodes(), request.partitions, request.replicas)};
}

void Catalogue::CreateHere(const wire::CreateTopicRequest& request,
                           std::function<void(Result<TopicId>)> done) {
  TryCreate(request, home_.services().clock.SteadyNow() + kPatience, std::move(done));
}

void Catalogue::TryCreate(const wire::CreateTopicRequest& request, Microseconds deadline,
                          std::function<void(Result<TopicId>)> done) {
  auto plan = Plan(request);
  const bool again = !plan && plan.error().code == ErrorCode::kNotYet &&
                     home_.services().clock.SteadyNow() < deadline && !is_draining_;
  if (again) {
    return Later(
        [this, request, deadline, done = std::move(done)] { TryCreate(request, deadline, done); });
  }
  if (!plan) return done(Fail(std::move(plan).error()));
  const TopicId id = plan->id;
  creating_.emplace(id, std::move(done));
  Propose(*plan, kPatience, [this, id](Result<Index> proposed) {
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
  Propose(TopicDeleted{id}, kPatience,
          [this, done = std::move(done)](const Result<Index>& proposed) {
            if (!proposed) return done(Fail(proposed.error()));
            local_.Reconcile(state_);  // So that the picture does not show it any more.
            local_.Publish(state_, [done] { done(Ok()); });
          });
}

void Catalogue::AllotHere(const std::string& name,
                          std::function<void(Result<AllottedSession>)> done) {
  if (name.empty()) {
    return Propose(SessionAllotted{}, kPatience,
                   [done = std::move(done)](const Result<Index>& proposed) {
                     if (!proposed) return done(Fail(proposed.error()));
                     done(AllottedSession{SessionId(proposed->value()), 0});
                   });
  }
  if (Status checked = CheckProducerName(name); !checked) return done(Fail(checked.error()));
  ++allotting_;
  Propose(SessionAllotted{name}, kPatience, [this, done = std::move(done)](Result<Index> proposed) {
    FinishAllotment(std::move(proposed), done);
  });
}

void Catalogue::FinishAllotment(Result<Index> proposed,
                                const std::function<void(Result<AllottedSession>)>& done) {
  Result<AllottedSession> outcome =
      Fail(ErrorCode::kTimeout, "what was allotted is not known here: ask again");
  if (!proposed) {
    outcome = Fail(std::move(proposed).error());
  } else if (const auto noted = allotted_.find(*proposed); noted != allotted_.end()) {
    outcome = std::move(noted->second);  // Else it came with a checkpoint.
    allotted_.erase(noted);
  }
  if (--allotting_ == 0) allotted_.clear();
  done(std::move(outcome));
}

}  // namespace raftmq::broker

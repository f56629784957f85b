// The connection to a cluster: one loop thread, connections to brokers, cached metadata. Producers
// and consumers are made from it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "raftmq/export.h"
#include "raftmq/future.h"
#include "raftmq/result.h"

namespace raftmq {

struct RAFTMQ_EXPORT ClientConfig {
  std::vector<std::string> brokers;  // "host:port"; any one that answers is enough.
  std::string client_name = "raftmq-cpp";
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds request_timeout{10'000};
  std::chrono::milliseconds backoff_min{100};  // Reconnects and retries: doubling, with jitter.
  std::chrono::milliseconds backoff_max{10'000};
  std::chrono::milliseconds metadata_max_age{300'000};
  std::chrono::milliseconds destructor_timeout{5'000};  // Bound of every destructor.
  std::uint64_t seed = 0;  // Of jitter and of the choice of partitions; 0 = drawn at random.
  // Silent by default. Levels: 0 debug, 1 info, 2 warning, 3 error. Called on the client's thread,
  // now and then on the caller's.
  std::function<void(int level, std::string_view component, std::string_view text)> log;

  // Keys are the field names; unknown keys are refused with the nearest match. Durations as "5ms".
  static Result<ClientConfig> FromMap(const std::map<std::string, std::string>& values);
  // The section [client] of a TOML file.
  static Result<ClientConfig> FromToml(const std::string& path);
  // The environment's RAFTMQ_KEY, as RAFTMQ_BROKERS.
  static Result<ClientConfig> FromEnv();
};

struct PartitionDescription {
  struct Replica {
    std::uint32_t node = 0;
    // leader; follower; learner: new, it gets what the others have; lost: placed there, and not
    // there, or not to be opened.
    std::string role;
    // Known of nodes that were asked and have answered.
    std::optional<std::uint64_t> end, commit, durable;
  };
  std::uint32_t partition = 0;
  std::uint32_t leader = 0;  // 0 = none.
  std::uint64_t term = 0;
  std::uint64_t log_start = 0, end = 0, size_bytes = 0;
  std::vector<Replica> replicas;
};
struct TopicDescription {
  std::string name;
  std::string id;  // 32 hex digits.
  std::map<std::string, std::string> settings;
  std::vector<PartitionDescription> partitions;
};
struct ClusterDescription {
  struct Node {
    std::uint32_t node = 0;
    std::string host;
    std::uint16_t port = 0;
    bool has_answered = false;  // This question.
  };
  std::string cluster_id;
  std::uint32_t nodes_expected = 0;   // Those of the cluster, joined or not; 0 = not told.
  std::uint32_t metadata_leader = 0;  // The node that orders topics; 0 = none.
  std::vector<Node> nodes;            // Those that have joined.
  std::vector<TopicDescription> topics;
};

// How a node's scrubber, which reads and checks all that is stored there, is getting on.
struct NodeScrub {
  struct Damage {
    std::string where;  // "orders/0", or a file of the node.
    std::uint64_t first_offset = 0, end_offset = 0;
    std::string what;
  };
  std::uint32_t node = 0;
  // Why this node did not answer; then all below is unknown.
  std::optional<Error> error;
  bool running = false;
  bool by_hand = false;           // Started by hand, not because it was due.
  std::int64_t began_ms = 0;      // Of the running pass, else of the last one; 0 = never.
  std::int64_t ended_ms = 0;      // Of the last one that ended; 0 = never.
  std::uint64_t bytes_read = 0;   // Of the running pass, else of the last one.
  std::uint64_t bytes_total = 0;  // What it reads in all, about.
  std::uint64_t passes = 0;  // Ended since the node's start; the next two count from there, too.
  std::uint64_t damage_found = 0, damage_repaired = 0;
  std::uint64_t damage_open = 0;
  std::vector<Damage> damage;  // The first 100 that are open.
};

namespace internal {
class ClientCore;  // Loop thread, connections, metadata; shared by everything made from a Client.
}

// Thread-safe handle; copies share one core. Producers and consumers keep the core alive: any order
// of destruction is legal. Installs no signal handlers and starts no thread before Connect.
class RAFTMQ_EXPORT Client {
 public:
  // Succeeds once a broker has answered; kUnreachable or kTimeout (connect_timeout) otherwise.
  static Result<Client> Connect(ClientConfig config);

  // Administration; blocking forms wait up to request_timeout.
  Result<std::string> CreateTopic(const std::string& name, std::uint32_t partitions,
                                  std::uint32_t replicas = 0,
                                  const std::map<std::string, std::string>& settings = {});
  Status DeleteTopic(const std::string& name);
  // As one broker sees it: of the replicas it knows its own. No topics = all.
  Result<ClusterDescription> Describe(const std::vector<std::string>& topics = {});
  // The same, asked of every node and put together. Who does not answer within 2 s is left out:
  // see `has_answered`. Errors: as Describe, when nobody answers.
  Result<ClusterDescription> Survey(const std::vector<std::string>& topics = {});
  Result<std::uint64_t> Trim(const std::string& topic, std::uint32_t partition,
                             std::uint64_t offset);
  // Gives up what is damaged before `offset` and stored nowhere else: the log then starts there,
  // and the good records before it are gone as well. The decision is recorded in the log. Errors:
  // kInvalidArgument (nothing is damaged there, or `offset` lies within damage), kNotYet (a replica
  // may have a good copy), kOffsetBeyondEnd.
  struct LossReport {
    std::uint64_t log_start = 0;  // The new one.
    std::uint64_t files_end = 0;  // With the log start here the files go that hold what is lost.
  };
  Result<LossReport> AcceptLoss(const std::string& topic, std::uint32_t partition,
                                std::uint64_t offset);
  // Hands the partition to the replica on `node` and waits until it leads; nothing to do if it
  // does. Errors: kTopicNotFound, kPartitionNotFound, kInvalidArgument (no replica there), kTimeout
  // (it did not take over: it is down or far behind; who leads now, Describe tells).
  Status TransferLeader(const std::string& topic, std::uint32_t partition, std::uint32_t node);
  // Starts a scrub of all that one node stores, or of every node (node 0), and says how all of them
  // are getting on then. Who does not answer within 2 s has an `error`. Errors: kInvalidArgument
  // (there is no such node); as Describe.
  Result<std::vector<NodeScrub>> StartScrub(std::uint32_t node = 0);
  // The same, but nothing is started.
  Result<std::vector<NodeScrub>> ScrubStatus(std::uint32_t node = 0);
  // The data directory of a node is gone for good: its replicas never count again, and the next
  // directory that it comes with is taken in its place. Errors: kInvalidArgument (no such node, or
  // it runs with that directory).
  Status ReplaceNode(std::uint32_t node);
  struct OffsetAtTime {
    std::uint64_t offset = 0;
    std::uint64_t log_start = 0, end = 0;
  };
  // First offset whose timestamp is >= timestamp_ms; `end` if every record is older.
  Result<OffsetAtTime> OffsetForTime(const std::string& topic, std::uint32_t partition,
                                     std::int64_t timestamp_ms);

  const std::shared_ptr<internal::ClientCore>& core() const { return core_; }

 private:
  explicit Client(std::shared_ptr<internal::ClientCore> core) : core_(std::move(core)) {}
  Result<std::vector<NodeScrub>> Scrub(std::uint32_t node, bool start);
  std::shared_ptr<internal::ClientCore> core_;
};

}  // namespace raftmq

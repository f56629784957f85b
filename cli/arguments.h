// What the command line says, as plain values: one struct per verb. command_line.cc fills them in,
// the verbs' own files act on them.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace raftmq::cli {

enum class OutputFormat { kText, kJson };

struct GlobalArguments {
  std::vector<std::string> brokers;  // Flag or RAFTMQ_BROKERS; else see connect.h.
  OutputFormat format = OutputFormat::kText;
  std::optional<std::chrono::milliseconds> timeout;  // Default 10 s; `consume` waits for ever.
};

struct TopicCreateArguments {
  std::string name;
  std::uint32_t partitions = 1;
  std::uint32_t replicas = 0;  // 0 = min(3, nodes).
  std::map<std::string, std::string> settings;
};
struct TopicNameArguments {
  std::string name;
  bool yes = false;
};
struct TopicTrimArguments {
  std::string partition;  // "NAME/P".
  std::uint64_t to = 0;
  bool yes = false;
};
struct ProduceArguments {
  std::string topic;
  std::optional<std::uint32_t> partition;
  std::optional<std::string> key;
  std::optional<std::string> key_separator;
  std::vector<std::string> headers;  // "name=value".
  std::string name;                  // Of the producer; empty = none.
  std::string codec = "none";
  std::chrono::milliseconds linger{5};
  std::string acks = "quorum";
  std::string file;  // One message: the file's bytes.
  bool verbose = false;
};
struct ConsumeArguments {
  std::string topic;
  std::vector<std::uint32_t> partitions;
  std::string from = "start";
  std::optional<std::uint64_t> count;
  bool end = false;
  std::string replica = "leader";  // leader, nearest or a node's number.
  bool linearizable = false;
  std::string template_text;
  bool json = false;
};
struct PartitionListArguments {
  std::string topic;
};
struct TransferLeaderArguments {
  std::string target;  // "TOPIC/P:NODE".
};
struct NodeReplaceArguments {
  std::uint32_t node = 0;
  bool yes = false;
  bool wait = false;
};
struct AcceptLossArguments {
  std::string partition;  // "NAME/P".
  std::uint64_t to = 0;
  bool yes = false;
};
struct HealthArguments {
  bool wait = false;
};
struct ScrubArguments {
  std::uint32_t node = 0;  // 0 = all.
  bool wait = false;
};
struct LogArguments {
  std::vector<std::string> paths;
};
struct BenchArguments {
  std::string topic;
  std::uint64_t size = 1024;
  std::chrono::milliseconds duration{10'000};
  std::uint32_t clients = 1;
  std::uint64_t rate = 0;  // Messages per second over all clients; 0 = as fast as it goes.
  std::uint64_t batch = 1u << 20;
  std::string acks = "quorum";
  std::string codec = "none";
  bool no_progress = false;
};
struct LocalArguments {
  std::string directory = "./raftmq-local";
  std::uint32_t nodes = 1;
  std::uint32_t node = 0;
};

}  // namespace raftmq::cli

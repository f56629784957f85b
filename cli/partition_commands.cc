#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/partition_output.h"
#include "cli/quantity.h"

namespace raftmq::cli {
namespace {

using nlohmann::json;

struct TransferTarget {
  std::string topic;
  std::uint32_t partition = 0;
  std::uint32_t node = 0;
};

Result<TransferTarget> ParseTarget(const std::string& text) {
  const Bounds<std::uint64_t> nodes{1, UINT32_MAX};
  const auto colon = text.rfind(':');
  if (colon != std::string::npos) {
    const auto name = ParsePartitionName(text.substr(0, colon));
    const auto node = ParseCountIn(nodes, text.substr(colon + 1));
    if (name && node)
      return TransferTarget{name->first, name->second, static_cast<std::uint32_t>(*node)};
  }
  return Fail(
      ErrorCode::kInvalidArgument,
      fmt::format("expected TOPIC/PARTITION:NODE (for example orders/0:2), found '{}'", text));
}

Status CheckNode(const ClusterDescription& cluster, std::uint32_t wanted) {
  std::vector<std::uint32_t> known;
  for (const auto& node : cluster.nodes) {
    if (node.node == wanted) return Ok();
    known.push_back(node.node);
  }
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("there is no node {}: the cluster has the nodes {}", wanted,
                          fmt::join(known, ", ")));
}

Status CheckPartition(const TopicDescription& topic, std::uint32_t partition) {
  if (partition < topic.partitions.size()) return Ok();
  return Fail(ErrorCode::kPartitionNotFound,
              fmt::format("topic '{}' has the partitions 0 to {}, not {}", topic.name,
                          topic.partitions.size() - 1, partition));
}

Status CheckTarget(Client& client, const TransferTarget& target) {
  RAFTMQ_TRY_ASSIGN(const ClusterDescription cluster, client.Describe());
  RAFTMQ_TRY_ASSIGN(const TopicDescription topic, FindTopic(cluster, target.topic));
  RAFTMQ_TRY(CheckPartition(topic, target.partition));
  return CheckNode(cluster, target.node);
}

// As the nodes see it; its log start is that of its leader.
Result<PartitionDescription> FindPartition(Client& client, const std::string& name,
                                           std::uint32_t partition) {
  RAFTMQ_TRY_ASSIGN(const ClusterDescription cluster, client.Survey());
  RAFTMQ_TRY_ASSIGN(const TopicDescription topic, FindTopic(cluster, name));
  RAFTMQ_TRY(CheckPartition(topic, partition));
  return topic.partitions[partition];
}

}  // namespace

int PartitionList(const GlobalArguments& global, const PartitionListArguments& arguments) {
  auto client = Connect(global);
  if (!client) return ReportError("cannot reach the cluster", client.error());
  const auto cluster = client->Survey();
  if (!cluster) return ReportError("cannot list partitions", cluster.error());
  if (!arguments.topic.empty()) {
    if (const auto topic = FindTopic(*cluster, arguments.topic); !topic)
      return ReportError("cannot list partitions", topic.error());
  }
  json list = json::array();
  Table table({"TOPIC", "PARTITION", "LEADER", "TERM", "REPLICAS", "LOG-START", "END"});
  for (const auto& topic : cluster->topics) {
    if (!arguments.topic.empty() && topic.name != arguments.topic) continue;
    for (const auto& p : topic.partitions) {
      json entry = PartitionJson(p);
      entry["topic"] = topic.name;
      list.push_back(std::move(entry));
      table.AddRow({topic.name, std::to_string(p.partition),
                    p.leader ? std::to_string(p.leader) : "none", std::to_string(p.term),
                    ReplicaList(p), std::to_string(p.log_start), std::to_string(p.end)});
    }
  }
  WarnOfSilentNodes(*cluster);
  Output out;
  out.Write(global.format == OutputFormat::kJson ? list.dump() + "\n" : table.ToString());
  return kExitOk;
}

int PartitionTransferLeader(const GlobalArguments& global,
                            const TransferLeaderArguments& arguments) {
  const auto target = ParseTarget(arguments.target);
  if (!target) return ReportError("cannot transfer", target.error());
  auto client = Connect(global);
  if (!client) return ReportError("cannot reach the cluster", client.error());
  if (const auto known = CheckTarget(*client, *target); !known)
    return ReportError(fmt::format("cannot transfer {}", arguments.target), known.error());
  const auto outcome = client->TransferLeader(target->topic, target->partition, target->node);
  if (!outcome)
    return ReportError(fmt::format("cannot transfer {}", arguments.target), outcome.error());
  Output out;
  out.Write(global.format == OutputFormat::kJson
                ? json{{"topic", target->topic},
                       {"partition", target->partition},
                       {"leader", target->node}}
                          .dump() +
                      "\n"
                : fmt::format("{}/{} is led by node {}\n", target->topic, target->partition,
                              target->node));
  return kExitOk;
}

int PartitionAcceptLoss(const GlobalArguments& global, const AcceptLossArguments& arguments) {
  const auto name = ParsePartitionName(arguments.partition);
  if (!name) return ReportError("cannot accept a loss", name.error());
  auto client = Connect(global);
  if (!client) return ReportError("cannot reach the cluster", client.error());
  const std::string failed = fmt::format("cannot accept a loss of {}", arguments.partition);
  const auto known = FindPartition(*client, name->first, name->second);
  if (!known) return ReportError(failed, known.error());
  const auto question =
      fmt::format("Give up every message of {} from offset {} up to offset {}, damaged or not?",
                  arguments.partition, known->log_start, arguments.to);
  if (!Confirm(question, arguments.yes)) return kExitUsage;
  const auto loss = client->AcceptLoss(name->first, name->second, arguments.to);
  if (!loss) return ReportError(failed, loss.error());
  Output out;
  if (global.format == OutputFormat::kJson) {
    out.Write(json{{"topic", name->first},
                   {"partition", name->second},
                   {"log_start", loss->log_start},
                   {"files_end", loss->files_end}}
                  .dump() +
              "\n");
    return kExitOk;
  }
  out.Write(fmt::format("{} now starts at offset {}\n", arguments.partition, loss->log_start));
  if (loss->files_end > loss->log_start)
    out.Write(fmt::format("the damaged files go once it starts at offset {} or beyond\n",
                          loss->files_end));
  return kExitOk;
}

}  // namespace raftmq::cli

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/partition_output.h"

namespace raftmq::cli {
namespace {

using nlohmann::json;

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

}  // namespace raftmq::cli

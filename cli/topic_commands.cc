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

std::uint64_t SizeOf(const TopicDescription& topic) {
  std::uint64_t bytes = 0;
  for (const auto& partition : topic.partitions) bytes += partition.size_bytes;
  return bytes;
}

json TopicJson(const TopicDescription& topic) {
  json partitions = json::array();
  for (const auto& partition : topic.partitions) {
    partitions.push_back(PartitionJson(partition));
    partitions.back()["size_bytes"] = partition.size_bytes;
  }
  return {{"name", topic.name},
          {"id", topic.id},
          {"settings", topic.settings},
          {"partitions", std::move(partitions)}};
}

void PrintTopic(const TopicDescription& topic, Output& out) {
  out.Write(fmt::format("topic       {}\nid          {}\npartitions  {}\nsize        {}\n",
                        topic.name, topic.id, topic.partitions.size(), HumanBytes(SizeOf(topic))));
  for (const auto& [key, value] : topic.settings)
    out.Write(fmt::format("setting     {}={}\n", key, value));
  Table table({"PARTITION", "LEADER", "TERM", "REPLICAS", "LOG-START", "END", "SIZE"});
  for (const auto& p : topic.partitions) {
    table.AddRow({std::to_string(p.partition), p.leader ? std::to_string(p.leader) : "none",
                  std::to_string(p.term), ReplicaList(p), std::to_string(p.log_start),
                  std::to_string(p.end), HumanBytes(p.size_bytes)});
  }
  out.Write("\n" + table.ToString());
}

}  // namespace

int TopicCreate(const GlobalArguments& global, const TopicCreateArguments& arguments) {
  auto client = Connect(global);
  if (!client) return ReportError("cannot reach the cluster", client.error());
  const auto id = client->CreateTopic(arguments.name, arguments.partitions, arguments.replicas,
                                      arguments.settings);
  if (!id) return ReportError(fmt::format("cannot create topic '{}'", arguments.name), id.error());
  Output out;
  out.Write(global.format == OutputFormat::kJson
                ? json{{"name", arguments.name}, {"id", *id}, {"partitions", arguments.partitions}}
                          .dump() +
                      "\n"
                : fmt::format("created topic {} with {} partition{}\n", arguments.name,
                              arguments.partitions, arguments.partitions == 1 ? "" : "s"));
  return kExitOk;
}

int TopicList(const GlobalArguments& global) {
  auto client = Connect(global);
  if (!client) return ReportError("cannot reach the cluster", client.error());
  const auto cluster = client->Describe();
  if (!cluster) return ReportError("cannot list topics", cluster.error());
  Output out;
  if (global.format == OutputFormat::kJson) {
    json topics = json::array();
    for (const auto& topic : cluster->topics) topics.push_back(TopicJson(topic));
    out.Write(topics.dump() + "\n");
    return kExitOk;
  }
  Table table({"TOPIC", "PARTITIONS", "MESSAGES", "SIZE"});
  for (const auto& topic : cluster->topics) {
    std::uint64_t messages = 0;
    for (const auto& partition : topic.partitions) messages += partition.end - partition.log_start;
    table.AddRow({topic.name, std::to_string(topic.partitions.size()), std::to_string(messages),
                  HumanBytes(SizeOf(topic))});
  }
  out.Write(table.ToString());
  return kExitOk;
}

int TopicDescribe(const GlobalArguments& global, const TopicNameArguments& arguments) {
  auto client = Connect(global);
  if (!client) return ReportError("cannot reach the cluster", client.error());
  const auto cluster = client->Survey();
  if (!cluster) return ReportError("cannot describe", cluster.error());
  const auto topic = FindTopic(*cluster, arguments.name);
  if (!topic) return ReportError("cannot describe", topic.error());
  WarnOfSilentNodes(*cluster);
  Output out;
  if (global.format == OutputFormat::kJson) {
    out.Write(TopicJson(*topic).dump() + "\n");
  } else {
    PrintTopic(*topic, out);
  }
  return kExitOk;
}

int TopicDelete(const GlobalArguments& global, const TopicNameArguments& arguments) {
  auto client = Connect(global);
  if (!client) return ReportError("cannot reach the cluster", client.error());
  const auto topic = DescribeTopic(*client, arguments.name);
  if (!topic) return ReportError("cannot delete", topic.error());
  const auto question = fmt::format("Delete topic '{}' with {} of messages?", topic->name,
                                    HumanBytes(SizeOf(*topic)));
  if (!Confirm(question, arguments.yes)) return kExitUsage;
  if (const auto deleted = client->DeleteTopic(topic->name); !deleted)
    return ReportError("cannot delete", deleted.error());
  Output out;
  out.Write(global.format == OutputFormat::kJson
                ? json{{"name", topic->name}, {"deleted", true}}.dump() + "\n"
                : fmt::format("deleted topic {}\n", topic->name));
  return kExitOk;
}

int TopicTrim(const GlobalArguments& global, const TopicTrimArguments& arguments) {
  const auto name = ParsePartitionName(arguments.partition);
  if (!name) return ReportError("cannot trim", name.error());
  auto client = Connect(global);
  if (!client) return ReportError("cannot reach the cluster", client.error());
  const auto topic = DescribeTopic(*client, name->first);
  if (!topic) return ReportError("cannot trim", topic.error());
  const auto question =
      fmt::format("Remove every message of {} below offset {}?", arguments.partition, arguments.to);
  if (!Confirm(question, arguments.yes)) return kExitUsage;
  const auto log_start = client->Trim(name->first, name->second, arguments.to);
  if (!log_start)
    return ReportError(fmt::format("cannot trim {}", arguments.partition), log_start.error());
  Output out;
  out.Write(
      global.format == OutputFormat::kJson
          ? json{{"topic", name->first}, {"partition", name->second}, {"log_start", *log_start}}
                    .dump() +
                "\n"
          : fmt::format("{} now starts at offset {}\n", arguments.partition, *log_start));
  return kExitOk;
}

}  // namespace raftmq::cli

// Brokers on this machine for trying things out: `raftmq local`. Their addresses, pids and data
// live in one directory, described by cluster.json.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/process.h"
#include "raftmq/result.h"

namespace raftmq::cli {

struct LocalNode {
  std::uint32_t node = 0;
  pid_t pid = 0;
  std::string client, peer, http;  // "127.0.0.1:port".
  std::string data;                // Its data directory.
};

// Used by one process at a time.
class LocalCluster {
 public:
  // kNotFound if the directory has no cluster.json; kBadConfig if that cannot be read.
  static Result<LocalCluster> Load(const std::string& directory);
  // Chooses free loopback ports and writes cluster.json.
  static Result<LocalCluster> Create(const std::string& directory, std::uint32_t nodes);

  const std::vector<LocalNode>& nodes() const { return nodes_; }
  Result<LocalNode*> Find(std::uint32_t node);
  std::vector<std::string> ClientAddresses() const;
  ProcessState StateOfNode(const LocalNode& node) const;

  // Starts one broker and waits (30 s) until it answers; saves its pid. `exit_code` gets the
  // broker's own if it ended instead.
  Status Start(LocalNode& node, int* exit_code);
  Status Save() const;

 private:
  std::string directory_;
  std::string cluster_id_;
  std::vector<LocalNode> nodes_;
};

}  // namespace raftmq::cli

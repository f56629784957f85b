// The words of a scenario's command: nodes, links, settings. What cannot be read throws, which ends
// the test with the command's line.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "protocol/types/ids.h"

namespace raftmq {

using Words = std::vector<std::string>;

// "a  b" -> a, b.
Words SplitWords(const std::string& line);
// "1,2,3" at ',' -> 1, 2, 3. An empty text has no parts.
Words SplitAt(const std::string& text, char separator);

std::uint64_t NumberOf(const std::string& word);
NodeId NodeOf(const std::string& word);
std::vector<NodeId> NodesOf(const std::string& word);  // "1,2,3"

// From one node to another; 0 = any.
struct Link {
  NodeId from;
  NodeId to;
  bool Covers(NodeId one, NodeId other) const {
    return (from == NodeId(0) || from == one) && (to == NodeId(0) || to == other);
  }
  auto operator<=>(const Link&) const = default;
};
bool IsLink(const std::string& word);
Link LinkOf(const std::string& word);  // "1->2", "*->1"

// "term=3" -> term, 3.
std::pair<std::string, std::string> SettingOf(const std::string& word);

}  // namespace raftmq

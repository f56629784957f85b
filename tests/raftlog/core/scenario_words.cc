#include "tests/raftlog/core/scenario_words.h"

#include <sstream>
#include <stdexcept>

namespace raftmq {

Words SplitWords(const std::string& line) {
  std::istringstream in(line);
  Words words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

Words SplitAt(const std::string& text, char separator) {
  std::istringstream in(text);
  Words parts;
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

std::uint64_t NumberOf(const std::string& word) {
  std::size_t used = 0;
  const std::uint64_t number = std::stoull(word, &used);
  if (used != word.size()) throw std::invalid_argument("expected a number: " + word);
  return number;
}

NodeId NodeOf(const std::string& word) {
  return NodeId(word == "*" ? 0 : static_cast<std::uint32_t>(NumberOf(word)));
}

std::vector<NodeId> NodesOf(const std::string& word) {
  std::vector<NodeId> nodes;
  for (const std::string& part : SplitAt(word, ',')) nodes.push_back(NodeOf(part));
  return nodes;
}

bool IsLink(const std::string& word) { return word.find("->") != std::string::npos; }

Link LinkOf(const std::string& word) {
  const std::size_t arrow = word.find("->");
  if (arrow == std::string::npos) throw std::invalid_argument("expected a link: " + word);
  return {.from = NodeOf(word.substr(0, arrow)), .to = NodeOf(word.substr(arrow + 2))};
}

std::pair<std::string, std::string> SettingOf(const std::string& word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string::npos) throw std::invalid_argument("expected name=value: " + word);
  return {word.substr(0, equals), word.substr(equals + 1)};
}

}  // namespace raftmq

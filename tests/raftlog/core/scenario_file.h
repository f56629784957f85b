// The form of a text scenario: comment lines and blank lines, then blocks of commands, a line
// "----", and the recorded output up to a blank line.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace raftmq {

struct ScenarioBlock {
  std::string before;  // Comments and blank lines, as they stand.
  std::vector<std::string> commands;
  std::string output;
  int line = 0;  // Of the first command, from 1.
};

// Value type.
struct ScenarioFile {
  std::vector<ScenarioBlock> blocks;
  std::string after;  // Comments behind the last block.

  static ScenarioFile Parse(const std::string& text);
  std::string ToText() const;
};

std::string ReadText(const std::filesystem::path& path);
void WriteText(const std::filesystem::path& path, const std::string& text);

}  // namespace raftmq

#include "tests/raftlog/core/scenario_file.h"

#include <fstream>
#include <sstream>

namespace raftmq {
namespace {

constexpr const char* kSeparator = "----";

}  // namespace

ScenarioFile ScenarioFile::Parse(const std::string& text) {
  ScenarioFile file;
  std::istringstream in(text);
  ScenarioBlock block;
  bool is_output = false;
  int number = 0;
  const auto end_block = [&] {
    file.blocks.push_back(block);
    block = {};
    is_output = false;
  };
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (is_output) {
      if (line.empty()) {
        end_block();
      } else {
        block.output += line + "\n";
      }
    } else if (line == kSeparator) {
      is_output = true;
    } else if (line.empty() || line[0] == '#') {
      if (!block.commands.empty()) end_block();  // Not recorded yet.
      if (!line.empty() || !block.before.empty()) block.before += line + "\n";
    } else {
      if (block.commands.empty()) block.line = number;
      block.commands.push_back(line);
    }
  }
  if (!block.commands.empty()) end_block();
  file.after = block.before;
  return file;
}

std::string ScenarioFile::ToText() const {
  std::string text;
  for (const ScenarioBlock& block : blocks) {
    if (!text.empty()) text += "\n";
    text += block.before;
    for (const std::string& command : block.commands) text += command + "\n";
    text += std::string(kSeparator) + "\n" + block.output;
  }
  if (!after.empty()) text += "\n" + after;
  return text;
}

std::string ReadText(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

void WriteText(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path) << text;
}

}  // namespace raftmq

// Shell completion scripts, made from the command tree itself.
#pragma once

#include <string>
#include <vector>

namespace raftmq::cli {

// One command and its verbs, as the parser knows them.
struct CommandNode {
  std::string name;
  std::string help;
  std::vector<std::string> options;  // "--timeout", "-p", ...
  std::vector<CommandNode> children;
};

std::string BashCompletion(const CommandNode& root);
std::string ZshCompletion(const CommandNode& root);
std::string FishCompletion(const CommandNode& root);

}  // namespace raftmq::cli

#include "cli/completion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace raftmq::cli {
namespace {

std::string WordsOf(const CommandNode& node) {
  std::vector<std::string> words = node.options;
  for (const auto& child : node.children) words.push_back(child.name);
  return fmt::format("{}", fmt::join(words, " "));
}

// Calls `visit(path, node)` for every command, "" being the root and "topic create" a verb.
template <class Visit>
void Walk(const CommandNode& node, const std::string& path, const Visit& visit) {
  visit(path, node);
  for (const auto& child : node.children)
    Walk(child, path.empty() ? child.name : path + " " + child.name, visit);
}

std::string Quoted(std::string text) {
  for (std::size_t at = 0; (at = text.find('\'', at)) != std::string::npos; at += 4)
    text.replace(at, 1, "'\\''");
  return "'" + text + "'";
}

}  // namespace

std::string BashCompletion(const CommandNode& root) {
  std::string cases;
  Walk(root, "", [&](const std::string& path, const CommandNode& node) {
    cases += fmt::format("    '{}') words=\"{}\" ;;\n", path, WordsOf(node));
  });
  return fmt::format(
      "_raftmq() {{\n"
      "  local path='' word words=''\n"
      "  for word in \"${{COMP_WORDS[@]:1:COMP_CWORD-1}}\"; do\n"
      "    [[ $word == -* ]] || path=\"${{path:+$path }}$word\"\n"
      "  done\n"
      "  case \"$path\" in\n{}"
      "    *) words='' ;;\n"
      "  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"${{COMP_WORDS[COMP_CWORD]}}\"))\n"
      "}}\n"
      "complete -o default -F _raftmq raftmq\n",
      cases);
}

std::string ZshCompletion(const CommandNode& root) {
  return "#compdef raftmq\nautoload -U +X bashcompinit && bashcompinit\n" + BashCompletion(root);
}

std::string FishCompletion(const CommandNode& root) {
  std::string text;
  Walk(root, "", [&](const std::string& path, const CommandNode& node) {
    const std::string condition = path.empty() ? "__fish_use_subcommand"
                                               : fmt::format("__fish_seen_subcommand_from {}",
                                                             path.substr(path.rfind(' ') + 1));
    for (const auto& child : node.children) {
      text += fmt::format("complete -c raftmq -f -n '{}' -a {} -d {}\n", condition, child.name,
                          Quoted(child.help));
    }
    for (const auto& option : node.options) {
      const bool is_long = option.starts_with("--");
      text += fmt::format("complete -c raftmq -n '{}' -{} {}\n", condition, is_long ? "l" : "s",
                          option.substr(is_long ? 2 : 1));
    }
  });
  return text;
}

}  // namespace raftmq::cli

// A TOML file as a list of assignments. The only place that knows toml++.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "broker/config/assignment.h"

namespace raftmq {

struct TomlContent {
  std::vector<Assignment> assignments;  // In the order of the file.
  std::vector<ConfigProblem> problems;  // Syntax (the first only), and values of no use to us.
};

// Reads `text`; `name` is what the positions start with ("raftmq.toml:3:9"). Any bytes are fine:
// what is not TOML is a problem, never an exception or an abort. Keys are not judged here.
TomlContent ReadToml(std::string_view text, std::string_view name);

// The first byte that no TOML file may hold there: non-ASCII outside strings and comments.
// Returns its offset, or text.size(). toml++ 3.3 mishandles some of these, so they never reach it.
std::size_t FindForeignByte(std::string_view text);

}  // namespace raftmq

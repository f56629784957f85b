#include "broker/config/toml_source.h"

#include <fmt/core.h>
#include <toml++/toml.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <tuple>
#include <utility>

namespace raftmq {
namespace {

constexpr std::size_t kTextMax = 1u << 20;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// Passes over one quoted string that starts at `at`; returns the position behind it. A one-line
// string that does not end on its line ends there: the parser will say what is wrong with it.
std::size_t SkipString(std::string_view text, std::size_t at) {
  const char quote = text[at];
  const std::string_view triple = quote == '"' ? "\"\"\"" : "'''";
  const bool is_long = text.substr(at).starts_with(triple);
  at += is_long ? 3 : 1;
  while (at < text.size()) {
    if (quote == '"' && text[at] == '\\') {
      at += 2;
    } else if (is_long && text.substr(at).starts_with(triple)) {
      return at + 3;
    } else if (!is_long && (text[at] == quote || text[at] == '\n')) {
      return at + 1;
    } else {
      ++at;
    }
  }
  return text.size();
}

std::string PlaceOf(std::string_view text, std::size_t offset, std::string_view name) {
  const std::string_view before = text.substr(0, offset);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const auto line_start = before.rfind('\n');
  const std::size_t column =
      line_start == std::string_view::npos ? offset + 1 : offset - line_start;
  return fmt::format("{}:{}:{}", name, line, column);
}

// Turns a parsed table into assignments.
class TomlReader {
 public:
  explicit TomlReader(std::string_view name) : name_(name) {}

  TomlContent Read(const toml::table& root) {
    for (const auto& [section, node] : root) {
      if (const toml::table* table = node.as_table()) {
        ReadSection(std::string(section.str()), *table);
      } else if (node.is_array_of_tables()) {
        Problem(section.source().begin,
                fmt::format("expected [{0}] once, found [[{0}]]", section.str()));
      } else {
        Problem(section.source().begin,
                fmt::format("expected '{0}' inside a section such as [node], found it outside",
                            section.str()));
      }
    }
    return InFileOrder();
  }

 private:
  template <class T>
  using Placed = std::pair<toml::source_position, T>;

  void ReadSection(const std::string& section, const toml::table& table) {
    for (const auto& [key, node] : table) {
      Assignment assignment{.key = section + "." + std::string(key.str()),
                            .where = Place(key.source().begin)};
      const auto value = ValueOf(node);
      if (!value) {
        Problem(key.source().begin,
                fmt::format("expected a string, number, true, false or a list of strings for '{}', "
                            "found {}",
                            assignment.key, NameOf(node.type())));
        continue;
      }
      std::tie(assignment.value, assignment.form) = *value;
      assignments_.emplace_back(key.source().begin, std::move(assignment));
    }
  }

  static std::optional<std::pair<std::string, ValueForm>> ValueOf(const toml::node& node) {
    if (const auto* text = node.as_string()) return std::pair(text->get(), ValueForm::kString);
    if (const auto* number = node.as_integer()) {
      return std::pair(std::to_string(number->get()), ValueForm::kInteger);
    }
    if (const auto* flag = node.as_boolean()) {
      return std::pair(std::string(flag->get() ? "true" : "false"), ValueForm::kBoolean);
    }
    if (const auto* list = node.as_array()) return ListOf(*list);
    return std::nullopt;
  }

  static std::optional<std::pair<std::string, ValueForm>> ListOf(const toml::array& list) {
    std::string joined;
    for (const toml::node& element : list) {
      const auto* text = element.as_string();
      if (text == nullptr) return std::nullopt;
      if (!joined.empty()) joined += ',';
      joined += text->get();
    }
    return std::pair(joined, ValueForm::kList);
  }

  static std::string_view NameOf(toml::node_type type) {
    switch (type) {
      case toml::node_type::table:
        return "a table";
      case toml::node_type::array:
        return "a list of other things";
      case toml::node_type::floating_point:
        return "a number with a fraction";
      default:
        return "a date or time";
    }
  }

  std::string Place(const toml::source_position& at) const {
    return fmt::format("{}:{}:{}", name_, at.line, at.column);
  }

  void Problem(const toml::source_position& at, std::string message) {
    problems_.emplace_back(at, ConfigProblem{Place(at), std::move(message)});
  }

  // toml++ sorts tables by key; people read files from the top.
  TomlContent InFileOrder() {
    const auto earlier = [](const auto& a, const auto& b) { return a.first < b.first; };
    std::stable_sort(assignments_.begin(), assignments_.end(), earlier);
    std::stable_sort(problems_.begin(), problems_.end(), earlier);
    TomlContent content;
    for (auto& [at, assignment] : assignments_) {
      content.assignments.push_back(std::move(assignment));
    }
    for (auto& [at, problem] : problems_) content.problems.push_back(std::move(problem));
    return content;
  }

  const std::string_view name_;
  std::vector<Placed<Assignment>> assignments_;
  std::vector<Placed<ConfigProblem>> problems_;
};

TomlContent OneProblem(std::string where, std::string message) {
  TomlContent content;
  content.problems.push_back({std::move(where), std::move(message)});
  return content;
}

}  // namespace

std::size_t FindForeignByte(std::string_view text) {
  std::size_t at = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  while (at < text.size()) {
    if (text[at] == '#') {
      at = std::min(text.find('\n', at), text.size());
    } else if (text[at] == '"' || text[at] == '\'') {
      at = std::min(SkipString(text, at), text.size());
    } else if (static_cast<unsigned char>(text[at]) >= 0x80) {
      return at;
    } else {
      ++at;
    }
  }
  return text.size();
}

TomlContent ReadToml(std::string_view text, std::string_view name) {
  if (text.size() > kTextMax) {
    return OneProblem(std::string(name),
                      fmt::format("expected at most {} bytes, found {}", kTextMax, text.size()));
  }
  const std::size_t foreign = FindForeignByte(text);
  if (foreign != text.size()) {
    return OneProblem(PlaceOf(text, foreign, name),
                      "expected only ASCII outside of strings and comments");
  }
  try {
    return TomlReader(name).Read(toml::parse(text, name));
  } catch (const toml::parse_error& error) {
    const toml::source_position& at = error.source().begin;
    return OneProblem(fmt::format("{}:{}:{}", name, at.line, at.column),
                      std::string(error.description()));
  } catch (const std::exception& error) {
    return OneProblem(std::string(name), error.what());
  }
}

}  // namespace raftmq

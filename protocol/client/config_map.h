// Reads typed settings out of a map of strings; the FromMap of every configuration is built on it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "raftmq/result.h"

namespace raftmq::internal {

// Each reader takes its key if it is there; the first error is kept. Finish also refuses keys that
// nobody asked for, naming the nearest that exists. Not thread-safe.
class ConfigMap {
 public:
  explicit ConfigMap(const std::map<std::string, std::string>& values) : values_(values) {}

  void Text(std::string_view key, std::string* to);
  void List(std::string_view key, std::vector<std::string>* to);  // Parted by commas.
  void Duration(std::string_view key, std::chrono::milliseconds* to);
  void Bytes(std::string_view key, std::size_t* to);
  void Number(std::string_view key, std::uint64_t* to);
  void Number(std::string_view key, std::uint32_t* to);
  template <class Enum>
  void Choice(std::string_view key, std::initializer_list<std::pair<std::string_view, Enum>> names,
              Enum* to) {
    const std::string* text = Take(key);
    if (text == nullptr) return;
    std::string expected;
    for (const auto& [name, value] : names) {
      if (name == *text) {
        *to = value;
        return;
      }
      expected += (expected.empty() ? "" : ", ") + std::string(name);
    }
    Refuse(key, "one of " + expected, *text);
  }

  // Errors: kBadConfig.
  Status Finish() const;

 private:
  const std::string* Take(std::string_view key);  // nullptr if it is not there.
  void Refuse(std::string_view key, std::string_view expected, std::string_view found);

  const std::map<std::string, std::string>& values_;
  std::vector<std::string_view> known_;
  Status error_;
};

}  // namespace raftmq::internal

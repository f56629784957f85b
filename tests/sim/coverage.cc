#include "tests/sim/coverage.h"

#include <fmt/format.h>

#include <fstream>

namespace raftmq::sim {

std::string_view Coverage::NameOf(Mark mark) {
  static constexpr std::array<std::string_view, kMarks> kNames{
#define RAFTMQ_SIM_NAME(name, text) text,
      RAFTMQ_SIM_MARKS(RAFTMQ_SIM_NAME)
#undef RAFTMQ_SIM_NAME
  };
  return kNames[static_cast<std::size_t>(mark)];
}

std::string Coverage::ToJson() const {
  std::string json = "{\n";
  for (std::size_t i = 0; i < kMarks; ++i) {
    json += fmt::format("  \"{}\": {}{}\n", NameOf(static_cast<Mark>(i)), counts_[i],
                        i + 1 < kMarks ? "," : "");
  }
  return json + "}";
}

bool Coverage::WriteJson(const std::string& path) const {
  std::ofstream file(path);
  file << ToJson() << "\n";
  file.close();
  return file.good();
}

}  // namespace raftmq::sim

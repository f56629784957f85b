// raftmq-check-history FILE: judges a recorded history and prints the report as JSON. Exit 0 if it
// is clean, 1 if there are anomalies, 2 if it cannot be read.
#include <fstream>
#include <iostream>

#include "tests/checker/checker.h"
#include "tests/checker/history_json.h"

int main(int count, char** arguments) {
  using namespace raftmq::checker;
  constexpr int kClean = 0, kAnomalies = 1, kBadInput = 2;
  if (count != 2) {
    std::cerr << "usage: raftmq-check-history FILE\n";
    return kBadInput;
  }
  std::ifstream file(arguments[1]);
  if (!file) {
    std::cerr << arguments[1] << ": cannot be opened\n";
    return kBadInput;
  }
  const auto history = ReadHistory(file);
  if (!history) {
    std::cerr << arguments[1] << ": " << history.error().message << "\n";
    return kBadInput;
  }
  const Report report = CheckHistory(*history);
  std::cout << ToJson(report) << "\n";
  return report.is_clean() ? kClean : kAnomalies;
}

// What /livez, /readyz and /healthz answer.
#pragma once

#include <string>
#include <vector>

namespace raftmq {

// One question, answered.
struct HealthItem {
  std::string name;  // "disk", "recovery": stable, for scripts.
  bool ok = false;
  std::string detail;  // For people; may be empty.
};

// `ok` is the answer of the whole: it decides between 200 and 503.
struct HealthReport {
  bool ok = false;
  std::vector<HealthItem> items;
};

// "ok" or "failed" on the last line, before it the failed items, or every item if `verbose`:
// "[+] disk: synced 3 ms ago", "[-] recovery: 2 of 7 partitions". Control characters in names and
// details are replaced.
std::string RenderHealthText(const HealthReport& report, bool verbose);

// {"status":"ok|failed","items":[{"name","ok","detail"}]}; bytes that are not UTF-8 are replaced.
std::string RenderHealthJson(const HealthReport& report);

}  // namespace raftmq

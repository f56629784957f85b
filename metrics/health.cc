#include "metrics/health.h"

#include <nlohmann/json.hpp>
#include <string_view>

namespace raftmq {
namespace {

// One item is one line, whatever stands in it.
std::string OnOneLine(std::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return line;
}

}  // namespace

std::string RenderHealthText(const HealthReport& report, bool verbose) {
  std::string text;
  for (const HealthItem& item : report.items) {
    if (item.ok && !verbose) continue;
    text += item.ok ? "[+] " : "[-] ";
    text += OnOneLine(item.name);
    if (!item.detail.empty()) text += ": " + OnOneLine(item.detail);
    text += '\n';
  }
  return text + (report.ok ? "ok\n" : "failed\n");
}

std::string RenderHealthJson(const HealthReport& report) {
  nlohmann::json items = nlohmann::json::array();
  for (const HealthItem& item : report.items) {
    items.push_back({{"name", item.name}, {"ok", item.ok}, {"detail", item.detail}});
  }
  const nlohmann::json document{{"status", report.ok ? "ok" : "failed"}, {"items", items}};
  return document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace raftmq

#include <nlohmann/json.hpp>

#include "tests/checker/history_json.h"

namespace raftmq::checker {
namespace {

using nlohmann::json;

json JsonOf(const Figures& figures) {
  json heals = json::array();
  for (const Microseconds delay : figures.heal_to_ack) heals.push_back(delay.count());
  json seconds = json::array();
  for (const Figures::Second& second : figures.seconds)
    seconds.push_back({{"sends", second.sends}, {"ok", second.ok}, {"unseen", second.unseen}});
  return {{"ops", figures.ops},
          {"sends_ok", figures.sends_ok},
          {"sends_failed", figures.sends_failed},
          {"sends_unknown", figures.sends_unknown},
          {"acked", figures.acked},
          {"acked_below_start", figures.acked_below_start},
          {"acked_below_start_max", figures.acked_below_start_max},
          {"polls", figures.polls},
          {"records_read", figures.records_read},
          {"worst_lag_us", figures.worst_lag.count()},
          {"heal_to_ack_us", std::move(heals)},
          {"seconds", std::move(seconds)}};
}

}  // namespace

std::string ToJson(const Report& report) {
  json anomalies = json::object();
  for (const auto& [rule, findings] : report.findings()) {
    anomalies[std::string(NameOf(rule))] = {{"count", findings.count},
                                            {"examples", findings.examples}};
  }
  const json document{{"clean", report.is_clean()},
                      {"anomalies", std::move(anomalies)},
                      {"figures", JsonOf(report.figures)}};
  return document.dump(2, ' ', false, json::error_handler_t::replace);
}

}  // namespace raftmq::checker

#include <nlohmann/json.hpp>
#include <ostream>

#include "tests/checker/history_json.h"
#include "tests/checker/history_words.h"

namespace raftmq::checker {
namespace {

// Ordered, so that lines begin alike and people can read down a column.
using Json = nlohmann::ordered_json;

void Put(Json& line, const Send& send) {
  line["op"] = "send";
  if (send.session != SessionId(0)) {
    line["session"] = send.session.value();
    line["epoch"] = send.epoch;
  }
  if (send.sequence) line["seq"] = *send.sequence;
  line["part"] = send.partition.value();
  if (send.values.size() == 1) {
    line["value"] = send.values.front().ToString();
  } else {
    Json& values = line["values"] = Json::array();
    for (const Value& value : send.values) values.push_back(value.ToString());
  }
  if (send.offset) line["offset"] = send.offset->value();
  if (send.attempts != 1) line["attempts"] = send.attempts;
}

void Put(Json& line, const Poll& poll) {
  line["op"] = "poll";
  line["consumer"] = poll.consumer.value();
  if (poll.is_in_group) line["mode"] = "group";
  if (poll.is_from_leader) line["leader"] = true;
  if (poll.is_final) line["final"] = true;
  if (poll.node != NodeId(0)) line["node"] = poll.node.value();
  line["part"] = poll.partition.value();
  if (poll.from) line["from"] = poll.from->value();
  Json& records = line["records"] = Json::array();
  for (const ReadRecord& read : poll.records)
    records.push_back({read.offset.value(), read.value.ToString()});
  if (poll.end) line["end"] = poll.end->value();
  if (poll.start != Offset(0)) line["start"] = poll.start.value();
}

void Put(Json& line, const Assign& assign) {
  line["op"] = NameOf(assign.kind);
  line["consumer"] = assign.consumer.value();
  Json& parts = line["parts"] = Json::array();
  for (const PartitionNumber partition : assign.partitions) parts.push_back(partition.value());
}

void Put(Json& line, const Seek& seek) {
  line["op"] = "seek";
  line["consumer"] = seek.consumer.value();
  line["part"] = seek.partition.value();
  if (seek.offset) line["offset"] = seek.offset->value();
}

void Put(Json& line, const Commit& commit) {
  line["op"] = "commit";
  line["group"] = commit.group;
  line["epoch"] = commit.epoch;
  line["part"] = commit.partition.value();
  line["offset"] = commit.offset.value();
}

void Put(Json& line, const Crash&) { line["op"] = "crash"; }

void Put(Json& line, const Nemesis& nemesis) {
  line["op"] = "nemesis";
  line["what"] = nemesis.what;
}

}  // namespace

void WriteHistory(const History& history, std::ostream& to) {
  for (const Op& op : history.ops()) {
    Json line;
    line["i"] = op.number.value();
    line["t0"] = op.began.count();
    if (op.ended != kNever) line["t1"] = op.ended.count();
    line["client"] = op.client.value();
    line["type"] = NameOf(op.outcome);
    std::visit([&line](const auto& action) { Put(line, action); }, op.action);
    to << line.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
  }
}

}  // namespace raftmq::checker

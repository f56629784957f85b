#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <istream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "tests/checker/history_json.h"
#include "tests/checker/history_words.h"

namespace raftmq::checker {
namespace {

using nlohmann::json;

// The fields of one line. Remembers the first thing that is wrong, and which fields were asked for.
class Fields {
 public:
  explicit Fields(const json& line) : line_(line) {}

  bool Has(const char* name) {
    asked_.insert(name);
    return line_.contains(name);
  }
  template <class Number = std::uint64_t>
  Number Integer(const char* name) {
    return ToInteger<Number>(name, Get(name));
  }
  // The same, typed; and if it need not be there.
  template <class Typed>
  Typed Number(const char* name, Typed otherwise) {
    return Has(name) ? Typed(Integer<typename Typed::rep>(name)) : otherwise;
  }
  template <class Typed>
  Typed Number(const char* name) {
    return Typed(Integer<typename Typed::rep>(name));
  }
  template <class Typed>
  std::optional<Typed> MaybeNumber(const char* name) {
    return Has(name) ? std::optional(Number<Typed>(name)) : std::nullopt;
  }
  bool Flag(const char* name) {
    if (!Has(name)) return false;
    const json& field = Get(name);
    if (!field.is_boolean()) Wrong(name, "true or false", field);
    return field.is_boolean() && field.get<bool>();
  }
  std::string Text(const char* name) { return ToText(name, Get(name)); }
  const json& List(const char* name) {
    static const json kEmpty = json::array();
    const json& field = Get(name);
    if (field.is_array()) return field;
    Wrong(name, "a list", field);
    return kEmpty;
  }

  template <class Number>
  Number ToInteger(const char* name, const json& field) {
    const bool fits = field.is_number_unsigned() &&
                      field.get<std::uint64_t>() <=
                          static_cast<std::uint64_t>(std::numeric_limits<Number>::max());
    if (!fits) Wrong(name, "a number from 0 up", field);
    return fits ? static_cast<Number>(field.get<std::uint64_t>()) : Number{};
  }
  std::string ToText(const char* name, const json& field) {
    if (!field.is_string()) Wrong(name, "a text", field);
    return field.is_string() ? field.get<std::string>() : "";
  }
  Value ToValue(const char* name, const json& field) {
    const std::string text = ToText(name, field);
    const Value value = ReadValue(text);
    if (!value.is_foreign() && value.ToString() != text) Wrong(name, "PRODUCER-COUNTER", field);
    return value;
  }

  void Wrong(const std::string& error) {
    if (error_.empty()) error_ = error;
  }
  // What is wrong with the line; empty if nothing is.
  std::string Finish() {
    for (const auto& [name, value] : line_.items()) {
      if (!asked_.contains(name)) Wrong(fmt::format("unknown field '{}'", name));
    }
    return error_;
  }

 private:
  void Wrong(const char* name, const char* expected, const json& found) {
    Wrong(fmt::format("field '{}': expected {}, found {}", name, expected, found.dump()));
  }
  const json& Get(const char* name) {
    static const json kNothing;
    if (Has(name)) return line_.at(name);
    Wrong(fmt::format("field '{}' is missing", name));
    return kNothing;
  }

  const json& line_;
  std::set<std::string, std::less<>> asked_;
  std::string error_;
};

// The place of a word in a list of words.
template <class Words>
std::optional<std::size_t> PlaceOf(const Words& words, const std::string& word) {
  const auto found = std::ranges::find(words, word);
  if (found == words.end()) return std::nullopt;
  return static_cast<std::size_t>(found - words.begin());
}

Action ReadSend(Fields& fields, ClientNumber) {
  Send send;
  send.session = fields.Number<SessionId>("session", SessionId(0));
  if (fields.Has("epoch")) send.epoch = fields.Integer<std::uint32_t>("epoch");
  if (fields.Has("seq")) send.sequence = fields.Integer<std::uint32_t>("seq");
  send.partition = fields.Number<PartitionNumber>("part");
  if (fields.Has("value")) send.values.push_back(ReadValue(fields.Text("value")));
  if (!fields.Has("value") || fields.Has("values")) {
    for (const json& value : fields.List("values"))
      send.values.push_back(fields.ToValue("values", value));
  }
  if (send.values.empty()) fields.Wrong("a send of no value");
  if (std::ranges::any_of(send.values, &Value::is_foreign))
    fields.Wrong("a sent value is PRODUCER-COUNTER");
  send.offset = fields.MaybeNumber<Offset>("offset");
  if (fields.Has("attempts")) send.attempts = fields.Integer<std::uint32_t>("attempts");
  return send;
}

Action ReadPoll(Fields& fields, ClientNumber client) {
  Poll poll;
  poll.consumer = fields.Number<ConsumerNumber>("consumer", ConsumerNumber(client.value()));
  const std::string mode = fields.Has("mode") ? fields.Text("mode") : "assign";
  if (mode != "assign" && mode != "group") fields.Wrong("unknown mode '" + mode + "'");
  poll.is_in_group = mode == "group";
  poll.is_from_leader = fields.Flag("leader");
  poll.is_final = fields.Flag("final");
  poll.node = fields.Number<NodeId>("node", NodeId(0));
  poll.partition = fields.Number<PartitionNumber>("part");
  poll.from = fields.MaybeNumber<Offset>("from");
  for (const json& record : fields.List("records")) {
    if (!record.is_array() || record.size() != 2) {
      fields.Wrong("a record is [OFFSET, VALUE], found " + record.dump());
      break;
    }
    poll.records.push_back({Offset(fields.ToInteger<std::uint64_t>("records", record[0])),
                            fields.ToValue("records", record[1])});
  }
  poll.end = fields.MaybeNumber<Offset>("end");
  poll.start = fields.Number<Offset>("start", Offset(0));
  return poll;
}

Action ReadAssign(Fields& fields, ClientNumber client) {
  Assign assign;
  assign.kind = static_cast<Assign::Kind>(*PlaceOf(kAssignKinds, fields.Text("op")));
  assign.consumer = fields.Number<ConsumerNumber>("consumer", ConsumerNumber(client.value()));
  for (const json& partition : fields.List("parts"))
    assign.partitions.emplace_back(fields.ToInteger<std::uint32_t>("parts", partition));
  return assign;
}

Action ReadSeek(Fields& fields, ClientNumber client) {
  return Seek{.consumer = fields.Number<ConsumerNumber>("consumer", ConsumerNumber(client.value())),
              .partition = fields.Number<PartitionNumber>("part"),
              .offset = fields.MaybeNumber<Offset>("offset")};
}

Action ReadCommit(Fields& fields, ClientNumber) {
  return Commit{.group = fields.Text("group"),
                .epoch = fields.Integer<std::uint32_t>("epoch"),
                .partition = fields.Number<PartitionNumber>("part"),
                .offset = fields.Number<Offset>("offset")};
}

Action ReadCrash(Fields&, ClientNumber) { return Crash{}; }

Action ReadNemesis(Fields& fields, ClientNumber) { return Nemesis{.what = fields.Text("what")}; }

Action ReadAction(Fields& fields, ClientNumber client) {
  using Reader = Action (*)(Fields&, ClientNumber);
  static const std::map<std::string, Reader> kReaders{
      {"send", ReadSend},        {"poll", ReadPoll},        {"assign", ReadAssign},
      {"subscribe", ReadAssign}, {"rebalance", ReadAssign}, {"seek", ReadSeek},
      {"commit", ReadCommit},    {"crash", ReadCrash},      {"nemesis", ReadNemesis}};
  const std::string name = fields.Text("op");
  const auto reader = kReaders.find(name);
  if (reader != kReaders.end()) return reader->second(fields, client);
  fields.Wrong("unknown op '" + name + "'");
  return Crash{};
}

Op ReadOp(Fields& fields) {
  Op op;
  op.number = fields.Number<OpNumber>("i");
  op.began = Microseconds(fields.Integer<std::int64_t>("t0"));
  if (fields.Has("t1")) op.ended = Microseconds(fields.Integer<std::int64_t>("t1"));
  op.client = fields.Number<ClientNumber>("client");
  const std::string type = fields.Text("type");
  const auto outcome = PlaceOf(kOutcomes, type);
  if (!outcome) fields.Wrong("unknown type '" + type + "'");
  op.outcome = static_cast<Outcome>(outcome.value_or(0));
  if (op.ended == kNever && op.outcome != Outcome::kInfo) fields.Wrong("field 't1' is missing");
  if (op.ended < op.began) fields.Wrong("it ends before it begins");
  op.action = ReadAction(fields, op.client);
  return op;
}

// What is wrong with the line; empty if it was added.
std::string AddLine(const std::string& line, History& history) {
  const json parsed = json::parse(line, nullptr, false);
  if (!parsed.is_object()) return "expected a JSON object";
  Fields fields(parsed);
  Op op = ReadOp(fields);
  if (!history.ops().empty() && op.number <= history.ops().back().number)
    fields.Wrong(fmt::format("number {} does not rise", op.number.value()));
  const std::string wrong = fields.Finish();
  if (wrong.empty()) history.Add(std::move(op));
  return wrong;
}

}  // namespace

Result<History> ReadHistory(std::istream& from) {
  History history;
  std::string line;
  for (std::uint64_t number = 1; std::getline(from, line); ++number) {
    if (line.empty() || line.front() == '#') continue;
    const std::string wrong = AddLine(line, history);
    if (!wrong.empty())
      return Fail(ErrorCode::kBadRequest, fmt::format("line {}: {}", number, wrong));
  }
  return history;
}

}  // namespace raftmq::checker

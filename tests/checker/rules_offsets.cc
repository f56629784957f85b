// Where values are, by acks and by everything that was ever handed out, to failed operations too.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tests/checker/rules.h"

namespace raftmq::checker {
namespace {

struct Place {
  PartitionNumber partition;
  Offset offset;
  bool operator==(const Place&) const = default;
};
struct HashOfPlace {
  std::size_t operator()(const Place& place) const {
    return std::hash<Offset>()(place.offset) * 0x9E3779B97F4A7C15u + place.partition.value();
  }
};

// What was told to be where, so that two values at one offset, and two offsets of one value, show.
class Sightings {
 public:
  Sightings(const Facts& facts, Report& report) : facts_(facts), report_(report) {
    values_.reserve(facts.records.size());
  }

  void See(RecordNumber number, Offset offset) {
    const Record& record = facts_.At(number);
    const auto [found, is_new] = values_.try_emplace({record.partition, offset}, number);
    if (is_new || found->second == number) return;
    if (!conflicts_.insert({found->second, number, offset}).second) return;
    report_.Add(Rule::kInconsistentOffset,
                fmt::format("{} at offset {}, where {} is", facts_.Name(record), offset.value(),
                            facts_.Name(facts_.At(found->second))));
  }

 private:
  const Facts& facts_;
  Report& report_;
  std::unordered_map<Place, RecordNumber, HashOfPlace> values_;
  std::set<std::tuple<RecordNumber, RecordNumber, Offset>> conflicts_;  // Told of once each.
};

void CheckValues(const Facts& facts, Report& report) {
  Sightings sightings(facts, report);
  for (const Sending& sending : facts.sendings) {
    if (const auto offset = sending.acked_offset()) sightings.See(sending.record, *offset);
  }
  for (const Reading& reading : facts.readings) sightings.See(reading.record, reading.offset);
}

void CheckOrigins(const Facts& facts, Report& report) {
  for (const Record& record : facts.records) {
    if (!record.was_read) continue;
    if (!record.was_sent) report.Add(Rule::kPhantom, facts.Name(record) + " was never sent");
    if (record.was_sent && record.copies_max == 0)
      report.Add(Rule::kAbortedRead, fmt::format("{} was refused for certain and read at offset {}",
                                                 facts.Name(record), record.lowest->value()));
  }
}

// Two acks of one send that contradict each other; the records whose acks are not to be trusted.
std::set<RecordNumber> CheckAcks(const Facts& facts, Report& report) {
  using Identity = std::tuple<SessionId, PartitionNumber, std::uint32_t>;
  std::map<Identity, Offset> by_sequence;
  std::set<RecordNumber> contradicted;
  for (const Sending& sending : facts.sendings) {
    const auto offset = sending.acked_offset();
    const Send& send = sending.send();
    if (!offset || send.session == SessionId(0)) continue;
    const Record& record = facts.At(sending.record);
    Offset first = record.session == send.session ? *record.acked_offset : *offset;
    if (send.sequence)
      first =
          by_sequence
              .try_emplace({send.session, send.partition, *send.sequence + sending.place}, first)
              .first->second;
    if (first == *offset) continue;
    contradicted.insert(sending.record);
    report.Add(Rule::kDupAckMismatch,
               fmt::format("{} was acked at offset {} and at {}", facts.Name(record), first.value(),
                           offset->value()));
  }
  return contradicted;
}

void CheckCopies(const Facts& facts, const std::set<RecordNumber>& contradicted, Report& report) {
  std::vector<std::pair<RecordNumber, Offset>> places;
  const auto is_spread = [&facts](RecordNumber number) {
    return facts.At(number).lowest != facts.At(number).highest;
  };
  for (const Reading& reading : facts.readings) {
    if (is_spread(reading.record)) places.emplace_back(reading.record, reading.offset);
  }
  for (const Sending& sending : facts.sendings) {
    const auto offset = sending.acked_offset();
    if (offset && is_spread(sending.record) && !contradicted.contains(sending.record))
      places.emplace_back(sending.record, *offset);
  }
  std::ranges::sort(places);
  places.erase(std::unique(places.begin(), places.end()), places.end());
  for (auto first = places.begin(); first != places.end();) {
    const auto next = std::find_if(
        first, places.end(), [first](const auto& place) { return place.first != first->first; });
    const Record& record = facts.At(first->first);
    // What was never sent, or refused for certain, has been told already.
    if (record.copies_max > 0 && next - first > std::ptrdiff_t{record.copies_max})
      report.Add(Rule::kDuplicate,
                 fmt::format("{} at {} offsets, {} and {} among them", facts.Name(record),
                             next - first, first->second.value(), (next - 1)->second.value()));
    first = next;
  }
}

}  // namespace

void CheckOffsets(const Facts& facts, Report& report) {
  CheckValues(facts, report);
  CheckOrigins(facts, report);
  CheckCopies(facts, CheckAcks(facts, report), report);
}

}  // namespace raftmq::checker

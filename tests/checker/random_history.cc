#include "tests/checker/random_history.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "protocol/types/split_mix.h"

namespace raftmq::checker {
namespace {

constexpr std::uint32_t kPartitions = 2;
constexpr std::uint32_t kNodes = 3;
constexpr std::uint32_t kProducers = 4;
constexpr std::uint32_t kReaders = 3;
constexpr std::uint32_t kFinalPollRecords = 50;

struct Log {
  std::vector<Value> values;  // [i] is at offset i.
  std::uint64_t start = 0;
  std::array<std::uint64_t, kNodes> ends{};  // What each node serves.
};

struct Producer {
  std::uint64_t counter = 0;
  std::map<std::uint32_t, std::uint32_t> sequences;  // Next, by partition.
  std::optional<Send> open;                          // To be retried.
  std::optional<Offset> stored;                      // Where the open one is.
};

struct Reader {
  std::array<std::uint64_t, kPartitions> next{}, end_seen{};
};

class Generator {
 public:
  explicit Generator(const RandomHistoryOptions& options)
      : options_(options), random_(options.seed) {}

  History Make() {
    for (std::uint32_t i = 0; i < options_.steps; ++i) Step();
    for (std::uint32_t p = 0; p < kProducers; ++p) {
      while (HasSession(p) && producers_[p].open) Attempt(p);
    }
    for (std::uint32_t node = 1; node <= kNodes; ++node) ReadAll(node);
    return std::move(history_);
  }

 private:
  bool OneIn(std::uint64_t n) { return random_.Below(n) == 0; }
  std::uint32_t Below(std::uint64_t n) { return static_cast<std::uint32_t>(random_.Below(n)); }
  void Pass() { now_ += Microseconds(1 + random_.Below(10)); }

  void Step() {
    for (Log& log : logs_) {
      std::uint64_t& end = log.ends[Below(kNodes)];
      end += random_.Below(log.values.size() - end + 1);
    }
    if (OneIn(40)) return Trim();
    if (OneIn(30)) return Move(Below(kReaders));
    if (OneIn(2)) return Read(Below(kReaders));
    Produce(Below(kProducers));
  }

  void End(OpNumber number, Outcome outcome) {
    Pass();
    history_.At(number).outcome = outcome;
    history_.At(number).ended = now_;
  }

  void Produce(std::uint32_t p) {
    Producer& producer = producers_[p];
    if (!producer.open) producer.open = NextBatch(p);
    Attempt(p);
    if (!HasSession(p) && OneIn(2)) producer.open.reset();  // It gives up.
  }

  static bool HasSession(std::uint32_t p) { return p != kProducerWithoutSession; }

  Send NextBatch(std::uint32_t p) {
    Producer& producer = producers_[p];
    const std::uint32_t partition = Below(kPartitions);
    Send send{.partition = PartitionNumber(partition)};
    if (HasSession(p)) {
      send.session = SessionId(p + 1);
      send.sequence = producer.sequences[partition];
    }
    const std::uint64_t records = 1 + random_.Below(options_.batch_max);
    for (std::uint64_t i = 0; i < records; ++i) send.values.push_back({p, producer.counter++});
    producer.stored.reset();
    return send;
  }

  void Attempt(std::uint32_t p) {
    Producer& producer = producers_[p];
    Pass();
    const OpNumber number = history_.Begin(ClientNumber(p), now_, *producer.open);
    const bool is_stored_already = HasSession(p) && producer.stored;
    switch (Below(8)) {
      case 0:
        return End(number, Outcome::kFail);
      case 1:
        return End(number, Outcome::kInfo);
      case 2:
        if (!is_stored_already) Store(producer);
        return;  // The answer never came.
      default:
        if (!is_stored_already) Store(producer);
        std::get<Send>(history_.At(number).action).offset = producer.stored;
        End(number, Outcome::kOk);
        producer.sequences[producer.open->partition.value()] +=
            static_cast<std::uint32_t>(producer.open->values.size());
        producer.open.reset();
    }
  }

  void Store(Producer& producer) {
    Log& log = logs_[producer.open->partition.value()];
    producer.stored = Offset(log.values.size());
    for (const Value& value : producer.open->values) log.values.push_back(value);
  }

  void Trim() {
    Log& log = logs_[Below(kPartitions)];
    const std::uint64_t end = *std::ranges::min_element(log.ends);
    if (end > log.start) log.start += random_.Below(end - log.start);
  }

  // A seek, or a crash after which the reader knows nothing.
  void Move(std::uint32_t r) {
    Pass();
    const ClientNumber client(kProducers + r);
    if (OneIn(4)) {
      readers_[r] = {};
      return history_.Note(client, now_, Crash{});
    }
    const std::uint32_t partition = Below(kPartitions);
    const Log& log = logs_[partition];
    const std::uint64_t to = log.start + random_.Below(log.values.size() - log.start + 1);
    readers_[r].next[partition] = to;
    history_.Note(client, now_, Seek{ConsumerNumber(r), PartitionNumber(partition), Offset(to)});
  }

  void Read(std::uint32_t r) {
    const std::uint32_t partition = Below(kPartitions);
    Log& log = logs_[partition];
    Reader& reader = readers_[r];
    const std::uint32_t node = Below(kNodes);
    const bool is_linearizable = OneIn(3);
    if (is_linearizable) log.ends[node] = log.values.size();
    if (log.ends[node] < std::max(reader.end_seen[partition], reader.next[partition])) return;
    Poll poll{.consumer = ConsumerNumber(r),
              .is_from_leader = is_linearizable,
              .node = NodeId(node + 1),
              .partition = PartitionNumber(partition),
              .from = Offset(reader.next[partition])};
    Pass();
    const OpNumber number = history_.Begin(ClientNumber(kProducers + r), now_, poll);
    const std::uint64_t next = Answer(number, log, log.ends[node], options_.poll_max);
    if (OneIn(8)) return;  // The answer was lost.
    reader.next[partition] = next;
    reader.end_seen[partition] = log.ends[node];
    End(number, Outcome::kOk);
  }

  // Where the reader goes on.
  std::uint64_t Answer(OpNumber number, const Log& log, std::uint64_t end,
                       std::uint64_t count_max) {
    Poll& poll = std::get<Poll>(history_.At(number).action);
    std::uint64_t next = std::max(poll.from->value(), log.start);
    for (std::uint64_t i = 0; i < count_max && next < end; ++i, ++next)
      poll.records.push_back({Offset(next), log.values[next]});
    poll.end = Offset(end);
    poll.start = Offset(log.start);
    return next;
  }

  void ReadAll(std::uint32_t node) {
    for (std::uint32_t partition = 0; partition < kPartitions; ++partition) {
      const Log& log = logs_[partition];
      std::uint64_t next = log.start;
      do {
        Pass();
        const Poll poll{.consumer = ConsumerNumber(kFinalClients + node),
                        .is_final = true,
                        .node = NodeId(node),
                        .partition = PartitionNumber(partition),
                        .from = Offset(next)};
        const OpNumber number = history_.Begin(ClientNumber(kFinalClients + node), now_, poll);
        next = Answer(number, log, log.values.size(), kFinalPollRecords);
        End(number, Outcome::kOk);
      } while (next < log.values.size());
    }
  }

  const RandomHistoryOptions options_;
  SplitMix random_;
  Microseconds now_{0};
  History history_;
  std::array<Log, kPartitions> logs_;
  std::array<Producer, kProducers> producers_;
  std::array<Reader, kReaders> readers_;
};

}  // namespace

History MakeRandomHistory(const RandomHistoryOptions& options) { return Generator(options).Make(); }

}  // namespace raftmq::checker

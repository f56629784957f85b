#include <fmt/format.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/producer_setup.h"
#include "protocol/types/histogram.h"
#include "raftmq/consumer.h"
#include "raftmq/producer.h"

namespace raftmq::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kDrainTimeout{30};
constexpr std::chrono::milliseconds kProgressInterval{500};

std::uint64_t MicrosecondsSince(Clock::time_point start) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count());
}

double CpuSecondsOfThisProcess() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// What one client did. The histogram has one writer: the client's thread, or the bench's own.
struct Tally {
  Histogram latency_us;
  std::atomic<std::uint64_t> records{0}, errors{0}, bytes{0};
  std::mutex mutex;
  std::string first_error;

  void Fail(const Error& error) {
    errors.fetch_add(1, std::memory_order_relaxed);
    std::lock_guard lock(mutex);
    if (first_error.empty()) first_error = error.ToString();
  }
};

// Incompressible and the same in every run.
std::string Payload(std::uint64_t size) {
  std::mt19937_64 random(42);
  std::string payload(size, '\0');
  for (auto& c : payload) c = static_cast<char>(random());
  return payload;
}

// Sends at full speed, or at `rate` on an ideal timetable: latency counts from when a message was
// due, so a stall shows in every message it delayed (no coordinated omission).
void ProduceUntil(Producer& producer, const BenchArguments& arguments, Clock::time_point deadline,
                  Tally& tally) {
  const std::string payload = Payload(arguments.size);
  const double per_client = static_cast<double>(arguments.rate) / arguments.clients;
  const auto begin = Clock::now();
  for (std::uint64_t number = 0; !IsInterrupted(); ++number) {
    auto due = Clock::now();
    if (arguments.rate > 0) {
      due = begin + std::chrono::duration_cast<Clock::duration>(
                        std::chrono::duration<double>(static_cast<double>(number) / per_client));
      if (due < deadline) std::this_thread::sleep_until(due);
    }
    if (due >= deadline) break;
    Message message;
    message.value = payload;
    producer.Send(std::move(message),
                  [&tally, due, size = arguments.size](const Result<SendReceipt>& receipt) {
                    if (!receipt) return tally.Fail(receipt.error());
                    tally.latency_us.Record(MicrosecondsSince(due));
                    tally.records.fetch_add(1, std::memory_order_relaxed);
                    tally.bytes.fetch_add(size, std::memory_order_relaxed);
                  });
  }
  (void)producer.Close(
      kDrainTimeout);  // What is still open is counted as an error by its callback.
}

void ConsumeUntil(Consumer& consumer, std::uint64_t end_records, Clock::time_point deadline,
                  Tally& tally) {
  while (!IsInterrupted() && Clock::now() < deadline &&
         tally.records.load(std::memory_order_relaxed) < end_records) {
    const auto batch = consumer.Poll(std::chrono::milliseconds(100));
    if (!batch) return tally.Fail(batch.error());
    for (const auto& message : batch->messages) {
      tally.bytes.fetch_add(message.value.value_or("").size(), std::memory_order_relaxed);
    }
    tally.records.fetch_add(batch->messages.size(), std::memory_order_relaxed);
  }
}

void ShowProgress(const std::vector<std::unique_ptr<Tally>>& tallies,
                  const std::atomic<bool>& done) {
  const auto begin = Clock::now();
  while (!done) {
    std::this_thread::sleep_for(kProgressInterval);
    std::uint64_t bytes = 0;
    for (const auto& tally : tallies) bytes += tally->bytes;
    const double seconds = static_cast<double>(MicrosecondsSince(begin)) / 1e6;
    DrawProgress(
        fmt::format("{:.0f} s  {:.1f} MB/s", seconds, static_cast<double>(bytes) / 1e6 / seconds));
  }
  DrawProgress("");
}

// A latency that was not measured is null: 0 would be a claim.
nlohmann::json LatencyJson(const Histogram& latency) {
  const auto measured = [&](std::uint64_t value) {
    return latency.count() > 0 ? nlohmann::json(value) : nlohmann::json();
  };
  return {{"p50", measured(latency.Quantile(0.5))},
          {"p99", measured(latency.Quantile(0.99))},
          {"p999", measured(latency.Quantile(0.999))},
          {"max", measured(latency.max())}};
}

int Report(const std::vector<std::unique_ptr<Tally>>& tallies, double seconds, double cpu_seconds,
           OutputFormat format) {
  Histogram latency;
  std::uint64_t records = 0, errors = 0, bytes = 0;
  std::string first_error;
  for (const auto& tally : tallies) {
    latency.Merge(tally->latency_us);
    records += tally->records;
    errors += tally->errors;
    bytes += tally->bytes;
    if (first_error.empty()) first_error = tally->first_error;
  }
  const double bytes_per_second = static_cast<double>(bytes) / seconds;
  const double records_per_second = static_cast<double>(records) / seconds;
  Output out;
  if (format == OutputFormat::kJson) {
    out.Write(nlohmann::json{{"records", records},
                             {"errors", errors},
                             {"seconds", seconds},
                             {"bytes_per_second", bytes_per_second},
                             {"records_per_second", records_per_second},
                             {"client_cpu_seconds", cpu_seconds},
                             {"latency_us", LatencyJson(latency)}}
                  .dump() +
              "\n");
  } else {
    out.Write(fmt::format("{} records in {:.1f} s: {:.1f} MB/s, {:.0f} records/s, {} errors\n",
                          records, seconds, bytes_per_second / 1e6, records_per_second, errors));
    if (latency.count() > 0) {
      out.Write(fmt::format("latency  p50 {} us  p99 {} us  p99.9 {} us  max {} us\n",
                            latency.Quantile(0.5), latency.Quantile(0.99), latency.Quantile(0.999),
                            latency.max()));
    }
  }
  if (errors > 0)
    fmt::print(stderr, "raftmq: {} operations failed; the first: {}\n", errors, first_error);
  return errors > 0 ? kExitFailed : kExitOk;
}

// Runs `work` in one thread per client, each with a connection of its own, and reports.
template <class Work>
int RunClients(const GlobalArguments& global, const BenchArguments& arguments, Work work) {
  std::vector<Client> clients;
  std::vector<std::unique_ptr<Tally>> tallies;
  for (std::uint32_t i = 0; i < arguments.clients; ++i) {
    auto client = Connect(global);
    if (!client) return ReportError("cannot reach the cluster", client.error());
    clients.push_back(std::move(*client));
    tallies.push_back(std::make_unique<Tally>());
  }
  if (const auto topic = DescribeTopic(clients.front(), arguments.topic); !topic)
    return ReportError("cannot run", topic.error());
  std::atomic<bool> done = false;
  std::thread progress;
  if (!arguments.no_progress && IsProgressWanted())
    progress = std::thread([&] { ShowProgress(tallies, done); });
  const double cpu_before = CpuSecondsOfThisProcess();
  const auto begin = Clock::now();
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < arguments.clients; ++i) {
    threads.emplace_back([&, i] { work(clients[i], begin + arguments.duration, *tallies[i]); });
  }
  for (auto& thread : threads) thread.join();
  const double seconds = static_cast<double>(MicrosecondsSince(begin)) / 1e6;
  const double cpu_seconds = CpuSecondsOfThisProcess() - cpu_before;
  done = true;
  if (progress.joinable()) progress.join();
  return Report(tallies, seconds, cpu_seconds, global.format);
}

}  // namespace

int BenchProduce(const GlobalArguments& global, const BenchArguments& arguments) {
  auto config = ProducerSetup(arguments.topic, arguments.acks, arguments.codec);
  if (!config) return ReportError("cannot run", config.error());
  config->batch_bytes = arguments.batch;
  return RunClients(global, arguments,
                    [&](Client& client, Clock::time_point deadline, Tally& tally) {
                      auto producer = Producer::Create(client, *config);
                      if (!producer) return tally.Fail(producer.error());
                      ProduceUntil(*producer, arguments, deadline, tally);
                    });
}

int BenchConsume(const GlobalArguments& global, const BenchArguments& arguments) {
  return RunClients(global, arguments,
                    [&](Client& client, Clock::time_point deadline, Tally& tally) {
                      ConsumerConfig config;
                      config.topic = arguments.topic;
                      auto consumer = Consumer::Create(client, config);
                      if (!consumer) return tally.Fail(consumer.error());
                      const auto ends = consumer->Ends();
                      if (!ends) return tally.Fail(ends.error());
                      std::uint64_t records = 0;
                      for (const auto& end : *ends) records += end.end - end.log_start;
                      ConsumeUntil(*consumer, records, deadline, tally);
                    });
}

int BenchLatency(const GlobalArguments& global, const BenchArguments& arguments) {
  auto config = ProducerSetup(arguments.topic, arguments.acks, arguments.codec);
  if (!config) return ReportError("cannot run", config.error());
  config->linger = std::chrono::milliseconds(0);
  return RunClients(global, arguments,
                    [&](Client& client, Clock::time_point deadline, Tally& tally) {
                      auto producer = Producer::Create(client, *config);
                      if (!producer) return tally.Fail(producer.error());
                      const std::string payload = Payload(arguments.size);
                      while (!IsInterrupted() && Clock::now() < deadline) {
                        const auto begin = Clock::now();
                        Message message;
                        message.value = payload;
                        const auto receipt = producer->Send(std::move(message)).Get(kDrainTimeout);
                        if (!receipt) return tally.Fail(receipt.error());
                        tally.latency_us.Record(MicrosecondsSince(begin));
                        tally.records.fetch_add(1, std::memory_order_relaxed);
                        tally.bytes.fetch_add(arguments.size, std::memory_order_relaxed);
                      }
                    });
}

}  // namespace raftmq::cli

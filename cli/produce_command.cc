#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>

#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/producer_setup.h"
#include "cli/read_file.h"
#include "protocol/types/batch_header.h"
#include "raftmq/producer.h"

namespace raftmq::cli {
namespace {

constexpr std::size_t kLineBytesMax = 32u << 20;
constexpr int kErrorsShown = 5;
constexpr std::chrono::seconds kInterruptedCloseTimeout{1};

// Counts outcomes and prints receipts in the order of the input. Thread-safe: sends come from the
// reading thread, outcomes from the client's.
class Receipts {
 public:
  explicit Receipts(bool verbose) : verbose_(verbose) {}

  Producer::SendCallback Next() {
    std::lock_guard lock(mutex_);
    const std::uint64_t number = sent_++;
    if (verbose_) waiting_.emplace_back();
    return [this, number](const Result<SendReceipt>& receipt) { Settle(number, receipt); };
  }
  std::uint64_t unacked() const {
    std::lock_guard lock(mutex_);
    return sent_ - acked_;
  }
  std::uint64_t sent() const {
    std::lock_guard lock(mutex_);
    return sent_;
  }

 private:
  void Settle(std::uint64_t number, const Result<SendReceipt>& receipt) {
    std::lock_guard lock(mutex_);
    if (receipt) {
      ++acked_;
    } else if (!IsInterrupted() && shown_++ < kErrorsShown) {
      ReportError(fmt::format("record {} was not acknowledged", number + 1), receipt.error());
    }
    if (verbose_) PrintInOrder(number, receipt);
  }
  void PrintInOrder(std::uint64_t number, const Result<SendReceipt>& receipt) {
    waiting_[number - printed_] = LineOf(receipt);
    while (!waiting_.empty() && !waiting_.front().empty()) {
      out_.Write(waiting_.front());
      waiting_.pop_front();
      ++printed_;
    }
    out_.Flush();
  }

  static std::string LineOf(const Result<SendReceipt>& receipt) {
    if (!receipt) return "-\n";
    if (!receipt->is_offset_known) return fmt::format("{}@?\n", receipt->partition);
    return fmt::format("{}@{}\n", receipt->partition, receipt->offset);
  }

  mutable std::mutex mutex_;
  const bool verbose_;
  std::uint64_t sent_ = 0, acked_ = 0, printed_ = 0;
  int shown_ = 0;
  std::deque<std::string> waiting_;  // Receipts not yet printed; empty text = no outcome yet.
  Output out_;
};

// Calls back for every line of a descriptor, without its newline; a last line without one counts.
// Ends early, and with whole lines only, when interrupted.
Status ReadLines(int descriptor, const std::function<void(std::string_view)>& on_line) {
  std::string pending;
  std::string chunk(256u << 10, '\0');
  while (WaitForInput(descriptor)) {
    const ssize_t got = ::read(descriptor, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return Fail(ErrorCode::kIoError,
                  fmt::format("cannot read the input: {}", std::strerror(errno)));
    if (got == 0) {
      if (!pending.empty()) on_line(pending);
      return Ok();
    }
    std::string_view rest(chunk.data(), static_cast<std::size_t>(got));
    for (auto newline = rest.find('\n'); newline != std::string_view::npos;
         newline = rest.find('\n')) {
      if (IsInterrupted()) return Ok();
      if (pending.empty()) {
        on_line(rest.substr(0, newline));
      } else {
        on_line(pending.append(rest.substr(0, newline)));
        pending.clear();
      }
      rest.remove_prefix(newline + 1);
    }
    pending.append(rest);
    if (pending.size() > kLineBytesMax) {
      return Fail(
          ErrorCode::kBatchTooLarge,
          fmt::format("expected lines of at most {} bytes, found a longer one", kLineBytesMax));
    }
  }
  return Ok();
}

Result<std::vector<std::pair<std::string, std::string>>> ParseHeaders(
    const std::vector<std::string>& texts) {
  std::vector<std::pair<std::string, std::string>> headers;
  for (const auto& text : texts) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("expected a header as NAME=VALUE, found '{}'", text));
    }
    headers.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return headers;
}

Message MessageOf(const Message& common, const ProduceArguments& arguments, std::string_view line) {
  Message message = common;
  if (arguments.key_separator) {
    const auto at = line.find(*arguments.key_separator);
    if (at != std::string_view::npos) {
      message.key = std::string(line.substr(0, at));
      line.remove_prefix(at + arguments.key_separator->size());
    }
  }
  message.value = std::string(line);
  return message;
}

Status SendInput(Producer& producer, Receipts& receipts, const ProduceArguments& arguments) {
  RAFTMQ_TRY_ASSIGN(auto headers, ParseHeaders(arguments.headers));
  Message common;
  common.partition = arguments.partition;
  common.key = arguments.key;
  common.headers = std::move(headers);
  if (!arguments.file.empty()) {
    RAFTMQ_TRY_ASSIGN(common.value, ReadFile(arguments.file, kBatchBytesMax));
    producer.Send(std::move(common), receipts.Next());
    return Ok();
  }
  return ReadLines(STDIN_FILENO, [&](std::string_view line) {
    producer.Send(MessageOf(common, arguments, line), receipts.Next());
  });
}

// Sends the input and waits for its outcomes. An interrupt closes the producer from beside: that
// wakes a Send that waits for memory and a Close that waits for a broker, and leaves what is under
// way a last moment.
Status SendAndClose(Producer& producer, Receipts& receipts, const ProduceArguments& arguments,
                    std::chrono::milliseconds close_timeout) {
  const InterruptWatch watch([&] { (void)producer.Close(kInterruptedCloseTimeout); });
  const auto read = SendInput(producer, receipts, arguments);
  const auto closed = producer.Close(IsInterrupted() ? kInterruptedCloseTimeout : close_timeout);
  if (!read || receipts.unacked() > 0) return read;  // The receipts have told the reasons.
  return closed;
}

int Summarize(const Receipts& receipts, const Status& outcome) {
  if (!outcome && !IsInterrupted()) return ReportError("cannot produce", outcome.error());
  const auto unacked = receipts.unacked();
  if (unacked > 0) {
    fmt::print(stderr, "raftmq: {}{} of {} records were not acknowledged\n",
               IsInterrupted() ? "interrupted: " : "", unacked, receipts.sent());
  }
  if (IsInterrupted()) return kExitInterrupted;
  return unacked > 0 ? kExitFailed : kExitOk;
}

// A partition that is not there is said once, before the input is read.
Status CheckPartition(Client& client, const ProduceArguments& arguments) {
  if (!arguments.partition) return Ok();
  RAFTMQ_TRY_ASSIGN(const auto topic, DescribeTopic(client, arguments.topic));
  if (*arguments.partition < topic.partitions.size()) return Ok();
  return Fail(ErrorCode::kPartitionNotFound,
              fmt::format("expected a partition from 0 to {}, found {}",
                          topic.partitions.size() - 1, *arguments.partition));
}

}  // namespace

int Produce(const GlobalArguments& global, const ProduceArguments& arguments) {
  const auto config = ProducerSetup(arguments.topic, arguments.acks, arguments.codec);
  if (!config) return ReportError("cannot produce", config.error());
  std::optional<InterruptEnds> preparing(std::in_place);
  auto client = Connect(global);
  if (!client) return ReportError("cannot reach the cluster", client.error());
  Receipts receipts(arguments.verbose);  // Outlives the producer, whose callbacks use it.
  ProducerConfig producer_config = *config;
  producer_config.linger = arguments.linger;
  producer_config.name = arguments.name;
  if (global.timeout) producer_config.delivery_timeout = *global.timeout;
  auto producer = Producer::Create(*client, producer_config);
  if (!producer) {
    if (producer.error().code == ErrorCode::kTopicNotFound) {  // Ask again for the nearest name.
      if (const auto topic = DescribeTopic(*client, arguments.topic); !topic)
        return ReportError("cannot produce", topic.error());
    }
    return ReportError(fmt::format("cannot produce to '{}'", arguments.topic), producer.error());
  }
  if (const auto known = CheckPartition(*client, arguments); !known)
    return ReportError(fmt::format("cannot produce to '{}'", arguments.topic), known.error());
  preparing.reset();
  const auto outcome = SendAndClose(*producer, receipts, arguments,
                                    producer_config.delivery_timeout + std::chrono::seconds(1));
  return Summarize(receipts, outcome);
}

}  // namespace raftmq::cli

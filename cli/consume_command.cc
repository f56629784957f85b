#include <fmt/format.h>

#include <chrono>
#include <map>
#include <optional>
#include <vector>

#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/message_format.h"
#include "cli/output.h"
#include "cli/start_position.h"
#include "protocol/net/address.h"
#include "protocol/types/clock.h"
#include "raftmq/consumer.h"

namespace raftmq::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPollSlice{200};  // How soon Ctrl-C and --timeout are noticed.

class Printer {
 public:
  static Result<Printer> Make(const ConsumeArguments& arguments, const GlobalArguments& global) {
    Printer printer;
    printer.topic_ = arguments.topic;
    printer.json_ =
        arguments.json || (global.format == OutputFormat::kJson && arguments.template_text.empty());
    const std::string text = arguments.template_text.empty() ? "%v\\n" : arguments.template_text;
    RAFTMQ_TRY_ASSIGN(printer.template_, MessageTemplate::Parse(text));
    return printer;
  }
  void Append(const MessageView& message, std::string* to) const {
    if (json_) {
      AppendJson(topic_, message, to);
    } else {
      template_.Append(topic_, message, to);
    }
  }

 private:
  std::string topic_;
  bool json_ = false;
  MessageTemplate template_;
};

// Which partitions have not yet been read up to the end that was seen at the start.
class Goal {
 public:
  void Set(const std::vector<Consumer::Position>& ends) {
    for (const auto& end : ends) ends_[end.partition] = end.end;
  }
  void Drop(const std::vector<Consumer::Position>& positions) {
    for (const auto& position : positions) {
      const auto end = ends_.find(position.partition);
      if (end != ends_.end() && position.next_offset >= end->second) ends_.erase(end);
    }
  }
  bool IsReached() const { return ends_.empty(); }

 private:
  std::map<std::uint32_t, std::uint64_t> ends_;
};

// The node that --replica means; 0 = the leaders.
Result<std::uint32_t> ChooseReplica(Client& client, const std::string& wanted) {
  if (wanted == "leader") return 0u;
  RAFTMQ_TRY_ASSIGN(const ClusterDescription cluster, client.Describe({}));
  std::vector<std::uint32_t> known;
  for (const auto& node : cluster.nodes) {
    const bool is_here = Address{node.host, node.port}.IsLoopback();
    if (wanted == std::to_string(node.node) || (wanted == "nearest" && is_here)) return node.node;
    known.push_back(node.node);
  }
  if (wanted == "nearest") return 0u;
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("--replica: expected leader, nearest or a node ({}), found '{}'",
                          fmt::join(known, ", "), wanted));
}

// Without a goal the broker refuses such a start; with one, nothing would be read, and that would
// look like an empty partition.
Status CheckStart(const StartPosition& start, const std::vector<Consumer::Position>& ends) {
  if (start.kind != StartPosition::Kind::kOffset) return Ok();
  for (const auto& end : ends) {
    if (start.value <= end.end) continue;
    return Fail(ErrorCode::kOffsetBeyondEnd,
                fmt::format("offset {} is beyond the end {} of partition {}", start.value, end.end,
                            end.partition));
  }
  return Ok();
}

// Prints until the count, the end, the timeout or Ctrl-C. Returns the exit code.
int PrintMessages(Consumer& consumer, const Printer& printer, const ConsumeArguments& arguments,
                  Goal goal, std::optional<std::chrono::milliseconds> timeout) {
  Output out;
  std::uint64_t left = arguments.count.value_or(~std::uint64_t{0});
  auto last_progress = Clock::now();
  std::string text;
  while (left > 0 && !IsInterrupted()) {
    if (arguments.end) {
      goal.Drop(consumer.Positions());
      if (goal.IsReached()) return kExitOk;
    }
    const auto batch = consumer.Poll(kPollSlice);
    if (!batch) {
      out.Flush();
      return ReportError(fmt::format("cannot consume '{}'", arguments.topic), batch.error());
    }
    text.clear();
    for (const auto& message : batch->messages) {
      if (left == 0) break;
      printer.Append(message, &text);
      --left;
    }
    out.Write(text);
    if (!batch->messages.empty()) {
      last_progress = Clock::now();
      if (batch->messages.size() < 64)
        out.Flush();  // A trickle is shown at once; a flood fills the buffer.
      continue;
    }
    out.Flush();
    if (timeout && Clock::now() - last_progress >= *timeout) {
      if (!arguments.count && !arguments.end) return kExitOk;
      fmt::print(stderr, "raftmq: stopped: no message came within --timeout {} ms\n",
                 timeout->count());
      return kExitUnreachable;
    }
  }
  return IsInterrupted() ? kExitInterrupted : kExitOk;
}

}  // namespace

int Consume(const GlobalArguments& global, const ConsumeArguments& arguments) {
  const auto printer = Printer::Make(arguments, global);
  if (!printer) return ReportError("cannot consume", printer.error());
  const auto start = ParseStartPosition(arguments.from, RealClock().WallNowMs());
  if (!start) return ReportError("cannot consume", start.error());
  std::optional<InterruptEnds> preparing(std::in_place);
  auto client = Connect(global);
  if (!client) return ReportError("cannot reach the cluster", client.error());
  const auto topic = DescribeTopic(*client, arguments.topic);
  if (!topic) return ReportError("cannot consume", topic.error());
  ConsumerConfig config;
  config.topic = arguments.topic;
  config.partitions = arguments.partitions;
  config.start = *start;
  const auto replica = ChooseReplica(*client, arguments.replica);
  if (!replica) return ReportError("cannot consume", replica.error());
  config.replica = *replica;
  config.linearizable = arguments.linearizable;
  auto consumer = Consumer::Create(*client, config);
  if (!consumer)
    return ReportError(fmt::format("cannot consume '{}'", arguments.topic), consumer.error());
  Goal goal;
  if (arguments.end) {
    const auto ends = consumer->Ends();
    if (!ends) return ReportError("cannot ask for the end", ends.error());
    if (const auto inside = CheckStart(*start, *ends); !inside)
      return ReportError(fmt::format("cannot consume '{}'", arguments.topic), inside.error());
    goal.Set(*ends);
  }
  preparing.reset();
  return PrintMessages(*consumer, *printer, arguments, std::move(goal), global.timeout);
}

}  // namespace raftmq::cli

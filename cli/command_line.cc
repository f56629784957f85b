#include "cli/command_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <iostream>
#include <limits>
#include <memory>
#include <optional>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/quantity.h"
#include "protocol/types/batch_header.h"
#include "protocol/types/nearest.h"

namespace raftmq::cli {
namespace {

constexpr const char* kVersion = "raftmq " RAFTMQ_VERSION;
constexpr const char* kExamples =
    "Examples:\n"
    "  raftmq local up                              start a broker on this machine\n"
    "  raftmq topic create orders -p 6              a topic of six partitions\n"
    "  echo 'k1:hello' | raftmq produce orders -K : one message per line, keyed\n"
    "  raftmq consume orders -e                     everything up to now\n"
    "  raftmq consume orders -o -10 --json          the last ten of each partition\n";

constexpr Bounds<std::uint64_t> kAny{0, std::numeric_limits<std::uint64_t>::max()};
constexpr Bounds<std::uint64_t> kAny32{0, std::numeric_limits<std::uint32_t>::max()};
constexpr Bounds<std::uint64_t> kSomeNode{1, std::numeric_limits<std::uint32_t>::max()};
constexpr Bounds<std::uint64_t> kBenchClients{1, 1000};  // Each costs a thread and a connection.

// A year: any longer, and a deadline counted from now might not fit into a clock.
constexpr std::chrono::milliseconds kDurationMax = std::chrono::hours(365 * 24);
constexpr Bounds<std::chrono::milliseconds> kAnyDuration{std::chrono::milliseconds(0),
                                                         kDurationMax};
constexpr Bounds<std::chrono::milliseconds> kSomeDuration{std::chrono::milliseconds(1),
                                                          kDurationMax};

// Everything the parser writes into, and what to run when it is done.
struct Parsed {
  GlobalArguments global;
  std::string format = "text";
  std::string timeout;
  TopicCreateArguments topic_create;
  std::vector<std::string> settings;
  TopicNameArguments topic;
  TopicTrimArguments trim;
  ProduceArguments produce;
  std::string linger = "5ms";
  ConsumeArguments consume;
  PartitionListArguments partitions;
  TransferLeaderArguments transfer;
  AcceptLossArguments loss;
  NodeReplaceArguments node_replace;
  HealthArguments health;
  ScrubArguments scrub;
  LogArguments log;
  BenchArguments bench;
  std::string bench_size = "1024", bench_duration = "10s", bench_batch = "1MiB";
  LocalArguments local;
  std::string shell;
  std::function<int()> run;
};

[[noreturn]] void Refuse(const std::string& what) { throw CLI::ValidationError(what, kExitUsage); }

std::chrono::milliseconds DurationOf(const std::string& option,
                                     Bounds<std::chrono::milliseconds> bounds,
                                     const std::string& text) {
  const auto duration = ParseDurationIn(bounds, text);
  if (!duration) Refuse(fmt::format("{}: {}", option, duration.error().message));
  return *duration;
}

std::uint64_t BytesOf(const std::string& option, Bounds<std::uint64_t> bounds,
                      const std::string& text) {
  const auto bytes = ParseBytesIn(bounds, text);
  if (!bytes) Refuse(fmt::format("{}: {}", option, bytes.error().message));
  return *bytes;
}

template <class Number>
void Store(std::uint64_t count, Number* to) {
  *to = static_cast<Number>(count);
}
template <class Number>
void Store(std::uint64_t count, std::optional<Number>* to) {
  *to = static_cast<Number>(count);
}

// An option or positional that is a number, or several of them. REQUIRES: `to` holds the bounds.
CLI::Option* AddCounts(CLI::App* verb, const std::string& names, const std::string& help,
                       Bounds<std::uint64_t> bounds, std::function<void(std::uint64_t)> store) {
  const auto take = [=](const std::vector<std::string>& texts) {
    for (const auto& text : texts) {
      const auto count = ParseCountIn(bounds, text);
      if (!count) Refuse(fmt::format("{}: {}", names, count.error().message));
      store(*count);
    }
  };
  return verb->add_option_function<std::vector<std::string>>(names, take, help)->type_name("UINT");
}

template <class To>
CLI::Option* AddCount(CLI::App* verb, const std::string& names, To* to, const std::string& help,
                      Bounds<std::uint64_t> bounds) {
  return AddCounts(verb, names, help, bounds, [to](std::uint64_t count) { Store(count, to); })
      ->expected(1);
}

// A verb: its name, its help, and what runs it.
CLI::App* AddVerb(CLI::App* parent, Parsed* parsed, const std::string& name,
                  const std::string& help, std::function<int()> run) {
  CLI::App* const verb = parent->add_subcommand(name, help);
  verb->fallthrough();
  verb->callback([parsed, run = std::move(run)] { parsed->run = run; });
  return verb;
}

// The same for one that an interrupt may end wherever it waits.
CLI::App* AddBriefVerb(CLI::App* parent, Parsed* parsed, const std::string& name,
                       const std::string& help, const std::function<int()>& run) {
  return AddVerb(parent, parsed, name, help, [run] {
    const InterruptEnds ends;
    return run();
  });
}

CLI::App* AddNoun(CLI::App* parent, const std::string& name, const std::string& help) {
  CLI::App* const noun = parent->add_subcommand(name, help);
  noun->fallthrough();
  noun->require_subcommand(1);
  return noun;
}

void AddTopicVerbs(CLI::App* app, Parsed* p) {
  CLI::App* const noun = AddNoun(app, "topic", "Create, list, describe, delete and trim topics");
  auto* create = AddBriefVerb(noun, p, "create", "Create a topic", [p] {
    for (const auto& text : p->settings) {
      const auto equals = text.find('=');
      if (equals == std::string::npos)
        Refuse(fmt::format("expected -c KEY=VALUE, found '{}'", text));
      p->topic_create.settings[text.substr(0, equals)] = text.substr(equals + 1);
    }
    return TopicCreate(p->global, p->topic_create);
  });
  create->add_option("name", p->topic_create.name, "Name: [A-Za-z0-9._-], up to 200 characters")
      ->required();
  AddCount(create, "-p,--partitions", &p->topic_create.partitions, "Number of partitions", kAny32)
      ->default_str("1");
  AddCount(create, "-r,--replicas", &p->topic_create.replicas,
           "Replicas of each partition (default: min(3, nodes))", kAny32);
  create->add_option("-c,--config", p->settings,
                     "Topic setting KEY=VALUE, for example retention.ms=86400000");
  AddBriefVerb(noun, p, "list", "List topics", [p] { return TopicList(p->global); });
  auto* describe = AddBriefVerb(noun, p, "describe", "Show partitions, leaders, offsets, size",
                                [p] { return TopicDescribe(p->global, p->topic); });
  describe->add_option("name", p->topic.name, "Topic")->required();
  auto* remove = AddBriefVerb(noun, p, "delete", "Delete a topic and its messages",
                              [p] { return TopicDelete(p->global, p->topic); });
  remove->add_option("name", p->topic.name, "Topic")->required();
  remove->add_flag("--yes", p->topic.yes, "Do it without being asked");
  auto* trim = AddBriefVerb(noun, p, "trim", "Remove the messages below an offset",
                            [p] { return TopicTrim(p->global, p->trim); });
  trim->add_option("partition", p->trim.partition, "TOPIC/PARTITION")->required();
  AddCount(trim, "--to", &p->trim.to, "First offset to keep", kAny)->required();
  trim->add_flag("--yes", p->trim.yes, "Do it without being asked");
}

void AddProduce(CLI::App* app, Parsed* p) {
  auto* verb = AddVerb(app, p, "produce", "Send lines of stdin, one message each", [p] {
    p->produce.linger = DurationOf("--linger", kAnyDuration, p->linger);
    return Produce(p->global, p->produce);
  });
  verb->add_option("topic", p->produce.topic, "Topic")->required();
  AddCount(verb, "-p,--partition", &p->produce.partition, "Partition (default: by key)", kAny32);
  auto* key = verb->add_option("-k,--key", p->produce.key, "Key of every message");
  verb->add_option("-K,--key-separator", p->produce.key_separator,
                   "Split each line into key and value at the first SEP")
      ->excludes(key);
  verb->add_option("-H,--header", p->produce.headers, "Header NAME=VALUE; may repeat");
  verb->add_option("-z,--codec", p->produce.codec, "Compression: none, lz4, zstd")
      ->capture_default_str();
  verb->add_option("--linger", p->linger, "How long a batch waits for more")->capture_default_str();
  verb->add_option("--acks", p->produce.acks,
                   "quorum: synced on a majority, survives power loss of all nodes; leader-memory: "
                   "may vanish with the leader; "
                   "none: may vanish anywhere, unnoticed")
      ->capture_default_str();
  verb->add_option("--name", p->produce.name,
                   "Who produces: fences earlier producers of this name and goes on behind them");
  verb->add_option("--file", p->produce.file, "Send this file's bytes as one message");
  verb->add_flag("-v,--verbose", p->produce.verbose,
                 "Print PARTITION@OFFSET of each message, in input order");
}

void AddConsume(CLI::App* app, Parsed* p) {
  auto* verb =
      AddVerb(app, p, "consume", "Print messages", [p] { return Consume(p->global, p->consume); });
  verb->add_option("topic", p->consume.topic, "Topic")->required();
  AddCounts(verb, "-p,--partition", "Partition; may repeat (default: all)", kAny32,
            [p](std::uint64_t partition) {
              p->consume.partitions.push_back(static_cast<std::uint32_t>(partition));
            });
  verb->add_option("-o,--offset", p->consume.from,
                   "start | end | N | -N (last N) | @2026-01-31T10:00 | -1h")
      ->capture_default_str();
  AddCount(verb, "-n,--count", &p->consume.count, "Stop after this many messages", kAny);
  verb->add_flag("-e,--exit-at-end", p->consume.end, "Stop at the end seen at the start");
  auto* text =
      verb->add_option("-f,--template", p->consume.template_text,
                       "Print by template: %t %p %o %k %v %T %h, \\n; no newline is added");
  verb->add_option("--replica", p->consume.replica,
                   "Whom to read from: leader, nearest (a replica on this machine) or a node");
  verb->add_flag("--linearizable", p->consume.linearizable,
                 "See everything that was acked before, whoever is read; fails without a majority");
  verb->add_flag("--json", p->consume.json, "One JSON object per message")->excludes(text);
}

void AddAcceptLoss(CLI::App* partition, Parsed* p) {
  auto* loss = AddBriefVerb(partition, p, "accept-loss",
                            "Give up damaged messages of which no replica has a good copy",
                            [p] { return PartitionAcceptLoss(p->global, p->loss); });
  loss->add_option("partition", p->loss.partition, "TOPIC/PARTITION")->required();
  AddCount(loss, "--to", &p->loss.to, "First offset to keep", kAny)->required();
  loss->add_flag("--yes", p->loss.yes, "Do it without being asked");
  loss->footer(
      "DATA_CORRUPT names the offsets that are damaged. The partition then starts behind them, so\n"
      "what lies before them goes as well: read it first. Refused where nothing is damaged, or a\n"
      "replica may have a good copy. It needs a leader. A replica that lacks the damaged segment "
      "is\n"
      "filled again once all of that segment is given up: `topic trim` to the offset that is "
      "printed.");
}

void AddClusterVerbs(CLI::App* app, Parsed* p) {
  CLI::App* const partition = AddNoun(app, "partition", "Look at partitions and their leaders");
  auto* list =
      AddBriefVerb(partition, p, "list", "Leader, term, replicas and offsets of partitions",
                   [p] { return PartitionList(p->global, p->partitions); });
  list->add_option("topic", p->partitions.topic, "Topic (default: all)");
  auto* transfer = AddBriefVerb(partition, p, "transfer-leader",
                                "Hand the leadership to another replica and wait until it leads",
                                [p] { return PartitionTransferLeader(p->global, p->transfer); });
  transfer->add_option("target", p->transfer.target, "TOPIC/PARTITION:NODE, for example orders/0:2")
      ->required();
  AddAcceptLoss(partition, p);
  CLI::App* const node = AddNoun(app, "node", "Change the nodes of the cluster");
  auto* replace = AddBriefVerb(node, p, "replace",
                               "A node's data directory is gone for good: it comes back with an "
                               "empty one and gets what it held from the others",
                               [p] { return NodeReplace(p->global, p->node_replace); });
  AddCount(replace, "node", &p->node_replace.node, "Node id", {1, UINT32_MAX})->required();
  replace->add_flag("--yes", p->node_replace.yes, "Do it without being asked");
  replace->add_flag("--wait", p->node_replace.wait,
                    "Wait until its replicas are back, up to --timeout; exit 5 if they are not");
  CLI::App* const cluster = AddNoun(app, "cluster", "Look at the cluster");
  AddBriefVerb(cluster, p, "info", "Cluster id, nodes and totals",
               [p] { return ClusterInfo(p->global); });
  auto* health = AddBriefVerb(cluster, p, "health", "Whether every partition has a leader",
                              [p] { return ClusterHealth(p->global, p->health); });
  health->add_flag("--wait", p->health.wait,
                   "Wait until healthy, up to --timeout; exit 5 if it is not by then");
}

void AddScrubVerbs(CLI::App* app, Parsed* p) {
  CLI::App* const noun =
      AddNoun(app, "scrub", "Read and check everything that running brokers store");
  auto* start = AddBriefVerb(noun, p, "start", "Begin now instead of when it is due",
                             [p] { return ScrubStart(p->global, p->scrub); });
  start->add_flag("--wait", p->scrub.wait,
                  "Wait until everything is read; exit 5 if damage is open then");
  auto* status =
      AddBriefVerb(noun, p, "status", "Progress, the last pass, and damage: exit 5 if some is open",
                   [p] { return ScrubStatus(p->global, p->scrub); });
  for (auto* verb : {start, status})
    AddCount(verb, "--node", &p->scrub.node, "Only this node (default: all)", kSomeNode);
}

void AddLogVerbs(CLI::App* app, Parsed* p) {
  CLI::App* const noun =
      AddNoun(app, "log", "Look into stopped data directories and segment files");
  auto* dump = AddVerb(noun, p, "dump", "One JSON object per entry",
                       [p] { return LogDump(p->global, p->log); });
  auto* verify = AddVerb(noun, p, "verify",
                         "Check every hash, index and boundary, and replicas against one another: "
                         "exit 0 clean, 1 damaged or different, 4 absent",
                         [p] { return LogVerify(p->global, p->log); });
  for (auto* verb : {dump, verify})
    verb->add_option("path", p->log.paths, "Data directory, partition directory or segment file")
        ->required();
}

void AddBenchMessageOptions(CLI::App* verb, Parsed* p) {
  verb->add_option("--size", p->bench_size, "Bytes of a message's value")->capture_default_str();
  verb->add_option("--acks", p->bench.acks, "quorum, leader-memory, none")->capture_default_str();
  verb->add_option("-z,--codec", p->bench.codec, "none, lz4, zstd")->capture_default_str();
}

void AddBenchRateOptions(CLI::App* verb, Parsed* p) {
  AddCount(verb, "--rate", &p->bench.rate,
           "Messages per second over all clients; latency then counts from the due time", kAny);
  verb->add_option("--batch", p->bench_batch, "Bytes of a batch")->capture_default_str();
}

void AddBenchVerbs(CLI::App* app, Parsed* p) {
  CLI::App* const noun = AddNoun(app, "bench", "Measure a cluster");
  const auto settle = [p] {
    p->bench.size = BytesOf("--size", {0, kBatchBytesMax}, p->bench_size);
    p->bench.batch = BytesOf("--batch", {kBatchHeaderBytes + 1, kBatchBytesMax}, p->bench_batch);
    p->bench.duration = DurationOf("--duration", kSomeDuration, p->bench_duration);
  };
  auto* produce = AddVerb(noun, p, "produce", "Send as fast as possible, or at --rate",
                          [=] { return settle(), BenchProduce(p->global, p->bench); });
  auto* consume =
      AddVerb(noun, p, "consume", "Read everything from the start; latency is not measured",
              [=] { return settle(), BenchConsume(p->global, p->bench); });
  auto* latency = AddVerb(noun, p, "latency", "One message at a time",
                          [=] { return settle(), BenchLatency(p->global, p->bench); });
  for (auto* verb : {produce, consume, latency}) {
    verb->add_option("topic", p->bench.topic, "Topic")->required();
    verb->add_option("--duration", p->bench_duration, "How long")->capture_default_str();
    AddCount(verb, "--clients", &p->bench.clients, "Clients, each with its own connection",
             kBenchClients)
        ->default_str("1");
    verb->add_flag("--no-progress", p->bench.no_progress, "No progress line (it costs a little)");
    AddBenchMessageOptions(verb, p);
  }
  AddBenchRateOptions(produce, p);
  AddBenchRateOptions(consume, p);
  // One command line serves both verbs, so that a script changes only the word.
  for (const char* name : {"--size", "--acks", "--codec", "--rate", "--batch"})
    consume->get_option(name)->group("Taken as by bench produce, and ignored");
}

void AddLocalVerbs(CLI::App* app, Parsed* p) {
  CLI::App* const noun = AddNoun(app, "local", "Brokers on this machine, for trying things out");
  auto* up = AddVerb(noun, p, "up", "Start them in the background, or continue what is there",
                     [p] { return LocalUp(p->global, p->local); });
  AddCount(up, "-n,--nodes", &p->local.nodes, "Number of brokers", kAny32)->default_str("1");
  auto* status = AddVerb(noun, p, "status", "State, addresses and directories",
                         [p] { return LocalStatus(p->global, p->local); });
  auto* stop = AddVerb(noun, p, "stop", "Stop one broker cleanly (TERM)",
                       [p] { return LocalStop(p->global, p->local); });
  auto* kill = AddVerb(noun, p, "kill", "Kill one broker (KILL)",
                       [p] { return LocalKill(p->global, p->local); });
  auto* pause = AddVerb(noun, p, "pause", "Freeze one broker (STOP)",
                        [p] { return LocalPause(p->global, p->local); });
  auto* start = AddVerb(noun, p, "start", "Start or continue one broker",
                        [p] { return LocalStart(p->global, p->local); });
  auto* down = AddVerb(noun, p, "down", "Stop all of them; the data stays",
                       [p] { return LocalDown(p->global, p->local); });
  for (auto* verb : {up, status, stop, kill, pause, start, down}) {
    verb->add_option("--dir", p->local.directory, "Where the cluster lives")->capture_default_str();
  }
  for (auto* verb : {stop, kill, pause, start})
    AddCount(verb, "node", &p->local.node, "Node number", kAny32)->required();
}

CommandNode TreeOf(const CLI::App* app) {
  CommandNode node{app->get_name(), app->get_description(), {}, {}};
  for (const auto* option : app->get_options()) {
    for (const auto& name : option->get_snames()) node.options.push_back("-" + name);
    for (const auto& name : option->get_lnames()) node.options.push_back("--" + name);
  }
  for (const auto* child : app->get_subcommands([](const CLI::App*) { return true; }))
    node.children.push_back(TreeOf(child));
  return node;
}

int PrintCompletion(const CLI::App* app, const std::string& shell) {
  const CommandNode tree = TreeOf(app);
  if (shell == "bash") {
    std::cout << BashCompletion(tree);
  } else if (shell == "zsh") {
    std::cout << ZshCompletion(tree);
  } else if (shell == "fish") {
    std::cout << FishCompletion(tree);
  } else {
    Refuse(fmt::format("expected bash, zsh or fish, found '{}'", shell));
  }
  return kExitOk;
}

std::unique_ptr<CLI::App> MakeApp(Parsed* p) {
  auto app =
      std::make_unique<CLI::App>("The raftmq tool: topics, messages, clusters, logs.", "raftmq");
  app->set_version_flag("--version", kVersion);
  app->require_subcommand(1);
  app->footer(kExamples);
  app->add_option("--brokers", p->global.brokers,
                  "HOST:PORT,... (default: those of ./raftmq-local, else 127.0.0.1:7440)")
      ->delimiter(',')
      ->envname("RAFTMQ_BROKERS");
  app->add_option("--format", p->format, "Output: text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  app->add_option("--timeout", p->timeout, "How long to wait for an answer, for example 10s");
  AddTopicVerbs(app.get(), p);
  AddProduce(app.get(), p);
  AddConsume(app.get(), p);
  AddClusterVerbs(app.get(), p);
  AddScrubVerbs(app.get(), p);
  AddLogVerbs(app.get(), p);
  AddBenchVerbs(app.get(), p);
  AddLocalVerbs(app.get(), p);
  auto* completion =
      AddVerb(app.get(), p, "completion", "Print a completion script: bash, zsh or fish",
              [p, root = app.get()] { return PrintCompletion(root, p->shell); });
  completion->add_option("shell", p->shell, "bash, zsh or fish")->required();
  return app;
}

// "; did you mean 'consume'?" for the first word that is neither an option nor a command; what a
// noun has to offer where nothing is near.
std::string HintFor(const CLI::App& app, int argc, char** argv) {
  const CLI::App* at = &app;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const auto children = at->get_subcommands([](const CLI::App*) { return true; });
    if (word.starts_with("-") || children.empty()) return "";
    std::vector<std::string> names;
    const CLI::App* next = nullptr;
    for (const auto* child : children) {
      names.push_back(child->get_name());
      if (child->get_name() == word) next = child;
    }
    if (!next) {
      const auto hint = DidYouMean(word, std::vector<std::string_view>(names.begin(), names.end()));
      return hint.empty() ? fmt::format(": expected {}, found '{}'", fmt::join(names, ", "), word)
                          : hint;
    }
    at = next;
  }
  return "";
}

}  // namespace

int RunCommandLine(int argc, char** argv) {
  Parsed parsed;
  const auto app = MakeApp(&parsed);
  try {
    app->parse(argc, argv);
    parsed.global.format = parsed.format == "json" ? OutputFormat::kJson : OutputFormat::kText;
    if (!parsed.timeout.empty())
      parsed.global.timeout = DurationOf("--timeout", kSomeDuration, parsed.timeout);
    return parsed.run();
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app->exit(error);  // --help and --version.
    std::cerr << "raftmq: " << error.what() << HintFor(*app, argc, argv)
              << "\nSee raftmq --help.\n";
    return kExitUsage;
  }
}

}  // namespace raftmq::cli

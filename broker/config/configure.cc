#include "broker/config/configure.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "broker/config/command_line.h"
#include "broker/config/config_loader.h"
#include "broker/config/host_checks.h"
#include "broker/config/settings_check.h"
#include "broker/config/settings_print.h"
#include "raftmq/result.h"

namespace raftmq {
namespace {

constexpr std::size_t kFileMax = 1u << 20;

Status CannotRead(const std::string& path, std::string_view why) {
  return Fail(ErrorCode::kBadConfig,
              fmt::format("cannot read the file of --config: {}: {}", path, why));
}

Result<std::string> ReadAll(int descriptor, const std::string& path) {
  std::string text;
  std::array<char, 16'384> chunk;
  while (true) {
    const ssize_t got = read(descriptor, chunk.data(), chunk.size());
    if (got < 0) return Fail(CannotRead(path, std::strerror(errno)).error());
    if (got == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(got));
    if (text.size() > kFileMax) return Fail(CannotRead(path, "expected at most 1 MiB").error());
  }
}

// O_NONBLOCK: a fifo without a writer must not hang the start.
Result<std::string> ReadConfigFile(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return Fail(CannotRead(path, std::strerror(errno)).error());
  struct stat info {};
  Result<std::string> text = fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode)
                                 ? ReadAll(descriptor, path)
                                 : Fail(CannotRead(path, "expected a regular file").error());
  close(descriptor);
  return text;
}

constexpr std::size_t kLineMax = 1'000;

// Values come from outside: they must not move the cursor, fake lines of their own or fill a disk.
std::string OnOneLine(std::string text) {
  if (text.size() > kLineMax) text.replace(kLineMax, std::string::npos, "...");
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

Configured Usage(const std::string& message) {
  return {.exit_code = kExitUsage, .err = fmt::format("raftmqd: {}\n", OnOneLine(message))};
}

Configured Refused(const std::vector<ConfigProblem>& problems) {
  Configured refused{.exit_code = kExitUsage};
  for (const ConfigProblem& problem : problems) {
    refused.err += fmt::format("raftmqd: {}\n", OnOneLine(problem.ToString()));
  }
  return refused;
}

}  // namespace

Configured Configure(const std::vector<std::string>& arguments, const Environment& environment) {
  const auto line = ParseCommandLine(arguments);
  if (!line) return Usage(line.error().message);
  if (line->action == CommandLineAction::kHelp) return {.exit_code = 0, .out = line->help_text};
  if (line->action == CommandLineAction::kVersion) {
    return {.exit_code = 0, .out = "raftmqd " RAFTMQ_VERSION "\n"};
  }
  ConfigSources sources{.environment = environment, .sets = line->sets, .flags = line->flags};
  if (line->config_file) {
    auto text = ReadConfigFile(*line->config_file);
    if (!text) return Usage(text.error().message);
    sources.file_text = std::move(*text);
    sources.file_name = *line->config_file;
  }
  LoadedConfig config = LoadConfig(sources);
  for (ConfigProblem& problem : CheckHost(config)) config.problems.push_back(std::move(problem));
  if (!config.problems.empty()) {
    Configured refused = Refused(config.problems);
    // Also what is wrong is better seen in full.
    if (line->action == CommandLineAction::kPrintConfig) refused.out = PrintConfig(config);
    return refused;
  }
  if (line->action == CommandLineAction::kCheckConfig) {
    return {.exit_code = 0, .out = "the configuration is good\n"};
  }
  if (line->action == CommandLineAction::kPrintConfig) {
    return {.exit_code = 0, .out = PrintConfig(config)};
  }
  return {.settings = config.settings, .warnings = WarningsOf(config.settings)};
}

Environment ProcessEnvironment() {
  Environment variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

}  // namespace raftmq

#include "cli/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <thread>

namespace raftmq::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kExecFailed = 127;
// Nobody but its parent is told when a process stops: we have to look.
constexpr std::chrono::milliseconds kBetweenLooks{1};
constexpr std::chrono::seconds kEndTimeout{5};  // For a process that has closed its stdout.

std::string ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

int MillisecondsUntil(Clock::time_point deadline) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return left < 0 ? 0 : static_cast<int>(left);
}

[[noreturn]] void RunChild(const std::vector<std::string>& command, int out, int log) {
  setsid();
  std::vector<char*> words;
  for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  std::signal(SIGPIPE, SIG_DFL);
  execvp(words[0], words.data());
  _exit(kExecFailed);
}

// nullopt at the deadline; an incomplete line means that the process closed its stdout.
std::optional<std::string> ReadLine(int descriptor, Clock::time_point deadline) {
  std::string line;
  for (;;) {
    pollfd waiting{descriptor, POLLIN, 0};
    const int ready = poll(&waiting, 1, MillisecondsUntil(deadline));
    if (ready < 0 && errno == EINTR) return std::nullopt;
    if (ready == 0) return std::nullopt;
    char c = 0;
    if (read(descriptor, &c, 1) != 1) return "";
    if (c == '\n') return line;
    line += c;
  }
}

// True once the process has ended (its status is still to be collected if it is a child).
bool HasEnded(pid_t pid, std::chrono::milliseconds timeout) {
  const auto descriptor = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (descriptor < 0) return true;
  pollfd waiting{descriptor, POLLIN, 0};
  const auto deadline = Clock::now() + timeout;
  int ready = 0;
  do {
    ready = poll(&waiting, 1, MillisecondsUntil(deadline));
  } while (ready < 0 && errno == EINTR);
  close(descriptor);
  return ready > 0;
}

// What a stat file of /proc says; kStopped if it is not there any more.
ProcessState StateIn(const std::string& path) {
  const std::string stat = ReadWhole(path);
  const auto name_end = stat.rfind(')');
  if (name_end == std::string::npos || name_end + 2 >= stat.size()) return ProcessState::kStopped;
  switch (stat[name_end + 2]) {
    case 'T':
    case 't':
      return ProcessState::kPaused;
    case 'Z':
    case 'X':
      return ProcessState::kStopped;
    default:
      return ProcessState::kRunning;
  }
}

bool AreAllThreadsPaused(pid_t pid) {
  std::error_code gone;
  const std::filesystem::directory_iterator threads("/proc/" + std::to_string(pid) + "/task", gone);
  if (gone) return true;
  for (const auto& thread : threads) {
    if (StateIn(thread.path().string() + "/stat") == ProcessState::kRunning) return false;
  }
  return true;
}

}  // namespace

ProcessState StateOf(pid_t pid, const std::string& marker) {
  if (pid <= 0) return ProcessState::kStopped;
  const std::string folder = "/proc/" + std::to_string(pid);
  if (ReadWhole(folder + "/cmdline").find(marker) == std::string::npos)
    return ProcessState::kStopped;
  return StateIn(folder + "/stat");
}

Status WaitUntilPaused(pid_t pid, std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (!AreAllThreadsPaused(pid)) {
    if (Clock::now() > deadline) {
      return Fail(ErrorCode::kTimeout,
                  fmt::format("process {} is not frozen after {} ms", pid, timeout.count()));
    }
    std::this_thread::sleep_for(kBetweenLooks);
  }
  return Ok();
}

Status SendSignal(pid_t pid, int signal) {
  if (kill(pid, signal) == 0) return Ok();
  return Fail(ErrorCode::kNotFound,
              fmt::format("cannot signal process {}: {}", pid, std::strerror(errno)));
}

Status WaitUntilGone(pid_t pid, std::chrono::milliseconds timeout) {
  const bool ended = HasEnded(pid, timeout);
  waitpid(pid, nullptr, WNOHANG);  // If it was started by this very process.
  if (ended) return Ok();
  return Fail(ErrorCode::kTimeout,
              fmt::format("process {} is still there after {} ms", pid, timeout.count()));
}

Result<Started> StartInBackground(const std::vector<std::string>& command,
                                  const std::string& log_path, std::chrono::milliseconds timeout) {
  const int log = open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0)
    return Fail(ErrorCode::kIoError,
                fmt::format("cannot open '{}': {}", log_path, std::strerror(errno)));
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    close(log);
    return Fail(ErrorCode::kIoError, fmt::format("cannot make a pipe: {}", std::strerror(errno)));
  }
  const pid_t pid = fork();
  if (pid == 0) RunChild(command, ends[1], log);
  close(ends[1]);
  close(log);
  if (pid < 0) {
    close(ends[0]);
    return Fail(ErrorCode::kIoError,
                fmt::format("cannot start a process: {}", std::strerror(errno)));
  }
  const auto line = ReadLine(ends[0], Clock::now() + timeout);
  close(ends[0]);
  Started started{pid, line.value_or(""), 0};
  if (line && !line->empty()) return started;
  if (!line || !HasEnded(pid, kEndTimeout)) kill(pid, SIGKILL);
  int status = 0;
  waitpid(pid, &status, 0);
  if (!line)
    return Fail(ErrorCode::kTimeout, fmt::format("'{}' was not ready in {} ms; see {}", command[0],
                                                 timeout.count(), log_path));
  started.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (started.exit_code == kExecFailed)
    return Fail(ErrorCode::kNotFound, fmt::format("cannot run '{}'", command[0]));
  return started;
}

}  // namespace raftmq::cli

#include "tests/broker/broker_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "protocol/types/check.h"

namespace raftmq::testing {
namespace {

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// The value of "name":"..." in a line of JSON without escapes.
std::string Field(const std::string& line, const std::string& name) {
  const std::string key = "\"" + name + "\":\"";
  const auto at = line.find(key);
  if (at == std::string::npos) return "";
  const auto begin = at + key.size();
  return line.substr(begin, line.find('"', begin) - begin);
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

std::string ParentOfTemporaries() {
  const char* const parent = std::getenv("TMPDIR");
  return parent != nullptr ? parent : "/var/tmp";
}

TemporaryDirectory::TemporaryDirectory() {
  std::string name = ParentOfTemporaries() + "/raftmq-test-XXXXXX";
  RAFTMQ_CHECK(mkdtemp(name.data()) != nullptr);
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  if (is_kept_) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

BrokerProcess::BrokerProcess(const Options& options) {
  std::vector<std::string> arguments{RAFTMQD_PATH,
                                     "--node-id",
                                     options.node_id,
                                     "--cluster-id",
                                     options.cluster_id,
                                     "--data-dir",
                                     options.data_directory,
                                     "--bootstrap",
                                     "--listen",
                                     options.listen.ToString(),
                                     "--peer-listen",
                                     options.peer_listen.ToString(),
                                     "--http",
                                     options.http.ToString(),
                                     "--set",
                                     "storage.allow_tmpfs=true"};
  for (const std::string& set : options.sets) {
    arguments.push_back("--set");
    arguments.push_back(set);
  }
  arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
  std::vector<std::string> environment{"PATH=/usr/bin:/bin"};
  for (const auto& [name, value] : options.environment) environment.push_back(name + "=" + value);
  const auto argv = Pointers(arguments);
  const auto envp = Pointers(environment);
  const std::string stderr_path = scratch_.path() + "/stderr";
  int ready[2];
  RAFTMQ_CHECK(pipe2(ready, O_CLOEXEC) == 0);
  pid_ = fork();
  RAFTMQ_CHECK(pid_ >= 0);
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // Also when the test is killed, or aborts.
    const int log = open(stderr_path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(ready[1], STDOUT_FILENO);
    dup2(options.stderr_descriptor >= 0 ? options.stderr_descriptor : log, STDERR_FILENO);
    close(STDIN_FILENO);  // A service has none (E31).
    execve(RAFTMQD_PATH, argv.data(), envp.data());
    _exit(127);
  }
  close(ready[1]);
  ready_ = ready[0];
  if (options.waits_until_ready) WaitUntilReady();
}

void BrokerProcess::WaitUntilReady() {
  if (ready_ < 0) return;
  std::string line;
  char c = 0;
  while (read(ready_, &c, 1) == 1 && c != '\n') line += c;
  close(std::exchange(ready_, -1));
  const auto address = [&line](const std::string& name) {
    const auto parsed = ParseAddress(Field(line, name));
    return parsed ? *parsed : Address{};
  };
  client_ = address("client");
  peer_ = address("peer");
  http_ = address("http");
}

BrokerProcess::~BrokerProcess() {
  if (ready_ >= 0) close(ready_);
  if (exit_code_) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void BrokerProcess::Signal(int signal) const { kill(pid_, signal); }

std::optional<int> BrokerProcess::WaitForExit(std::chrono::milliseconds patience) {
  if (exit_code_) return exit_code_;
  const int handle = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  pollfd poll_for{.fd = handle, .events = POLLIN, .revents = 0};
  const int ready = poll(&poll_for, 1, static_cast<int>(patience.count()));
  close(handle);
  if (ready != 1) return std::nullopt;
  int status = 0;
  RAFTMQ_CHECK(waitpid(pid_, &status, 0) == pid_);
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return exit_code_;
}

std::string BrokerProcess::Stderr() const { return ReadFile(scratch_.path() + "/stderr"); }

std::uint64_t BrokerProcess::ResidentBytes() const {
  std::istringstream statm(ReadFile("/proc/" + std::to_string(pid_) + "/statm"));
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  statm >> size >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

HttpAnswer HttpGet(const Address& from, const std::string& path) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(from.port);
  inet_pton(AF_INET, from.host.c_str(), &address.sin_addr);
  HttpAnswer answer;
  if (connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
    const std::string request = "GET " + path + " HTTP/1.0\r\nHost: test\r\n\r\n";
    std::string text;
    char chunk[4096];
    ssize_t got = send(socket, request.data(), request.size(), MSG_NOSIGNAL);
    while ((got = recv(socket, chunk, sizeof chunk, 0)) > 0) {
      text.append(chunk, static_cast<std::size_t>(got));
    }
    if (text.size() > 12) answer.status = std::atoi(text.c_str() + 9);
    const auto body = text.find("\r\n\r\n");
    if (body != std::string::npos) answer.body = text.substr(body + 4);
  }
  close(socket);
  return answer;
}

}  // namespace raftmq::testing

// A raftmqd of its own, started, watched and ended by a test.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "protocol/net/address.h"

namespace raftmq::testing {

// Where tests put what they make: TMPDIR, else /var/tmp.
std::string ParentOfTemporaries();

// A directory that is removed at the end, unless it is to be kept.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }
  void Keep() { is_kept_ = true; }

 private:
  std::string path_;
  bool is_kept_ = false;
};

class BrokerProcess {
 public:
  struct Options {
    std::string data_directory;
    std::vector<std::string> sets;  // "limits.idle=1s" each.
    std::map<std::string, std::string> environment;
    std::string node_id = "1";
    std::string cluster_id = "test";
    int stderr_descriptor = -1;      // Instead of a file; not closed.
    Address listen{"127.0.0.1", 0};  // Of clients; a port to be found again after a restart.
    Address peer_listen{"127.0.0.1", 0};
    Address http{"127.0.0.1", 0};
    std::vector<std::string> arguments = {};  // Further ones.
    bool waits_until_ready = true;            // Else see WaitUntilReady.
  };
  // Starts it and waits until it says that it serves, or ends; it ends with the calling thread.
  explicit BrokerProcess(const Options& options);
  // Kills it.
  ~BrokerProcess();
  BrokerProcess(const BrokerProcess&) = delete;
  BrokerProcess& operator=(const BrokerProcess&) = delete;

  // Waits until it says that it serves, or ends.
  void WaitUntilReady();
  bool IsReady() const { return !client_.host.empty(); }
  const Address& client() const { return client_; }
  const Address& peer() const { return peer_; }
  const Address& http() const { return http_; }
  pid_t pid() const { return pid_; }
  void Signal(int signal) const;
  // The exit code (128 + signal if killed); nullopt if it still runs when the time is over.
  std::optional<int> WaitForExit(std::chrono::milliseconds patience);
  std::string Stderr() const;
  std::uint64_t ResidentBytes() const;

 private:
  pid_t pid_ = -1;
  int ready_ = -1;  // Where the line that says so comes from; -1 once it came.
  std::optional<int> exit_code_;
  TemporaryDirectory scratch_;
  Address client_, peer_, http_;
};

// Status and body of one GET.
struct HttpAnswer {
  int status = 0;
  std::string body;
};
HttpAnswer HttpGet(const Address& from, const std::string& path);

}  // namespace raftmq::testing

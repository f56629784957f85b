// How many connections there may be, in all and per address.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "raftmq/result.h"

namespace raftmq::broker {

class ConnectionLimits;

// A connection's place, given back when destroyed. Movable between threads; must not outlive the
// limits.
class ConnectionTicket {
 public:
  ConnectionTicket() = default;
  ConnectionTicket(ConnectionTicket&& other) noexcept
      : limits_(std::exchange(other.limits_, nullptr)), host_(std::move(other.host_)) {}
  ConnectionTicket& operator=(ConnectionTicket&& other) noexcept;
  ~ConnectionTicket();

 private:
  friend class ConnectionLimits;
  ConnectionTicket(ConnectionLimits* limits, std::string host)
      : limits_(limits), host_(std::move(host)) {}
  ConnectionLimits* limits_ = nullptr;
  std::string host_;
};

// Thread-safe.
class ConnectionLimits {
 public:
  struct Options {
    std::size_t connections_max = 1000;
    std::size_t per_address_max = 100;  // Loopback is not counted per address.
  };
  explicit ConnectionLimits(Options options) : options_(options) {}

  // `host` is the peer's address without its port. Errors: kLimitExceeded.
  Result<ConnectionTicket> Admit(const std::string& host, bool is_loopback);
  std::size_t count() const;
  void SetOptions(Options options);  // Reload: those above a lower bound stay.

 private:
  friend class ConnectionTicket;
  void Release(const std::string& host);

  mutable std::mutex mutex_;
  Options options_;
  std::size_t count_ = 0;                       // All that are open.
  std::map<std::string, std::size_t> by_host_;  // Of those counted per address.
};

}  // namespace raftmq::broker

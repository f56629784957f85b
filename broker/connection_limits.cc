#include "broker/connection_limits.h"

#include <fmt/format.h>

namespace raftmq::broker {

ConnectionTicket& ConnectionTicket::operator=(ConnectionTicket&& other) noexcept {
  if (limits_ != nullptr) limits_->Release(host_);
  limits_ = std::exchange(other.limits_, nullptr);
  host_ = std::move(other.host_);
  return *this;
}

ConnectionTicket::~ConnectionTicket() {
  if (limits_ != nullptr) limits_->Release(host_);
}

Result<ConnectionTicket> ConnectionLimits::Admit(const std::string& host, bool is_loopback) {
  std::lock_guard lock(mutex_);
  if (count_ >= options_.connections_max) {
    return Fail(
        ErrorCode::kLimitExceeded,
        fmt::format("{} connections are open, the most allowed (limits.connections)", count_));
  }
  if (is_loopback) {
    ++count_;
    return ConnectionTicket(this, "");
  }
  std::size_t& of_host = by_host_[host];
  if (of_host >= options_.per_address_max) {
    return Fail(ErrorCode::kLimitExceeded,
                fmt::format("{} connections are open from {}, the most allowed "
                            "(limits.connections_per_address)",
                            of_host, host));
  }
  ++of_host;
  ++count_;
  return ConnectionTicket(this, host);
}

std::size_t ConnectionLimits::count() const {
  std::lock_guard lock(mutex_);
  return count_;
}

void ConnectionLimits::SetOptions(Options options) {
  std::lock_guard lock(mutex_);
  options_ = options;
}

void ConnectionLimits::Release(const std::string& host) {
  std::lock_guard lock(mutex_);
  --count_;
  if (host.empty()) return;
  const auto found = by_host_.find(host);
  if (--found->second == 0) by_host_.erase(found);
}

}  // namespace raftmq::broker

// The connections of one client: one per (broker address, shard), made when first wanted and made
// again, not too often, when lost.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "protocol/client/backoff.h"
#include "protocol/client/broker_connection.h"
#include "protocol/net/event_loop.h"
#include "raftmq/result.h"

namespace raftmq::internal {

// Loop-affine.
class ConnectionPool {
 public:
  struct Options {
    std::string client_name;
    Milliseconds connect_timeout{10'000};
    Milliseconds request_timeout{10'000};
    Milliseconds backoff_min{100};
    Milliseconds backoff_max{10'000};
    std::uint64_t seed = 0;
  };
  using Log = std::function<void(int level, const std::string& text)>;

  ConnectionPool(EventLoop& loop, Options options, Log log);

  // The connection, perhaps still being made. kUnreachable while the address is backing off.
  // The pointer holds until the end of the turn.
  Result<BrokerConnection*> Get(const Address& address, std::uint32_t shard);
  // Some connection whose broker has answered, another one each time, and not of a broker that has
  // fallen silent if there is a choice; nullptr if there is none.
  BrokerConnection* AnyReady();
  // Destroys every connection; what is under way ends with kCancelled.
  void Clear();

 private:
  struct Key {
    Address address;
    std::uint32_t shard = 0;
    auto operator<=>(const Key&) const = default;
  };
  struct Entry {
    explicit Entry(Backoff wait) : backoff(wait) {}
    std::unique_ptr<BrokerConnection> connection;
    Backoff backoff;
    Microseconds not_before{0};
    std::string last_error;
  };

  void Connect(const Key& key, Entry& entry);
  void OnGone(const Key& key, const Error& error);

  EventLoop& loop_;
  Options options_;
  Log log_;
  SplitMix random_;
  std::uint64_t turn_ = 0;  // Of AnyReady.
  std::map<Key, Entry> entries_;
};

}  // namespace raftmq::internal

#include "protocol/client/connection_pool.h"

#include <fmt/format.h>

#include <set>
#include <utility>
#include <vector>

#include "protocol/client/log_level.h"

namespace raftmq::internal {

ConnectionPool::ConnectionPool(EventLoop& loop, Options options, Log log)
    : loop_(loop), options_(std::move(options)), log_(std::move(log)), random_(options_.seed) {}

Result<BrokerConnection*> ConnectionPool::Get(const Address& address, std::uint32_t shard) {
  const Key key{address, shard};
  auto found = entries_.find(key);
  if (found == entries_.end()) {
    const Backoff backoff(options_.backoff_min, options_.backoff_max, random_.Next());
    found = entries_.emplace(key, Entry(backoff)).first;
  }
  Entry& entry = found->second;
  if (!entry.connection) {
    if (loop_.Now() < entry.not_before) {
      return Fail(ErrorCode::kUnreachable,
                  fmt::format("waiting before the next attempt: {}", entry.last_error));
    }
    Connect(key, entry);
  }
  return entry.connection.get();
}

void ConnectionPool::Connect(const Key& key, Entry& entry) {
  entry.connection = std::make_unique<BrokerConnection>(
      loop_,
      BrokerConnection::Options{.address = key.address,
                                .shard = key.shard,
                                .client_name = options_.client_name,
                                .connect_timeout = options_.connect_timeout,
                                .request_timeout = options_.request_timeout},
      [this, key](const wire::HelloReply& hello) {
        entries_.at(key).backoff.Reset();
        log_(kLogInfo, fmt::format("connected to {} shard {}: node {}", key.address.ToString(),
                                   key.shard, hello.node.value()));
      },
      [this, key](const Error& error) { OnGone(key, error); });
}

void ConnectionPool::OnGone(const Key& key, const Error& error) {
  Entry& entry = entries_.at(key);
  const Milliseconds wait = entry.backoff.Next();
  // A connection that worked is made again at once; one that did not come about has to wait.
  const bool worked = entry.connection != nullptr && entry.connection->IsHelloDone();
  entry.not_before = loop_.Now() + (worked ? Milliseconds(0) : wait);
  entry.last_error = error.message;
  log_(kLogWarning, error.ToString());
  // It is calling us: let it return first.
  loop_.Post([gone = std::shared_ptr<BrokerConnection>(std::move(entry.connection))] {});
}

BrokerConnection* ConnectionPool::AnyReady() {
  std::set<Address> silent;
  for (const auto& [key, entry] : entries_) {
    if (entry.connection && entry.connection->IsSilent(loop_.Now())) silent.insert(key.address);
  }
  std::vector<BrokerConnection*> all, ready;
  for (const auto& [key, entry] : entries_) {
    if (!entry.connection || !entry.connection->IsReady()) continue;
    all.push_back(entry.connection.get());
    if (!silent.contains(key.address)) ready.push_back(entry.connection.get());
  }
  if (ready.empty()) ready.swap(all);
  return ready.empty() ? nullptr : ready[turn_++ % ready.size()];
}

void ConnectionPool::Clear() {
  // Moved out first: an outcome may ask for a connection again.
  std::vector<std::unique_ptr<BrokerConnection>> all;
  for (auto& [key, entry] : entries_) all.push_back(std::move(entry.connection));
  entries_.clear();
}

}  // namespace raftmq::internal

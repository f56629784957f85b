// One broker: its shards, its catalogue, its ports. What main runs and what tests run in process.
//
//   control thread: client port (until the hello), peer port
//   shard threads:  connections, partitions, the catalogue on one of them
//   disk threads:   one per shard; work threads: a few per shard
//   HTTP thread:    metrics and health
//   space thread:   looks how much of the disk is free
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "broker/acceptor.h"
#include "broker/broker_options.h"
#include "broker/catalogue.h"
#include "broker/connection_limits.h"
#include "broker/log.h"
#include "broker/memory_budget.h"
#include "broker/node_health.h"
#include "broker/peers/peer_book.h"
#include "broker/scrub/node_scrub.h"
#include "broker/shard.h"
#include "broker/space_keeper.h"
#include "metrics/http_endpoint.h"

namespace raftmq::broker {

struct BrokerListeners {
  Address client{"127.0.0.1", 0};
  Address peer{"127.0.0.1", 0};
  Address http{"127.0.0.1", 0};
  Address advertise;       // What clients are told; no host = the bound address.
  Address peer_advertise;  // The same for peers.
  ConnectionLimits::Options limits;
};

// Not thread-safe but for what says so; Start, Drain and the destructor block.
class Broker {
 public:
  // All outlive the broker.
  struct Environment {
    Log& log;
    FileSystem& files;
    NodeManifest& manifest;
    SaveCounter& counter;
    const Clock& clock;
    MetricsRegistry& metrics;
  };

  // Opens everything that the data directory holds (founds the catalogue if it holds nothing),
  // then listens. REQUIRES: options.storage.data_directory is locked by this process.
  // Errors: kForeignDirectory, kUnknownFormat, kDataCorrupt, kUnreachable (an address), kIoError.
  static Result<std::unique_ptr<Broker>> Start(const BrokerOptions& options,
                                               const BrokerListeners& listeners,
                                               const Environment& environment);
  // Stops at once: what is under way is given up. Drain first.
  ~Broker();
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  const Address& client_address() const { return client_address_; }
  const Address& peer_address() const { return peer_address_; }
  const Address& http_address() const { return http_address_; }
  const Catalogue& catalogue() const { return *catalogue_; }

  // Any thread. What is open or under way above a lower limit stays.
  void SetLimits(ConnectionLimits::Options connections, std::size_t memory_bytes_max) {
    limits_.SetOptions(connections);
    memory_.SetBytesMax(memory_bytes_max);
  }
  // Any thread.
  void SetScrubLimits(const ScrubLimits& limits) { scrub_.SetLimits(limits); }
  void SetWatermarks(const DiskWatermarks& wanted) { space_.SetWatermarks(wanted); }

  // Accepts no more, answers what is under way, writes every durable mark; `done` is called from
  // some thread when all is on disk. Call once.
  void Drain(std::function<void()> done);

 private:
  Broker(const BrokerOptions& options, const Environment& environment,
         ConnectionLimits::Options limits);
  Status StartHttp(const Address& at);
  void StartShards();
  Status StartPeerPort(const Address& at);
  void SetIdentity(const CatalogueAtStart& found);
  Status StartCatalogue(CatalogueAtStart found);
  Status StartClientPort(const Address& at);
  Status Join(const BrokerListeners& listeners);
  void RegisterCounts();
  void DrainShards(std::function<void()> done);

  const BrokerOptions options_;
  const Environment environment_;
  MemoryBudget memory_;
  ConnectionLimits limits_;
  ConnectionLimits peer_limits_;
  PeerBook peers_;
  Counter peers_refused_;
  SpaceKeeper space_;
  NodeHealth health_;
  NodeScrub scrub_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<Shard*> shard_list_;
  std::unique_ptr<Catalogue> catalogue_;
  std::unique_ptr<EventLoop> control_;
  std::unique_ptr<Acceptor> acceptor_;
  std::unique_ptr<Acceptor> peer_acceptor_;
  std::thread control_thread_;
  std::unique_ptr<HttpEndpoint> http_;
  std::vector<MetricRegistration> registrations_;
  Address client_address_;
  Address peer_address_;
  Address http_address_;
};

}  // namespace raftmq::broker

#include "broker/broker.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <future>
#include <utility>

#include "broker/client_door.h"
#include "broker/peers/peer_door.h"
#include "broker/start_directory.h"
#include "protocol/types/check.h"

namespace raftmq::broker {
namespace {

// Each shard of each other node holds one to each shard here.
constexpr std::size_t kPeerConnectionsMax = 65'536;

// Runs `begin` on the shard's loop and waits for the outcome that it reports.
template <class Begin>
Status OnShard(Shard& shard, Begin begin) {
  auto promise = std::make_shared<std::promise<Status>>();
  auto outcome = promise->get_future();
  shard.Put([begin, promise](Shard&) {
    begin([promise](Status status) { promise->set_value(std::move(status)); });
  });
  return outcome.get();
}

Address Advertised(const Address& wanted, const Address& bound) {
  if (wanted.host.empty()) return bound;
  return {wanted.host, wanted.port == 0 ? bound.port : wanted.port};
}

}  // namespace

Broker::Broker(const BrokerOptions& options, const Environment& environment,
               ConnectionLimits::Options limits)
    : options_(options),
      environment_(environment),
      memory_(options.memory_bytes_max),
      limits_(limits),
      peer_limits_(
          {.connections_max = kPeerConnectionsMax, .per_address_max = kPeerConnectionsMax}),
      peers_({.cluster_id = options.cluster_id,
              .node = options.node,
              .incarnation = options.incarnation,
              .boot_id = options.boot_id},
             options.peers, environment.counter.content()),
      space_({.node = options.node,
              .path = options.storage.data_directory,
              .wanted = options.storage.watermarks},
             {environment.files, environment.log, environment.metrics}),
      health_(options_, space_, environment.clock, environment.metrics),
      scrub_(environment.files,
             {options.storage.data_directory, options.shards, options.storage.scrub},
             environment.metrics) {
  if (scrub_.load_error()) {
    environment.log.Warn("scrub", "everything is read anew: " + scrub_.load_error()->ToString());
  }
}

Result<std::unique_ptr<Broker>> Broker::Start(const BrokerOptions& options,
                                              const BrokerListeners& listeners,
                                              const Environment& environment) {
  const Microseconds began = environment.clock.SteadyNow();
  std::unique_ptr<Broker> broker(new Broker(options, environment, listeners.limits));
  RAFTMQ_TRY(broker->StartHttp(listeners.http));
  RAFTMQ_TRY_ASSIGN(auto catalogue,
                    OpenCatalogueLog(environment.files, environment.manifest, options));
  broker->SetIdentity(catalogue);
  broker->StartShards();
  // Before the catalogue: it catches up with the other nodes.
  RAFTMQ_TRY(broker->StartPeerPort(listeners.peer));
  RAFTMQ_TRY(broker->StartCatalogue(std::move(catalogue)));
  broker->health_.SetRecovered(environment.clock.SteadyNow() - began);
  RAFTMQ_TRY(broker->StartClientPort(listeners.client));
  RAFTMQ_TRY(broker->Join(listeners));
  broker->health_.SetStage(NodeHealth::Stage::kReady);
  return broker;
}

// Before the first hello says it.
void Broker::SetIdentity(const CatalogueAtStart& found) {
  const bool is_lost = found.log == nullptr;
  peers_.SetOwnNumber(is_lost ? found.lost : found.log->report.replica);
  peers_.SetOwnLost(is_lost);
  if (is_lost) peers_.SetTurnedAway();  // Clients are to ask others until it knows the cluster.
}

Status Broker::StartHttp(const Address& at) {
  HttpEndpointOptions options;
  options.host = at.host;
  options.port = at.port;
  RAFTMQ_TRY_ASSIGN(http_, HttpEndpoint::Start(options, environment_.metrics,
                                               {.live = [this] { return health_.Live(); },
                                                .ready = [this] { return health_.Ready(); }}));
  http_address_ = {at.host, http_->bound_port()};
  return Ok();
}

void Broker::StartShards() {
  const NodeServices services{options_,
                              environment_.log,
                              memory_,
                              environment_.metrics,
                              environment_.files,
                              environment_.manifest,
                              environment_.counter,
                              environment_.clock,
                              peers_,
                              scrub_,
                              space_.space()};
  std::vector<const Shard*> watched;
  for (std::uint32_t i = 0; i < options_.shards; ++i) {
    shards_.push_back(std::make_unique<Shard>(i, services));
    shard_list_.push_back(shards_.back().get());
    watched.push_back(shards_.back().get());
  }
  catalogue_ = std::make_unique<Catalogue>(shard_list_);
  for (const auto& shard : shards_) shard->Start(*catalogue_);
  health_.WatchShards(std::move(watched));
  RegisterCounts();
}

Status Broker::StartCatalogue(CatalogueAtStart found) {
  auto opened = std::make_shared<CatalogueAtStart>(std::move(found));
  return OnShard(catalogue_->home(), [this, opened](std::function<void(Status)> done) {
    catalogue_->Start(std::move(*opened), std::move(done));
  });
}

Status Broker::StartPeerPort(const Address& at) {
  control_ = std::make_unique<EventLoop>();
  RAFTMQ_TRY_ASSIGN(peer_acceptor_,
                    Acceptor::Listen(*control_, at,
                                     std::make_unique<PeerDoor>(peers_, shard_list_,
                                                                environment_.log, peers_refused_),
                                     {options_, environment_.log, peer_limits_}));
  peer_address_ = peer_acceptor_->bound();
  control_thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "control");
    control_->Run();
  });
  return Ok();
}

Status Broker::StartClientPort(const Address& at) {
  std::promise<Status> listening;
  control_->Post([this, &at, &listening] {
    auto acceptor = Acceptor::Listen(*control_, at, std::make_unique<ClientDoor>(shard_list_),
                                     {options_, environment_.log, limits_});
    if (acceptor) {
      acceptor_ = std::move(*acceptor);
      client_address_ = acceptor_->bound();
    }
    listening.set_value(acceptor ? Ok() : Status(Fail(acceptor.error())));
  });
  return listening.get_future().get();
}

Status Broker::Join(const BrokerListeners& listeners) {
  const Address client = Advertised(listeners.advertise, client_address_);
  const Address peer = Advertised(listeners.peer_advertise, peer_address_);
  const NodeJoined self{.node = options_.node,
                        .incarnation = options_.incarnation,
                        .client_host = client.host,
                        .client_port = client.port,
                        .peer_host = peer.host,
                        .peer_port = peer.port,
                        .shards = options_.shards};
  return OnShard(catalogue_->home(), [this, self](std::function<void(Status)> done) {
    catalogue_->Join(self, std::move(done));
  });
}

void Broker::RegisterCounts() {
  const auto add = [this](std::string name, std::string help, std::function<double()> read) {
    registrations_.push_back(environment_.metrics.Add(
        {.name = std::move(name), .help = std::move(help), .kind = MetricKind::kGauge}, {},
        std::move(read)));
  };
  add("raftmq_cluster_nodes", "Founding nodes of the cluster.",
      [this] { return static_cast<double>(options_.peers.size()); });
  registrations_.push_back(
      environment_.metrics.Add({.name = "raftmq_peer_refused_total",
                                .help = "Connections to the peer port that were refused.",
                                .kind = MetricKind::kCounter},
                               {}, &peers_refused_));
  add("raftmq_cluster_topics", "Topics of the cluster.",
      [this] { return static_cast<double>(catalogue_->topic_count()); });
  add("raftmq_cluster_partitions", "Partitions of all topics.",
      [this] { return static_cast<double>(catalogue_->partition_count()); });
  add("raftmq_raft_follower_lag_entries",
      "Entries that the follower furthest behind has not synced, of the partitions led here.",
      [this] {
        std::uint64_t lag = 0;
        for (const Shard* shard : shard_list_) lag = std::max(lag, shard->follower_lag_max());
        return static_cast<double>(lag);
      });
  add("raftmq_memory_used_bytes", "Bytes of requests under way.",
      [this] { return static_cast<double>(memory_.used()); });
}

void Broker::Drain(std::function<void()> done) {
  health_.SetStage(NodeHealth::Stage::kDraining);
  control_->Post([this, done = std::move(done)] {
    acceptor_->StopAccepting();
    DrainShards(done);
  });
}

void Broker::DrainShards(std::function<void()> done) {
  auto left = std::make_shared<std::atomic<std::size_t>>(shards_.size());
  for (const auto& shard : shards_) {
    shard->Put([this, left, done](Shard& there) {
      there.Drain([this, left, done] {
        if (left->fetch_sub(1) != 1) return;
        // The catalogue last: a partition may still have had something to tell it.
        catalogue_->home().Put([this, done](Shard&) { catalogue_->Drain(done); });
      });
    });
  }
}

Broker::~Broker() {
  http_.reset();
  if (control_thread_.joinable()) {
    control_->Post([this] {
      acceptor_.reset();
      peer_acceptor_.reset();
      control_->Stop();
    });
    control_thread_.join();
  }
  acceptor_.reset();
  peer_acceptor_.reset();
  for (const auto& shard : shards_) shard->Stop();
  scrub_.SaveLast(environment_.clock.SteadyNow());
  registrations_.clear();
  catalogue_.reset();
}

}  // namespace raftmq::broker

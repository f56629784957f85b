#include "broker/peers/peer_links.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "broker/catalogue_view.h"
#include "broker/peers/peer_heartbeats.h"
#include "broker/peers/peer_items.h"
#include "protocol/wire/frame.h"
#include "protocol/wire/peer_codec.h"

namespace raftmq::broker {
namespace {

constexpr Milliseconds kConnectTimeout{2'000};
constexpr Milliseconds kWaitMin{25};
constexpr Milliseconds kWaitMax{1'000};
// Beyond it messages are dropped, as by a network that is full: Raft asks again.
constexpr std::size_t kQueuedBytesMax = 64u << 20;
// Of messages with entries: heartbeats and votes find room also when many replicas catch up.
constexpr std::size_t kQueuedEntriesMax = kQueuedBytesMax / 2;
constexpr std::size_t kFrameAttachmentMax = 8u << 20;  // Aimed at; one message may be larger.

}  // namespace

struct PeerLinks::Node {
  explicit Node(PeerNode where) : peer(std::move(where)) {}
  const PeerNode peer;
  std::vector<std::unique_ptr<Link>> links;  // By shard there; at least that to shard 0.
};

class PeerLinks::Link final : public ConnectionHandler {
 public:
  Link(PeerLinks& links, Node& node, std::uint32_t shard)
      : links_(links), node_(node), shard_(shard), timer_(links.environment_.loop) {}

  void Connect() {
    connecting_ = Connection::Connect(links_.environment_.loop, node_.peer.address, kConnectTimeout,
                                      [this](Result<std::unique_ptr<Connection>> connected) {
                                        connecting_.reset();
                                        if (!connected) return ConnectLater();
                                        SayHello(std::move(*connected));
                                      });
  }

  void Send(PeerMessage message) {
    const std::size_t bytes_max = message.frames.empty() ? kQueuedBytesMax : kQueuedEntriesMax;
    if (!is_up_ || connection_->queued_bytes() + pending_bytes_ > bytes_max)
      return links_.environment_.metrics.dropped.Add();
    for (const SharedBytes& frame : message.frames) pending_bytes_ += frame.size();
    pending_.push_back(std::move(message));
  }

  // Behind all that was given to Send before.
  void SendNow(const wire::PeerMessage& message) {
    Flush();
    if (!is_up_ || connection_->queued_bytes() > kQueuedBytesMax)
      return links_.environment_.metrics.dropped.Add();
    connection_->Write(wire::EncodePeerHead(message, 0));
    links_.environment_.metrics.frames_sent.Add();
  }

  bool is_up() const { return is_up_; }

  void Hurry() {
    if (!timer_.IsPending()) return;
    timer_.Cancel();
    wait_ = kWaitMin;
    Connect();
  }

  void Tick() {
    if (is_up_) return TellSaved();
    MaybeComeUp();
  }

  void Flush() {
    std::vector<PeerMessage> pending;
    pending.swap(pending_);
    pending_bytes_ = 0;
    for (std::size_t at = 0; at < pending.size() && is_up_;) at = WriteFrame(pending, at);
  }

 private:
  MutableByteSpan PrepareRead() override { return reader_->PrepareRead(); }

  void OnRead(std::size_t count) override {
    reader_->Commit(count);
    const auto frame = reader_->Next();
    if (!frame) return Close(frame.error());
    if (!*frame) return;
    const auto message =
        wire::DecodePeerMessage((*frame)->message(), (*frame)->attachment().size());
    if (!message) return Close(message.error());
    if (const auto* welcome = std::get_if<wire::PeerWelcome>(&*message)) return OnWelcome(*welcome);
    if (const auto* refusal = std::get_if<wire::PeerRefusal>(&*message))
      return OnRefusal(refusal->error);
    Close({ErrorCode::kBadMessage, "expected a welcome"});
  }

  void OnWelcome(const wire::PeerWelcome& welcome) {
    if (welcome_) return Close({ErrorCode::kBadMessage, "a second welcome"});
    if (const Status known = links_.environment_.book.AdmitAnswer(node_.peer.node, welcome);
        !known) {
      links_.environment_.log.WarnLimited(
          "peers", "stranger",
          fmt::format("this node does not speak to who answers at {}: {}",
                      node_.peer.address.ToString(), known.error().message));
      wait_ = kWaitMax;
      return Close(known.error());
    }
    welcome_ = welcome;
    MaybeComeUp();
  }

  void OnRefusal(const Error& error) {
    if (error.code == ErrorCode::kNotYet) return Close(error);  // It is starting, and soon done.
    links_.environment_.log.WarnLimited(
        "peers", "turned-away",
        fmt::format("node {} at {} turns this node away: {}", node_.peer.node.value(),
                    node_.peer.address.ToString(), error.message));
    wait_ = kWaitMax;
    links_.environment_.book.SetTurnedAway();
    if (error.code == ErrorCode::kRolledBack) links_.on_rolled_back_(error);
    Close(error);
  }

  // Nothing is promised before the counter was raised in this life and told, nor under a number
  // that is not this directory's: the old one may still be asked for its vote.
  void MaybeComeUp() {
    const PeerBook& book = links_.environment_.book;
    const bool has_replica = !book.is_own_lost() && book.own_number() >= book.told_number();
    if (is_up_ || !welcome_ || !book.has_begun() || !has_replica) return;
    is_up_ = true;
    TellSaved();
    wait_ = kWaitMin;
    links_.environment_.metrics.connected.Add();
    links_.OnWelcome(node_, *welcome_);
  }

  void TellSaved() {
    const std::uint64_t counter = links_.environment_.book.save_counter();
    if (counter == told_) return;
    told_ = counter;
    SendNow(wire::PeerSaved{counter});
  }

  void OnClosed(const Error&) override {
    const bool was_up = std::exchange(is_up_, false);
    welcome_.reset();
    connection_.reset();
    pending_.clear();
    pending_bytes_ = 0;
    ConnectLater();
    if (!was_up) return;
    links_.environment_.metrics.lost.Add();
    links_.on_lost_(node_.peer.node);
  }

  void SayHello(std::unique_ptr<Connection> connection) {
    connection_ = std::move(connection);
    connection_->SetSilenceMax(kPeerSilenceMax);
    reader_.emplace(wire::kFrameBytesBeforeHello);
    connection_->Start(*this);
    const wire::PeerHello hello = links_.environment_.book.Hello(node_.peer.node, shard_);
    told_ = hello.save_counter;
    connection_->Write(wire::EncodePeerHead(hello, 0));
  }

  void ConnectLater() {
    // At once the first time: a broker that restarts is back soon. Then doubling, with jitter.
    const auto jitter =
        static_cast<std::int64_t>(links_.random_.Below(static_cast<std::uint64_t>(wait_.count())));
    timer_.Start(wait_ / 2 + Milliseconds(jitter / 2), [this] { Connect(); });
    wait_ = std::min(wait_ * 2, kWaitMax);
  }

  void Close(Error reason) { connection_->Close(std::move(reason), Milliseconds(0)); }

  // As many messages from `at` on as suit one frame; returns where the next begins.
  std::size_t WriteFrame(const std::vector<PeerMessage>& messages, std::size_t at) {
    wire::PeerItems items;
    std::vector<SharedBytes> attachment;
    std::size_t bytes = 0;
    for (; at < messages.size() && items.size() < wire::kPeerItemsMax; ++at) {
      wire::PeerItem item = ToItem(messages[at]);
      if (!items.empty() && bytes + item.attachment_bytes > kFrameAttachmentMax) break;
      bytes += item.attachment_bytes;
      attachment.insert(attachment.end(), messages[at].frames.begin(), messages[at].frames.end());
      items.push_back(std::move(item));
    }
    links_.environment_.book.NotePromise();
    connection_->Write(wire::EncodePeerHead(std::move(items), bytes));
    for (SharedBytes& part : attachment) connection_->Write(std::move(part));
    links_.environment_.metrics.frames_sent.Add();
    return at;
  }

  PeerLinks& links_;
  Node& node_;
  const std::uint32_t shard_;
  Timer timer_;
  Milliseconds wait_ = kWaitMin;
  std::unique_ptr<Connection::Connecting> connecting_;
  std::unique_ptr<Connection> connection_;
  std::optional<wire::FrameReader> reader_;
  std::optional<wire::PeerWelcome> welcome_;  // Of this connection, once it came.
  bool is_up_ = false;
  std::uint64_t told_ = 0;  // The save counter that the other node was last told.
  std::vector<PeerMessage> pending_;
  std::size_t pending_bytes_ = 0;
};

PeerLinks::PeerLinks(const Environment& environment, std::function<void(NodeId)> on_lost,
                     std::function<void(const Error&)> on_rolled_back)
    : environment_(environment),
      on_lost_(std::move(on_lost)),
      on_rolled_back_(std::move(on_rolled_back)),
      random_(environment.book.boot_id()) {}

PeerLinks::~PeerLinks() = default;

void PeerLinks::Start() {
  for (const PeerNode& peer : environment_.book.Others()) {
    auto& node = nodes_[peer.node] = std::make_unique<Node>(peer);
    AddLink(*node, 0);
  }
}

void PeerLinks::Stop() { nodes_.clear(); }

void PeerLinks::AddLink(Node& node, std::uint32_t shard) {
  node.links.push_back(std::make_unique<Link>(*this, node, shard));
  node.links.back()->Connect();
}

void PeerLinks::OnWelcome(Node& node, const wire::PeerWelcome& welcome) {
  // Another process with fewer shards leaves links that nobody uses; with more, new ones are added.
  for (auto shard = static_cast<std::uint32_t>(node.links.size()); shard < welcome.shards; ++shard)
    AddLink(node, shard);
  if (welcome.shards < node.links.size()) {
    environment_.loop.Post([this, id = node.peer.node, shards = welcome.shards] {
      const auto found = nodes_.find(id);
      if (found != nodes_.end() && found->second->links.size() > shards)
        found->second->links.resize(shards);
    });
  }
}

void PeerLinks::Send(PeerMessage message) {
  const auto found = nodes_.find(message.to().node);
  if (found == nodes_.end()) return environment_.metrics.dropped.Add();
  auto& links = found->second->links;
  links[ShardOf(message.group, static_cast<std::uint32_t>(links.size()))]->Send(std::move(message));
}

std::optional<PeerShard> PeerLinks::WhereIs(NodeId node, const GroupId& group) const {
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) return std::nullopt;
  return PeerShard{node, ShardOf(group, static_cast<std::uint32_t>(found->second->links.size()))};
}

PeerLinks::Link* PeerLinks::FindLink(const PeerShard& to) const {
  const auto found = nodes_.find(to.node);
  if (found == nodes_.end() || to.shard >= found->second->links.size()) return nullptr;
  return found->second->links[to.shard].get();
}

void PeerLinks::Send(const PeerShard& to, Heartbeat heartbeat) {
  if (Link* const link = FindLink(to)) link->SendNow(ToWire(heartbeat));
}

void PeerLinks::Send(const PeerShard& to, HeartbeatReply reply) {
  if (Link* const link = FindLink(to)) link->SendNow(ToWire(reply));
}

bool PeerLinks::IsUp(NodeId node) const {
  const auto found = nodes_.find(node);
  return found != nodes_.end() &&
         std::ranges::any_of(found->second->links, [](const auto& link) { return link->is_up(); });
}

void PeerLinks::Hurry(NodeId node) {
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) return;
  for (const auto& link : found->second->links) link->Hurry();
}

void PeerLinks::Tick() {
  for (const auto& [id, node] : nodes_) {
    // A link that comes up may add others.
    for (std::size_t i = 0; i < node->links.size(); ++i) node->links[i]->Tick();
  }
}

void PeerLinks::Flush() {
  for (const auto& [id, node] : nodes_) {
    for (const auto& link : node->links) link->Flush();
  }
}

}  // namespace raftmq::broker

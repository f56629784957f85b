#include "producer/producer_impl.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "producer/partitioner.h"
#include "protocol/client/log_level.h"
#include "protocol/types/message_id.h"
#include "protocol/types/record.h"

namespace raftmq {
namespace {

using internal::Accumulator;
using internal::FlushToken;
using internal::MemoryBound;
using internal::PartitionSender;
using internal::PartitionSession;
using internal::SessionPosition;

Codec CodecOf(Compression compression) {
  switch (compression) {
    case Compression::kLz4:
      return Codec::kLz4;
    case Compression::kZstd:
      return Codec::kZstd;
    case Compression::kNone:
      break;
  }
  return Codec::kNone;
}

wire::Acks AcksOf(ProducerAcks acks) {
  switch (acks) {
    case ProducerAcks::kLeaderMemory:
      return wire::Acks::kLeaderMemory;
    case ProducerAcks::kNone:
      return wire::Acks::kNone;
    case ProducerAcks::kQuorum:
      break;
  }
  return wire::Acks::kQuorum;
}

std::optional<std::string_view> View(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  return std::string_view(*text);
}

// Views of a message's headers, its id first; a few fit without an allocation.
class HeaderViews {
 public:
  explicit HeaderViews(const Message& message) {
    const std::size_t count = message.headers.size() + (message.id ? 1 : 0);
    if (count > few_.size()) many_.resize(count);
    RecordHeader* to = many_.empty() ? few_.data() : many_.data();
    views_ = {to, count};
    if (message.id) *to++ = {kMessageIdHeader, *message.id};
    for (const auto& [name, value] : message.headers) *to++ = {name, value};
  }
  std::span<const RecordHeader> views() const { return views_; }

 private:
  std::array<RecordHeader, 8> few_;
  std::vector<RecordHeader> many_;
  std::span<const RecordHeader> views_;
};

Accumulator::Alone AloneOf(const Message& message) {
  Accumulator::Alone alone{.has_message_id = message.id.has_value()};
  if (message.expected_offset) alone.base_offset = Offset(*message.expected_offset);
  return alone;
}

Error Fenced(const std::string& name) {
  return {ErrorCode::kFenced, fmt::format("another producer named '{}' has taken over", name)};
}

// What a message costs beside its bytes: its callback, and its share of its batch.
constexpr std::size_t kMessageOverhead = sizeof(Producer::SendCallback) + 16;

}  // namespace

Producer::Impl::Impl(std::shared_ptr<internal::ClientCore> core, ProducerConfig config,
                     std::uint32_t partitions, const SessionPosition& session)
    : core_(std::move(core)),
      config_(std::move(config)),
      session_(session),
      memory_(config_.memory_bytes) {
  std::uint64_t seed = core_->config().seed;
  if (seed == 0) seed = static_cast<std::uint64_t>(RealClock().SteadyNow().count());
  sticky_partition_ = static_cast<std::uint32_t>(SplitMix(seed).Below(partitions));
  for (std::uint32_t i = 0; i < partitions; ++i) {
    lanes_.push_back(
        std::make_unique<Lane>(Accumulator::Options{.batch_bytes = config_.batch_bytes,
                                                    .codec = CodecOf(config_.compression),
                                                    .delivery_timeout = config_.delivery_timeout,
                                                    .first = session_}));
  }
}

void Producer::Impl::Send(const Message& message, SendCallback callback) {
  if (is_fenced_.load(std::memory_order_relaxed)) return Refuse(callback, Fenced(config_.name));
  if (message.expected_offset && !message.partition && !message.key) {
    return Refuse(callback, {ErrorCode::kInvalidArgument,
                             "expected a partition or a key with expected_offset, found neither"});
  }
  if (message.id && (message.id->empty() || message.id->size() > kMessageIdBytesMax)) {
    return Refuse(callback, {ErrorCode::kInvalidArgument,
                             fmt::format("expected a message id of 1 to {} bytes, found {}",
                                         kMessageIdBytesMax, message.id->size())});
  }
  const Result<std::uint32_t> partition = ChoosePartition(message);
  if (!partition) return Refuse(callback, partition.error());
  const HeaderViews headers(message);
  const Record record{
      .key = View(message.key),
      .value = View(message.value),
      .headers = headers.views(),
      .timestamp_ms = message.timestamp_ms ? *message.timestamp_ms : RealClock().WallNowMs()};
  if (Status fits = CheckRecord(record, kBatchBytesMax); !fits) {
    return Refuse(callback, fits.error());
  }
  const std::size_t charge = RecordBytesMax(record) + kMessageOverhead;
  if (Status taken = TakeMemory(charge); !taken) return Refuse(callback, taken.error());

  Accumulator& accumulator = lanes_[*partition]->accumulator;
  const Accumulator::Added added =
      message.expected_offset || message.id
          ? accumulator.AddAlone(AloneOf(message), record, charge, callback)
          : accumulator.Add(record, charge, callback);
  if (added.closed) {
    memory_.Give(charge);
    return Refuse(callback, {ErrorCode::kCancelled, "the producer is closed"});
  }
  sent_.fetch_add(1, std::memory_order_relaxed);
  if (added.sealed) MoveOn(*partition);
  if (added.opened || added.sealed) Wake(*partition);
}

Result<std::uint32_t> Producer::Impl::ChoosePartition(const Message& message) {
  const auto partitions = static_cast<std::uint32_t>(lanes_.size());
  std::uint32_t choice = 0;
  if (message.partition) {
    choice = *message.partition;
  } else if (config_.partitioner) {
    choice = config_.partitioner(message, partitions);
  } else if (message.key) {
    choice = internal::PartitionOfKey(*message.key, partitions);
  } else if (message.id) {
    choice = internal::PartitionOfKey(*message.id, partitions);
  } else {
    choice = sticky_partition_.load(std::memory_order_relaxed);
  }
  if (choice < partitions) return choice;
  return Fail(ErrorCode::kInvalidArgument, fmt::format("topic '{}' has partitions 0 to {}, not {}",
                                                       config_.topic, partitions - 1, choice));
}

Status Producer::Impl::TakeMemory(std::size_t bytes) {
  if (memory_.TryTake(bytes)) return Ok();
  if (bytes > memory_.bytes_max()) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("a message takes {} bytes, memory_bytes is {}", bytes, memory_.bytes_max()));
  }
  Relieve();
  if (config_.when_full == WhenFull::kFail || core_->IsOnLoopThread()) {
    return Fail(ErrorCode::kQueueFull, fmt::format("{} bytes are not acked yet, memory_bytes is {}",
                                                   memory_.used(), memory_.bytes_max()));
  }
  switch (memory_.Take(bytes, config_.delivery_timeout)) {
    case MemoryBound::Outcome::kTaken:
      return Ok();
    case MemoryBound::Outcome::kClosed:
      return Fail(ErrorCode::kCancelled, "the producer is closed");
    case MemoryBound::Outcome::kTimeout:
      break;
  }
  return Fail(ErrorCode::kTimeout, fmt::format("no room within delivery_timeout: {} of {} bytes",
                                               memory_.used(), memory_.bytes_max()));
}

void Producer::Impl::Refuse(const SendCallback& callback, Error error) {
  refused_.fetch_add(1, std::memory_order_relaxed);
  if (callback) callback(Fail(std::move(error)));
}

void Producer::Impl::MoveOn(std::uint32_t sticky_partition) {
  const std::uint32_t next = (sticky_partition + 1) % static_cast<std::uint32_t>(lanes_.size());
  sticky_partition_.compare_exchange_strong(sticky_partition, next);
}

void Producer::Impl::Wake(std::uint32_t partition) {
  if (lanes_[partition]->wake_posted.exchange(true)) return;
  core_->Post([self = shared_from_this(), partition] {
    self->lanes_[partition]->wake_posted.store(false);
    if (!self->shut_down_) self->SenderOf(partition)->Pump();
  });
}

void Producer::Impl::Relieve() {
  if (relief_posted_.exchange(true)) return;
  core_->Post([self = shared_from_this()] {
    self->relief_posted_.store(false);
    if (!self->shut_down_) self->RelieveLanes();
  });
}

void Producer::Impl::RelieveLanes() {
  bool is_busy = false;
  for (std::uint32_t i = 0; i < lanes_.size(); ++i) {
    SenderOf(i)->Pump();
    is_busy = is_busy || SenderOf(i)->IsBusy();
  }
  // Batches under way will make room. Else all memory is in batches that linger.
  if (!is_busy) FlushLanes(nullptr);
}

Status Producer::Impl::Flush(std::chrono::milliseconds timeout) {
  RAFTMQ_TRY(core_->CheckMayBlock());
  const Promise<bool> done;
  core_->Post([self = shared_from_this(), done] {
    const auto token = std::make_shared<FlushToken>([done] { done.Set(true); });
    if (!self->shut_down_) self->FlushLanes(token);
  });
  const Result<bool> outcome = done.future().Get(timeout);
  if (outcome) return Ok();
  return Fail(ErrorCode::kTimeout,
              fmt::format("{} bytes are not acked after {} ms", memory_.used(), timeout.count()));
}

Status Producer::Impl::Close(std::chrono::milliseconds timeout) {
  RAFTMQ_TRY(core_->CheckMayBlock());
  RefuseNewSends();
  const Status flushed = Flush(timeout);
  const Promise<bool> done;
  core_->Post([self = shared_from_this(), done] {
    self->ShutDown({ErrorCode::kCancelled, "the producer was closed before the message was acked"});
    done.Set(true);
  });
  // Waits for callbacks of the application only; one that never returns must not hang us.
  RAFTMQ_TRY(done.future().Get(core_->config().destructor_timeout));
  return flushed;
}

void Producer::Impl::Destroy() {
  if (core_->IsOnLoopThread()) {
    DestroyWithoutWaiting();
  } else if (Status closed = Close(core_->config().destructor_timeout); !closed) {
    core_->loop().Log(internal::kLogWarning, "producer",
                      "destroyed with messages open: " + closed.error().ToString());
  }
}

void Producer::Impl::DestroyWithoutWaiting() {
  RefuseNewSends();
  // Both ways to the end hold this object; the first clears the other. Posted, since a timer must
  // not be destroyed by its own callback.
  const auto end = [self = shared_from_this()] {
    self->core_->Post([self] {
      self->ShutDown({ErrorCode::kCancelled, "the producer was destroyed before the ack"});
    });
  };
  destroy_timer_ = std::make_unique<Timer>(core_->loop().events());
  destroy_timer_->Start(core_->config().destructor_timeout, end);
  FlushLanes(std::make_shared<FlushToken>(end));
}

void Producer::Impl::RefuseNewSends() {
  for (const auto& lane : lanes_) lane->accumulator.Close();
  memory_.Close();
}

std::shared_ptr<internal::PartitionSender> Producer::Impl::SenderOf(std::uint32_t partition) {
  Lane& lane = *lanes_[partition];
  if (!lane.sender) {
    lane.sender = std::make_shared<PartitionSender>(
        core_->loop(), lane.accumulator, memory_, counters_,
        PartitionSender::Options{.topic = config_.topic,
                                 .partition = partition,
                                 .acks = AcksOf(config_.acks),
                                 .linger = config_.linger,
                                 .in_flight_max = config_.batches_in_flight,
                                 .delivery_timeout = config_.delivery_timeout,
                                 .session_kind = SessionKind(),
                                 .session = session_,
                                 .on_sealed = [this, partition] { MoveOn(partition); },
                                 .on_idle =
                                     [this] {
                                       if (memory_.HasWaiters()) Relieve();
                                     },
                                 .on_fenced = [this](const Error& error) { OnFenced(error); }});
    if (is_fenced_.load()) lane.sender->EndWith(Fenced(config_.name));
  }
  return lane.sender;
}

void Producer::Impl::FlushLanes(const std::shared_ptr<FlushToken>& token) {
  for (std::uint32_t i = 0; i < lanes_.size(); ++i) SenderOf(i)->Flush(token);
}

void Producer::Impl::ShutDown(const Error& error) {
  if (shut_down_) return;
  shut_down_ = true;
  destroy_timer_.reset();
  for (const auto& lane : lanes_) {
    if (!lane->sender) continue;
    lane->sender->CancelAll(error);
    lane->sender.reset();
  }
}

PartitionSession::Kind Producer::Impl::SessionKind() const {
  if (session_.session == SessionId()) return PartitionSession::Kind::kNone;
  return config_.name.empty() ? PartitionSession::Kind::kAnonymous : PartitionSession::Kind::kNamed;
}

void Producer::Impl::OnFenced(const Error& error) {
  if (is_fenced_.exchange(true)) return;
  for (const auto& lane : lanes_) {
    if (lane->sender) lane->sender->EndWith(error);
  }
}

Result<std::uint32_t> Producer::Impl::ResumedSequence(std::uint32_t partition) {
  RAFTMQ_TRY(core_->CheckMayBlock());
  if (SessionKind() != PartitionSession::Kind::kNamed) {
    return Fail(ErrorCode::kInvalidArgument, "only a producer with a name goes on behind another");
  }
  if (partition >= lanes_.size()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("topic '{}' has partitions 0 to {}, not {}", config_.topic,
                            lanes_.size() - 1, partition));
  }
  const Promise<std::uint32_t> promise;
  core_->Post([self = shared_from_this(), partition, promise] {
    if (self->shut_down_) return promise.Set(Fail(ErrorCode::kCancelled, "the producer is closed"));
    self->SenderOf(partition)->WhenResumed(
        [promise](Result<std::uint32_t> sequence) { promise.Set(std::move(sequence)); });
  });
  return promise.future().Get(core_->config().request_timeout);
}

Producer::Stats Producer::Impl::stats() const {
  return {.sent = sent_.load(),
          .acked = counters_.acked.load(),
          .failed = counters_.failed.load() + refused_.load(),
          .retries = counters_.retries.load(),
          .batches = counters_.batches.load(),
          .bytes_queued = memory_.used()};
}

}  // namespace raftmq

// What clients and brokers say to each other, as plain values. The schema (raftmq.capnp) mirrors
// them; only codec.cc knows Cap'n Proto. Batches ride beside the message as the frame's attachment.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/types/ids.h"
#include "raftmq/error.h"

namespace raftmq::wire {

inline constexpr std::uint16_t kWireVersion = 1;

// First message of every connection. `shard` is the loop that the client wants to talk to; any
// shard answers metadata and topic operations, a partition's data only its own.
struct HelloRequest {
  std::uint16_t version_min = kWireVersion;
  std::uint16_t version_max = kWireVersion;
  std::string client_name;
  std::uint32_t shard = 0;

  bool operator==(const HelloRequest&) const = default;
};
struct HelloReply {
  std::uint16_t version = 0;  // 0 with an error.
  std::string cluster_id;
  NodeId node;
  std::uint32_t shards = 0;
  std::uint32_t frame_bytes_max = 0;
  std::uint64_t boot_id = 0;

  bool operator==(const HelloReply&) const = default;
};

enum class Acks : std::uint8_t { kQuorum = 0, kLeaderMemory = 1, kNone = 2 };

// Attachment: exactly one sealed batch.
struct ProduceRequest {
  GroupId group;
  Acks acks = Acks::kQuorum;
  std::optional<Offset> base_offset;  // Conditional: appended just there, else OFFSET_MISMATCH.

  bool operator==(const ProduceRequest&) const = default;
};
struct ProduceReply {
  Offset base_offset;
  std::int64_t append_time_ms = 0;
  Offset log_start;

  bool operator==(const ProduceReply&) const = default;
};

// Opens a stream: batches are pushed from `offset` on while credit lasts. Replies are FetchData
// with the request id of this message; the stream ends with a FetchData that has an error, or by
// FetchClose.
struct FetchRequest {
  GroupId group;
  Offset offset;
  std::uint32_t credit_bytes = 0;  // The broker sends at most this, but always a whole batch.
  bool one_answer = false;  // Long-poll: one FetchData, at the latest after wait_ms, then the end.
  std::uint32_t wait_ms = 0;
  Offset end_seen;   // Highest end the client has seen: a replica below answers kNotYet.
  Term term_before;  // Of the batch with the record before `offset`; another one here answers
                     // kPositionDiverged. 0 = not known, nothing is compared.

  bool operator==(const FetchRequest&) const = default;
};
struct FetchCredit {  // No reply. Adds credit to the stream opened by request `stream`.
  std::uint64_t stream = 0;
  std::uint32_t credit_bytes = 0;

  bool operator==(const FetchCredit&) const = default;
};
struct FetchClose {  // No reply.
  std::uint64_t stream = 0;

  bool operator==(const FetchClose&) const = default;
};
// Attachment: whole data batches, each padded to 8 bytes; empty at the end of the log. The first
// may begin before the wanted offset; the client skips.
struct FetchData {
  Offset log_start;
  Offset end;
  Offset next_offset;  // Where the next FetchData goes on.
  Term term;
  bool last = false;  // The stream is over.

  bool operator==(const FetchData&) const = default;
};

struct MetadataRequest {
  std::vector<std::string> topics;  // Empty = all.

  bool operator==(const MetadataRequest&) const = default;
};
struct NodeInfo {
  NodeId node;
  std::string host;
  std::uint16_t port = 0;
  std::uint32_t shards = 0;

  bool operator==(const NodeInfo&) const = default;
};
struct ReplicaInfo {
  NodeId node;
  std::uint8_t role = 0;  // 0 follower, 1 leader, 2 learner.
  bool is_lost = false;   // Placed there, but not a member of the group, or not to be opened.
  Offset end;
  Offset commit;  // Offset up to which this replica knows committed.
  Offset durable;

  bool operator==(const ReplicaInfo&) const = default;
};
struct PartitionInfo {
  PartitionNumber partition;
  NodeId leader;            // 0 = none.
  std::uint32_t shard = 0;  // Of the answering node.
  Term term;
  Offset log_start;
  Offset end;
  std::uint64_t size_bytes = 0;  // Log bytes of this replica, preallocation apart.
  std::vector<ReplicaInfo> replicas;

  bool operator==(const PartitionInfo&) const = default;
};
struct TopicInfo {
  std::string name;
  TopicId id;
  std::map<std::string, std::string> settings;  // Dotted names, as set; defaults left out.
  std::vector<PartitionInfo> partitions;
  Error error{ErrorCode::kOk,
              ""};  // kTopicNotFound for a name that was asked for and is not there.

  bool operator==(const TopicInfo&) const = default;
};
struct MetadataReply {
  std::string cluster_id;
  NodeId answering;
  std::vector<NodeInfo> nodes;
  std::vector<TopicInfo> topics;
  NodeId metadata_leader;            // Of the catalogue, as the answering node knows it; 0 = none.
  std::uint32_t nodes_expected = 0;  // Those of the cluster, joined or not; 0 = not told.

  bool operator==(const MetadataReply&) const = default;
};

struct CreateTopicRequest {
  std::string name;
  std::uint32_t partitions = 1;
  std::uint32_t replicas = 0;  // 0 = default: min(3, nodes).
  std::map<std::string, std::string> settings;

  bool operator==(const CreateTopicRequest&) const = default;
};
struct CreateTopicReply {
  TopicId id;

  bool operator==(const CreateTopicReply&) const = default;
};
struct DeleteTopicRequest {
  std::string name;

  bool operator==(const DeleteTopicRequest&) const = default;
};
struct TrimRequest {  // Moves the log start up to `offset`, which must be <= end.
  GroupId group;
  Offset offset;

  bool operator==(const TrimRequest&) const = default;
};
struct TrimReply {
  Offset log_start;

  bool operator==(const TrimReply&) const = default;
};
struct ListOffsetsRequest {  // First offset whose timestamp is >= the given one.
  GroupId group;
  std::int64_t timestamp_ms = 0;

  bool operator==(const ListOffsetsRequest&) const = default;
};
struct ListOffsetsReply {
  Offset offset;                   // `end` if every record is older.
  std::int64_t timestamp_ms = -1;  // Of that record; -1 at the end.
  Offset log_start;
  Offset end;
  Term term;

  bool operator==(const ListOffsetsReply&) const = default;
};
// The end of a linearizable read, of any replica: answered once this one serves everything that was
// acked, anywhere, before it was asked. A fetch here with this end as `end_seen` misses none of it.
// Errors: kNotYet (no leader is known, or it has only begun), kTimeout (no majority answers).
struct ReadIndexRequest {
  GroupId group;

  bool operator==(const ReadIndexRequest&) const = default;
};
struct ReadIndexReply {
  Offset end;
  Offset log_start;
  Term term;

  bool operator==(const ReadIndexReply&) const = default;
};
// Hands the leadership of a partition to another of its replicas; to be sent to the leader.
// Answered with EmptyReply once that one leads. Errors: kInvalidArgument (no replica there),
// kNotLeader, kTimeout (it did not take over; who leads now, metadata tells).
struct TransferLeaderRequest {
  GroupId group;
  NodeId to;

  bool operator==(const TransferLeaderRequest&) const = default;
};
// The data directory that a node has joined with is gone for good: none of the replicas it held
// counts any more, and the node is admitted with the next one that it comes with. Answered with
// EmptyReply when that is settled; the node's replicas come back one by one, see metadata. May be
// sent again. Errors: kInvalidArgument (no such node, or it runs), retriable ones while the cluster
// has no leader.
struct ReplaceNodeRequest {
  NodeId node;

  bool operator==(const ReplaceNodeRequest&) const = default;
};
// A session for a producer, from any broker: the batches that carry it are stored once, however
// often they are sent. Each allotment is another (session, epoch): of the same name the same
// session with the next epoch, which fences the earlier ones wherever it is used. A request whose
// answer was lost may be sent again; that costs a number, nothing else. Errors: kBadName,
// kLimitExceeded (names are bounded in number), retriable ones while the cluster has no leader.
struct InitProducerRequest {
  std::string name;  // As topics are named; empty: a session that nobody takes over.

  bool operator==(const InitProducerRequest&) const = default;
};
struct InitProducerReply {
  SessionId session;
  std::uint32_t epoch = 0;

  bool operator==(const InitProducerReply&) const = default;
};
// Makes `epoch` count in a partition: what comes with a lower one is refused with kFenced from here
// on. To be sent to the leader; may be sent again. Errors: kBadRequest (session 0), kFenced,
// kUnknownSession, kLimitExceeded, those of a produce request.
struct OpenSessionRequest {
  GroupId group;
  SessionId session;
  std::uint32_t epoch = 0;

  bool operator==(const OpenSessionRequest&) const = default;
};
struct OpenSessionReply {
  std::uint32_t epoch = 0;
  std::uint32_t next_sequence = 0;  // Of the session's next record here, modulo 2^32.
  bool may_be_forgotten = false;    // It begins here, but may have stored records before.

  bool operator==(const OpenSessionReply&) const = default;
};
// Moves the log start up to `offset`, past damage of which no replica has a good copy, and only
// that.
struct AcceptLossRequest {
  GroupId group;
  Offset offset;

  bool operator==(const AcceptLossRequest&) const = default;
};
struct AcceptLossReply {
  Offset log_start;
  Offset files_end;  // With the log start here, the files go that hold what is lost.

  bool operator==(const AcceptLossReply&) const = default;
};
// How the scrubber of a node is getting on; to be sent to that node. `start` first orders a pass
// over everything that it stores, at the rate for such orders. One that was ordered before is ended
// first; what began by itself begins anew.
struct ScrubRequest {
  bool start = false;

  bool operator==(const ScrubRequest&) const = default;
};
struct Damage {
  std::string where;  // "orders/0", or a file of the node.
  Offset first_offset, end_offset;
  std::string what;

  bool operator==(const Damage&) const = default;
};
struct ScrubReply {
  NodeId node;
  bool running = false;  // All of a node's shards together, as all below; also if only ordered.
  bool by_hand = false;  // It was ordered.
  std::int64_t began_ms = 0;     // Of the running pass, else of the last one; 0 = never.
  std::int64_t ended_ms = 0;     // Of the last one that ended; 0 = never.
  std::uint64_t bytes_read = 0;  // Of the running pass, else of the last one.
  std::uint64_t bytes_all = 0;   // What it reads in all, about.
  std::uint64_t passes = 0;      // Since the node's start, as the next two.
  std::uint64_t damage_found = 0;
  std::uint64_t damage_repaired = 0;
  std::uint64_t damage_open = 0;
  std::vector<Damage> damage;  // The first ones that are open.

  bool operator==(const ScrubReply&) const = default;
};
struct EmptyReply {  // Success of a request without a result.
  bool operator==(const EmptyReply&) const = default;
};
struct ErrorReply {  // Failure of any request.
  Error error;
  // With kOffsetBelowStart, kPositionDiverged, kDataCorrupt (first good offset after it).
  std::optional<Offset> log_start;
  // With kOffsetBeyondEnd, kPositionDiverged, kDataCorrupt (first damaged offset).
  std::optional<Offset> end;

  bool operator==(const ErrorReply&) const = default;
};

using Body =
    std::variant<HelloRequest, HelloReply, ProduceRequest, ProduceReply, FetchRequest, FetchCredit,
                 FetchClose, FetchData, MetadataRequest, MetadataReply, CreateTopicRequest,
                 CreateTopicReply, DeleteTopicRequest, TrimRequest, TrimReply, ListOffsetsRequest,
                 ListOffsetsReply, EmptyReply, ErrorReply, ReadIndexRequest, ReadIndexReply,
                 TransferLeaderRequest, InitProducerRequest, InitProducerReply, OpenSessionRequest,
                 OpenSessionReply, ScrubRequest, ScrubReply, ReplaceNodeRequest, AcceptLossRequest,
                 AcceptLossReply>;

struct Message {
  std::uint64_t request_id = 0;  // Chosen by the requester; replies carry the request's.
  Body body;

  bool operator==(const Message&) const = default;
};

}  // namespace raftmq::wire

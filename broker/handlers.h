// One function per request: each answers its responder, now or later, exactly once.
#pragma once

#include <memory>

#include "broker/responder.h"
#include "protocol/wire/frame.h"
#include "protocol/wire/messages.h"

namespace raftmq::broker {

class Partition;
class Session;
class Shard;

// Decodes a frame and hands it to the handler of its operation. What is not a request of a client
// is answered kUnsupported; the connection stays, except after a second hello.
void Dispatch(Session& session, wire::Frame frame);

void HandleProduce(Session& session, std::uint64_t id, const wire::ProduceRequest& request,
                   wire::Frame frame);
void HandleFetch(Session& session, std::uint64_t id, const wire::FetchRequest& request);
void HandleFetchCredit(Session& session, const wire::FetchCredit& credit);
void HandleFetchClose(Session& session, const wire::FetchClose& close);
void HandleMetadata(Session& session, std::uint64_t id, const wire::MetadataRequest& request);
void HandleCreateTopic(Session& session, std::uint64_t id, wire::CreateTopicRequest request);
void HandleDeleteTopic(Session& session, std::uint64_t id, wire::DeleteTopicRequest request);
void HandleTrim(Session& session, std::uint64_t id, const wire::TrimRequest& request);
void HandleAcceptLoss(Session& session, std::uint64_t id, const wire::AcceptLossRequest& request);
void HandleListOffsets(Session& session, std::uint64_t id, const wire::ListOffsetsRequest& request);
void HandleReadIndex(Session& session, std::uint64_t id, const wire::ReadIndexRequest& request);
void HandleTransferLeader(Session& session, std::uint64_t id,
                          const wire::TransferLeaderRequest& request);
void HandleReplaceNode(Session& session, std::uint64_t id, const wire::ReplaceNodeRequest& request);
void HandleInitProducer(Session& session, std::uint64_t id, wire::InitProducerRequest request);
void HandleOpenSession(Session& session, std::uint64_t id, const wire::OpenSessionRequest& request);
void HandleScrub(Session& session, std::uint64_t id, const wire::ScrubRequest& request);

// The partition, if this shard serves it. Errors: kNotLeader naming the shard or node to ask,
// kTopicNotFound, kPartitionNotFound, kDataCorrupt for a replica that was lost.
Result<Partition*> FindPartition(Shard& shard, const GroupId& group);

// The error with the bounds that its code carries; `at` is the offset that was asked for.
wire::ErrorReply WithBounds(Error error, Partition& partition, Offset at = {});

}  // namespace raftmq::broker

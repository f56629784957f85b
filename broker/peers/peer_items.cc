#include "broker/peers/peer_items.h"

#include <fmt/format.h>

#include "protocol/types/batch_header.h"

namespace raftmq::broker {
namespace {

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};

wire::PeerBody ToBody(const RaftBody& body) {
  return std::visit(
      Overloaded{
          [](const VoteRequest& from) -> wire::PeerBody {
            return wire::PeerVoteRequest{from.is_pre_vote, from.is_transfer, from.last,
                                         from.last_term};
          },
          [](const VoteReply& from) -> wire::PeerBody {
            return wire::PeerVoteReply{from.is_pre_vote, from.is_granted};
          },
          [](const AppendRequest& from) -> wire::PeerBody {
            return wire::PeerAppendRequest{from.previous, from.previous_term, from.commit,
                                           from.round, from.goes_quiet};
          },
          [](const AppendReply& from) -> wire::PeerBody {
            return wire::PeerAppendReply{from.matched, from.durable, from.round, from.synced};
          },
          [](const AppendRejection& from) -> wire::PeerBody {
            return wire::PeerAppendRejection{from.previous, from.hint, from.hint_term, from.round,
                                             from.is_lost};
          },
          [](const ResetRequest& from) -> wire::PeerBody {
            return wire::PeerResetRequest{from.before, from.before_term, from.round};
          },
          [](const TransferNow&) -> wire::PeerBody { return wire::PeerTransferNow{}; },
          [](const ReadRequest& from) -> wire::PeerBody { return wire::PeerReadRequest{from.id}; },
          [](const ReadReply& from) -> wire::PeerBody {
            return wire::PeerReadReply{from.id, from.is_confirmed, from.index};
          },
      },
      body);
}

using Body = decltype(PeerMessage::body);

Body FromBody(const wire::PeerItem& item) {
  const auto raft = [&item](RaftBody body) -> Body {
    return RaftMessage{item.from, item.to, item.term, std::move(body)};
  };
  return std::visit(
      Overloaded{
          [&](const wire::PeerVoteRequest& from) {
            return raft(VoteRequest{from.is_pre_vote, from.is_transfer, from.last, from.last_term});
          },
          [&](const wire::PeerVoteReply& from) {
            return raft(VoteReply{from.is_pre_vote, from.is_granted});
          },
          [&](const wire::PeerAppendRequest& from) {
            AppendRequest append;
            append.previous = from.previous;
            append.previous_term = from.previous_term;
            append.commit = from.commit;
            append.round = from.round;
            append.goes_quiet = from.goes_quiet;
            append.last = from.previous;  // Until the entries have been looked at.
            return raft(std::move(append));
          },
          [&](const wire::PeerAppendReply& from) {
            return raft(AppendReply{from.matched, from.durable, from.round, from.synced});
          },
          [&](const wire::PeerAppendRejection& from) {
            return raft(AppendRejection{from.previous, from.hint, from.hint_term, from.round,
                                        from.is_lost});
          },
          [&](const wire::PeerResetRequest& from) {
            return raft(ResetRequest{from.before, from.before_term, from.round});
          },
          [&](const wire::PeerTransferNow&) { return raft(TransferNow{}); },
          [&](const wire::PeerReadRequest& from) { return raft(ReadRequest{from.id}); },
          [&](const wire::PeerReadReply& from) {
            return raft(ReadReply{from.id, from.is_confirmed, from.index});
          },
          [&](const wire::PeerForwardedProposal& from) -> Body {
            return ForwardedProposal{item.from, item.to, from.id};
          },
          [&](const wire::PeerForwardedOutcome& from) -> Body {
            return ForwardedOutcome{item.from, item.to,      from.id,
                                    from.code, from.message, from.index};
          },
          [&](const wire::PeerRepairRequest& from) -> Body {
            return RepairRequest{item.from, item.to,        from.id,          from.first,
                                 from.last, from.last_hash, from.is_committed};
          },
          [&](const wire::PeerRepairReply& from) -> Body {
            return RepairReply{item.from, item.to, from.id,
                               static_cast<RepairReply::Answer>(from.answer)};
          },
      },
      item.body);
}

}  // namespace

wire::PeerItem ToItem(const PeerMessage& message) {
  wire::PeerItem item{.group = message.group, .from = message.from(), .to = message.to()};
  std::visit(Overloaded{
                 [&](const RaftMessage& raft) {
                   item.term = raft.term;
                   item.body = ToBody(raft.body);
                 },
                 [&](const ForwardedProposal& proposal) {
                   item.body = wire::PeerForwardedProposal{proposal.id};
                 },
                 [&](const ForwardedOutcome& outcome) {
                   item.body = wire::PeerForwardedOutcome{outcome.id, outcome.code, outcome.index,
                                                          outcome.message};
                 },
                 [&](const RepairRequest& request) {
                   item.body = wire::PeerRepairRequest{request.id, request.first, request.last,
                                                       request.last_hash, request.is_committed};
                 },
                 [&](const RepairReply& reply) {
                   item.body = wire::PeerRepairReply{
                       reply.id, static_cast<wire::PeerRepairAnswer>(reply.answer)};
                 },
             },
             message.body);
  for (const SharedBytes& frame : message.frames)
    item.attachment_bytes += static_cast<std::uint32_t>(frame.size());
  return item;
}

Result<PeerMessage> FromItem(const wire::PeerItem& item, const SharedBytes& attachment) {
  PeerMessage message{.group = item.group, .body = FromBody(item), .frames = {}};
  for (std::size_t at = 0; at < attachment.size();) {
    const auto header = ParseBatchHeader(attachment.view().subspan(at));
    if (!header || header->padded_length() > attachment.size() - at) {
      return Fail(ErrorCode::kBadBatch,
                  fmt::format("expected whole entries for {}, found something else at byte {}",
                              item.group.ToString(), at));
    }
    message.frames.push_back(attachment.Slice(at, header->padded_length()));
    at += header->padded_length();
  }
  return message;
}

}  // namespace raftmq::broker

#include "protocol/wire/peer_codec.h"

#include <fmt/format.h>

#include <optional>

#include "protocol/wire/capnp_words.h"
#include "protocol/wire/codec.h"
#include "protocol/wire/peers.capnp.h"

namespace raftmq::wire {
namespace {

constexpr std::size_t kItemWords = 9;        // At least, in a list.
constexpr std::size_t kQuietGroupWords = 4;  // The same.

// --- Out.

void Put(const PeerHello& from, schema::PeerMessage::Builder root) {
  auto to = root.initHello();
  to.setVersionMin(from.version_min);
  to.setVersionMax(from.version_max);
  to.setNode(from.node.value());
  to.setIncarnation(from.incarnation);
  to.setBootId(from.boot_id);
  to.setSaveCounter(from.save_counter);
  to.setNumber(from.number.value());
  to.setIsLost(from.is_lost);
  to.setShard(from.shard);
  to.setToNode(from.to.value());
  to.setClusterId(TextOf(from.cluster_id));
}

void Put(const PeerWelcome& from, schema::PeerMessage::Builder root) {
  auto to = root.initWelcome();
  to.setVersion(from.version);
  to.setNode(from.node.value());
  to.setIncarnation(from.incarnation);
  to.setBootId(from.boot_id);
  to.setSaveCounter(from.save_counter);
  to.setNumber(from.number.value());
  to.setYourNumber(from.your_number.value());
  to.setShards(from.shards);
}

void Put(const PeerSaved& from, schema::PeerMessage::Builder root) { root.setSaved(from.counter); }

void Put(const PeerRefusal& from, schema::PeerMessage::Builder root) {
  auto to = root.initRefusal();
  to.setCode(static_cast<std::uint16_t>(from.error.code));
  to.setMessage(TextOf(BoundedUtf8(from.error.message, kErrorTextBytesMax)));
}

void PutBody(const PeerVoteRequest& from, schema::PeerItem::Builder item) {
  auto to = item.initVoteRequest();
  to.setIsPreVote(from.is_pre_vote);
  to.setIsTransfer(from.is_transfer);
  to.setLast(from.last.value());
  to.setLastTerm(from.last_term.value());
}
void PutBody(const PeerVoteReply& from, schema::PeerItem::Builder item) {
  auto to = item.initVoteReply();
  to.setIsPreVote(from.is_pre_vote);
  to.setIsGranted(from.is_granted);
}
void PutBody(const PeerAppendRequest& from, schema::PeerItem::Builder item) {
  auto to = item.initAppendRequest();
  to.setPrevious(from.previous.value());
  to.setPreviousTerm(from.previous_term.value());
  to.setCommit(from.commit.value());
  to.setRound(from.round);
  to.setGoesQuiet(from.goes_quiet);
}
void PutBody(const PeerAppendReply& from, schema::PeerItem::Builder item) {
  auto to = item.initAppendReply();
  to.setMatched(from.matched.value());
  to.setDurable(from.durable.value());
  to.setRound(from.round);
  to.setSynced(from.synced.value());
}
void PutBody(const PeerAppendRejection& from, schema::PeerItem::Builder item) {
  auto to = item.initAppendRejection();
  to.setPrevious(from.previous.value());
  to.setHint(from.hint.value());
  to.setHintTerm(from.hint_term.value());
  to.setRound(from.round);
  to.setIsLost(from.is_lost);
}
void PutBody(const PeerResetRequest& from, schema::PeerItem::Builder item) {
  auto to = item.initResetRequest();
  to.setBefore(from.before.value());
  to.setBeforeTerm(from.before_term.value());
  to.setRound(from.round);
}
void PutBody(const PeerTransferNow&, schema::PeerItem::Builder item) { item.setTransferNow(); }
void PutBody(const PeerReadRequest& from, schema::PeerItem::Builder item) {
  item.setReadRequest(from.id);
}
void PutBody(const PeerReadReply& from, schema::PeerItem::Builder item) {
  auto to = item.initReadReply();
  to.setId(from.id);
  to.setIsConfirmed(from.is_confirmed);
  to.setIndex(from.index.value());
}
void PutBody(const PeerForwardedProposal& from, schema::PeerItem::Builder item) {
  item.setForwardedProposal(from.id);
}
void PutBody(const PeerForwardedOutcome& from, schema::PeerItem::Builder item) {
  auto to = item.initForwardedOutcome();
  to.setId(from.id);
  to.setCode(static_cast<std::uint16_t>(from.code));
  to.setIndex(from.index.value());
  to.setMessage(TextOf(BoundedUtf8(from.message, kErrorTextBytesMax)));
}
void PutBody(const PeerRepairRequest& from, schema::PeerItem::Builder item) {
  auto to = item.initRepairRequest();
  to.setId(from.id);
  to.setFirst(from.first.value());
  to.setLast(from.last.value());
  to.setLastHash(from.last_hash);
  to.setIsCommitted(from.is_committed);
}
void PutBody(const PeerRepairReply& from, schema::PeerItem::Builder item) {
  auto to = item.initRepairReply();
  to.setId(from.id);
  to.setAnswer(static_cast<schema::PeerRepairAnswer>(from.answer));
}

void Put(const PeerItems& from, schema::PeerMessage::Builder root) {
  auto items = root.initItems(ListSize(from.size()));
  for (unsigned i = 0; i < items.size(); ++i) {
    const PeerItem& item = from[i];
    auto to = items[i];
    to.setTopicHigh(item.group.topic.high);
    to.setTopicLow(item.group.topic.low);
    to.setPartition(item.group.partition.value());
    to.setAttachmentBytes(item.attachment_bytes);
    to.setFromNode(item.from.node.value());
    to.setToNode(item.to.node.value());
    to.setFromNumber(item.from.number.value());
    to.setToNumber(item.to.number.value());
    to.setTerm(item.term.value());
    std::visit([&to](const auto& body) { PutBody(body, to); }, item.body);
  }
}

void PutGroups(const std::vector<PeerQuietGroup>& from,
               capnp::List<schema::PeerQuietGroup>::Builder to) {
  for (unsigned i = 0; i < to.size(); ++i) {
    to[i].setTopicHigh(from[i].group.topic.high);
    to[i].setTopicLow(from[i].group.topic.low);
    to[i].setPartition(from[i].group.partition.value());
    to[i].setTerm(from[i].term.value());
  }
}

void Put(const PeerHeartbeat& from, schema::PeerMessage::Builder root) {
  auto to = root.initHeartbeat();
  to.setShard(from.shard);
  to.setBootId(from.boot_id);
  to.setNumber(from.number);
  to.setHash(from.hash);
  to.setListsGroups(from.lists_groups);
  PutGroups(from.groups, to.initGroups(ListSize(from.groups.size())));
}

void Put(const PeerHeartbeatReply& from, schema::PeerMessage::Builder root) {
  auto to = root.initHeartbeatReply();
  to.setShard(from.shard);
  to.setBootId(from.boot_id);
  to.setNumber(from.number);
  to.setIsAgreed(from.is_agreed);
  PutGroups(from.refused, to.initRefused(ListSize(from.refused.size())));
}

// --- In.

PeerHello Get(schema::PeerHello::Reader from) {
  const auto id = from.getClusterId();
  return {.version_min = from.getVersionMin(),
          .version_max = from.getVersionMax(),
          .cluster_id = std::string(id.begin(), id.size()),
          .node = NodeId(from.getNode()),
          .incarnation = from.getIncarnation(),
          .boot_id = from.getBootId(),
          .save_counter = from.getSaveCounter(),
          .number = ReplicaNumber(from.getNumber()),
          .is_lost = from.getIsLost(),
          .to = NodeId(from.getToNode()),
          .shard = from.getShard()};
}

PeerWelcome Get(schema::PeerWelcome::Reader from) {
  return {.version = from.getVersion(),
          .node = NodeId(from.getNode()),
          .incarnation = from.getIncarnation(),
          .boot_id = from.getBootId(),
          .save_counter = from.getSaveCounter(),
          .number = ReplicaNumber(from.getNumber()),
          .your_number = ReplicaNumber(from.getYourNumber()),
          .shards = from.getShards()};
}

std::string BoundedText(capnp::Text::Reader text) {
  return BoundedUtf8(std::string_view(text.begin(), text.size()), kErrorTextBytesMax);
}

std::optional<PeerBody> GetBody(schema::PeerItem::Reader item) {
  switch (item.which()) {
    case schema::PeerItem::VOTE_REQUEST: {
      const auto from = item.getVoteRequest();
      return PeerVoteRequest{.is_pre_vote = from.getIsPreVote(),
                             .is_transfer = from.getIsTransfer(),
                             .last = Index(from.getLast()),
                             .last_term = Term(from.getLastTerm())};
    }
    case schema::PeerItem::VOTE_REPLY: {
      const auto from = item.getVoteReply();
      return PeerVoteReply{.is_pre_vote = from.getIsPreVote(), .is_granted = from.getIsGranted()};
    }
    case schema::PeerItem::APPEND_REQUEST: {
      const auto from = item.getAppendRequest();
      return PeerAppendRequest{.previous = Index(from.getPrevious()),
                               .previous_term = Term(from.getPreviousTerm()),
                               .commit = Index(from.getCommit()),
                               .round = from.getRound(),
                               .goes_quiet = from.getGoesQuiet()};
    }
    case schema::PeerItem::APPEND_REPLY: {
      const auto from = item.getAppendReply();
      return PeerAppendReply{.matched = Index(from.getMatched()),
                             .durable = Index(from.getDurable()),
                             .round = from.getRound(),
                             .synced = Index(from.getSynced())};
    }
    case schema::PeerItem::APPEND_REJECTION: {
      const auto from = item.getAppendRejection();
      return PeerAppendRejection{.previous = Index(from.getPrevious()),
                                 .hint = Index(from.getHint()),
                                 .hint_term = Term(from.getHintTerm()),
                                 .round = from.getRound(),
                                 .is_lost = from.getIsLost()};
    }
    case schema::PeerItem::RESET_REQUEST: {
      const auto from = item.getResetRequest();
      return PeerResetRequest{.before = Index(from.getBefore()),
                              .before_term = Term(from.getBeforeTerm()),
                              .round = from.getRound()};
    }
    case schema::PeerItem::TRANSFER_NOW:
      return PeerTransferNow{};
    case schema::PeerItem::READ_REQUEST:
      return PeerReadRequest{item.getReadRequest()};
    case schema::PeerItem::READ_REPLY: {
      const auto from = item.getReadReply();
      return PeerReadReply{.id = from.getId(),
                           .is_confirmed = from.getIsConfirmed(),
                           .index = Index(from.getIndex())};
    }
    case schema::PeerItem::FORWARDED_PROPOSAL:
      return PeerForwardedProposal{item.getForwardedProposal()};
    case schema::PeerItem::FORWARDED_OUTCOME: {
      const auto from = item.getForwardedOutcome();
      return PeerForwardedOutcome{.id = from.getId(),
                                  .code = static_cast<ErrorCode>(from.getCode()),
                                  .index = Index(from.getIndex()),
                                  .message = BoundedText(from.getMessage())};
    }
    case schema::PeerItem::REPAIR_REQUEST: {
      const auto from = item.getRepairRequest();
      return PeerRepairRequest{.id = from.getId(),
                               .first = Index(from.getFirst()),
                               .last = Index(from.getLast()),
                               .last_hash = from.getLastHash(),
                               .is_committed = from.getIsCommitted()};
    }
    case schema::PeerItem::REPAIR_REPLY: {
      const auto from = item.getRepairReply();
      // What this side does not know of is no copy for it.
      const auto answer = from.getAnswer() <= schema::PeerRepairAnswer::REMOVED
                              ? static_cast<PeerRepairAnswer>(from.getAnswer())
                              : PeerRepairAnswer::kNotYet;
      return PeerRepairReply{.id = from.getId(), .answer = answer};
    }
  }
  return std::nullopt;
}

Result<PeerMessage> GetItems(capnp::List<schema::PeerItem>::Reader from, std::size_t message_words,
                             std::size_t attachment_bytes) {
  if (from.size() > kPeerItemsMax || from.size() * kItemWords > message_words) {
    return Fail(ErrorCode::kBadMessage,
                fmt::format("expected at most {} items in a message of {} words, found {}",
                            kPeerItemsMax, message_words, from.size()));
  }
  PeerItems items;
  items.reserve(from.size());
  std::uint64_t attached = 0;
  for (const auto item : from) {
    auto body = GetBody(item);
    if (!body) {
      return Fail(
          ErrorCode::kUnsupported,
          fmt::format("unknown kind {} of peer message: this side knows those of version {}",
                      static_cast<unsigned>(item.which()), kPeerVersion));
    }
    items.push_back({.group = {TopicId{item.getTopicHigh(), item.getTopicLow()},
                               PartitionNumber(item.getPartition())},
                     .from = {NodeId(item.getFromNode()), ReplicaNumber(item.getFromNumber())},
                     .to = {NodeId(item.getToNode()), ReplicaNumber(item.getToNumber())},
                     .term = Term(item.getTerm()),
                     .body = std::move(*body),
                     .attachment_bytes = item.getAttachmentBytes()});
    attached += item.getAttachmentBytes();
  }
  if (attached != attachment_bytes) {
    return Fail(ErrorCode::kBadMessage,
                fmt::format("the items speak of {} attached bytes, the frame has {}", attached,
                            attachment_bytes));
  }
  return PeerMessage(std::move(items));
}

Result<std::vector<PeerQuietGroup>> GetGroups(capnp::List<schema::PeerQuietGroup>::Reader from,
                                              std::size_t message_words) {
  if (from.size() > kPeerQuietGroupsMax || from.size() * kQuietGroupWords > message_words) {
    return Fail(ErrorCode::kBadMessage,
                fmt::format("expected at most {} quiet groups in a message of {} words, found {}",
                            kPeerQuietGroupsMax, message_words, from.size()));
  }
  std::vector<PeerQuietGroup> groups;
  groups.reserve(from.size());
  for (const auto group : from) {
    groups.push_back({.group = {TopicId{group.getTopicHigh(), group.getTopicLow()},
                                PartitionNumber(group.getPartition())},
                      .term = Term(group.getTerm())});
  }
  return groups;
}

Result<PeerMessage> Get(schema::PeerHeartbeat::Reader from, std::size_t message_words) {
  RAFTMQ_TRY_ASSIGN(std::vector<PeerQuietGroup> groups, GetGroups(from.getGroups(), message_words));
  return PeerMessage(PeerHeartbeat{.shard = from.getShard(),
                                   .boot_id = from.getBootId(),
                                   .number = from.getNumber(),
                                   .hash = from.getHash(),
                                   .lists_groups = from.getListsGroups(),
                                   .groups = std::move(groups)});
}

Result<PeerMessage> Get(schema::PeerHeartbeatReply::Reader from, std::size_t message_words) {
  RAFTMQ_TRY_ASSIGN(std::vector<PeerQuietGroup> refused,
                    GetGroups(from.getRefused(), message_words));
  return PeerMessage(PeerHeartbeatReply{.shard = from.getShard(),
                                        .boot_id = from.getBootId(),
                                        .number = from.getNumber(),
                                        .is_agreed = from.getIsAgreed(),
                                        .refused = std::move(refused)});
}

}  // namespace

SharedBytes EncodePeerHead(const PeerMessage& message, std::size_t attachment_bytes) {
  return EncodeOneSegment(
      [&message](capnp::MessageBuilder& builder) {
        auto root = builder.initRoot<schema::PeerMessage>();
        root.setMagic(kPeerMagic);
        std::visit([&root](const auto& body) { Put(body, root); }, message);
      },
      attachment_bytes);
}

Result<PeerMessage> DecodePeerMessage(ByteSpan bytes, std::size_t attachment_bytes) {
  const auto decode = [attachment_bytes](schema::PeerMessage::Reader root,
                                         std::size_t words) -> Result<PeerMessage> {
    if (root.getMagic() != kPeerMagic) {
      return Fail(ErrorCode::kBadMessage,
                  "expected a peer's message, found another: clients use the client port");
    }
    if (root.which() == schema::PeerMessage::ITEMS)
      return GetItems(root.getItems(), words, attachment_bytes);
    if (attachment_bytes != 0) return Fail(ErrorCode::kBadMessage, "only items have attachments");
    switch (root.which()) {
      case schema::PeerMessage::HELLO: {
        PeerHello hello = Get(root.getHello());
        if (!IsValidUtf8(hello.cluster_id))
          return Fail(ErrorCode::kBadRequest, "expected UTF-8 in 'clusterId', found other bytes");
        return PeerMessage(std::move(hello));
      }
      case schema::PeerMessage::WELCOME:
        return PeerMessage(Get(root.getWelcome()));
      case schema::PeerMessage::REFUSAL: {
        const auto from = root.getRefusal();
        return PeerMessage(
            PeerRefusal{{static_cast<ErrorCode>(from.getCode()), BoundedText(from.getMessage())}});
      }
      case schema::PeerMessage::HEARTBEAT:
        return Get(root.getHeartbeat(), words);
      case schema::PeerMessage::HEARTBEAT_REPLY:
        return Get(root.getHeartbeatReply(), words);
      case schema::PeerMessage::SAVED:
        return PeerMessage(PeerSaved{root.getSaved()});
      case schema::PeerMessage::ITEMS:
        break;
    }
    return Fail(ErrorCode::kUnsupported, fmt::format("unknown kind {} of peer message",
                                                     static_cast<unsigned>(root.which())));
  };
  return DecodeOneSegment<schema::PeerMessage>(bytes, decode);
}

}  // namespace raftmq::wire

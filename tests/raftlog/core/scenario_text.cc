#include "tests/raftlog/core/scenario_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

namespace raftmq {
namespace {

const char* NameOf(RaftRole role) {
  switch (role) {
    case RaftRole::kFollower:
      return "follower";
    case RaftRole::kPreCandidate:
      return "pre-candidate";
    case RaftRole::kCandidate:
      return "candidate";
    case RaftRole::kLeader:
      return "leader";
  }
  return "?";
}

std::string RunsText(const std::vector<TermRun>& runs, Index last) {
  std::string text;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const Index first = runs[i].first;
    const Index end = i + 1 < runs.size() ? runs[i + 1].first.Minus(1) : last;
    text += fmt::format("{}t{}:{}", i == 0 ? "" : ",", runs[i].term.value(), first.value());
    if (end > first) text += fmt::format("-{}", end.value());
  }
  return text;
}

struct BodyText {
  std::string term;  // " t2"

  std::string operator()(const VoteRequest& body) const {
    return fmt::format("{}vote?{} last={}@{}{}", body.is_pre_vote ? "pre-" : "", term,
                       body.last.value(), body.last_term.value(),
                       body.is_transfer ? " transfer" : "");
  }
  std::string operator()(const VoteReply& body) const {
    return fmt::format("{}vote {}{}", body.is_pre_vote ? "pre-" : "",
                       body.is_granted ? "granted" : "refused", term);
  }
  std::string operator()(const AppendRequest& body) const {
    std::string text = fmt::format("append{} after {}@{}", term, body.previous.value(),
                                   body.previous_term.value());
    if (!body.runs.empty()) text += ": " + RunsText(body.runs, body.last);
    text += fmt::format(" commit={}", body.commit.value());
    return text + RoundText(body.round);
  }
  std::string operator()(const AppendReply& body) const {
    return fmt::format("agrees{} to {} durable={}", term, body.matched.value(),
                       body.durable.value()) +
           RoundText(body.round);
  }
  std::string operator()(const AppendRejection& body) const {
    return fmt::format("rejects{} after {}, has {}@{}", term, body.previous.value(),
                       body.hint.value(), body.hint_term.value()) +
           (body.is_lost ? " lost=1" : "") + RoundText(body.round);
  }
  std::string operator()(const ResetRequest& body) const {
    return fmt::format("reset{} behind {}@{}", term, body.before.value(), body.before_term.value());
  }
  std::string operator()(const TransferNow&) const { return "lead now" + term; }
  std::string operator()(const ReadRequest& body) const {
    return fmt::format("read?{} #{}", term, body.id);
  }
  std::string operator()(const ReadReply& body) const {
    return fmt::format("read{} {}", term,
                       TextOf(ReadState{body.id, body.is_confirmed, body.index}));
  }

  static std::string RoundText(std::uint64_t round) {
    return round == 0 ? "" : fmt::format(" round={}", round);
  }
};

}  // namespace

std::string TextOf(const Membership& membership) {
  std::string text;
  for (const Replica& replica : membership) {
    text += fmt::format("{}{}{}", text.empty() ? "" : ",", replica.node.value(),
                        replica.voter ? "" : "+");
  }
  return text;
}

std::string LogText(const Raft& raft) {
  const Index last = raft.status().last;
  Index first = last.Next();  // TermAt also knows the entry before the first kept one.
  while (first.value() > 1 && raft.TermAt(first.Minus(2))) first = first.Minus(1);
  std::vector<TermRun> runs;
  for (Index index = std::max(first, Index(2)); index <= last; index = index.Next()) {
    const Term term = *raft.TermAt(index);
    if (runs.empty() || runs.back().term != term) runs.push_back({index, term});
  }
  const std::string text = RunsText(runs, last);
  if (first == Index(1)) return text.empty() ? "empty" : text;
  return fmt::format("from{}{}{}", first.value(), text.empty() ? "" : ",", text);
}

Fields FieldsOf(const Raft& raft) {
  const RaftStatus& now = raft.status();
  const auto node = [](NodeId id) { return id == NodeId(0) ? "none" : id.ToString(); };
  return {{"role", NameOf(now.role)},
          {"term", now.term.ToString()},
          {"vote", node(now.vote)},
          {"leader", node(now.leader)},
          {"commit", now.commit.ToString()},
          {"log", LogText(raft)},
          {"durable", now.durable.last.ToString()},
          {"members", TextOf(raft.membership())}};
}

std::string TextOf(const RaftMessage& message) {
  const std::string term = fmt::format(" t{}", message.term.value());
  return fmt::format("{}->{} {}", message.from.node.value(), message.to.node.value(),
                     std::visit(BodyText{term}, message.body));
}

std::string TextOf(const Progress& progress) {
  return fmt::format("{}{} next={} matched={} durable={} in-flight={}",
                     progress.is_probing ? "probing" : "pipelined",
                     progress.is_waiting ? " waiting" : "", progress.next.value(),
                     progress.matched.value(), progress.durable.value(), progress.in_flight.size());
}

std::string TextOf(const ReadState& read) {
  return read.is_confirmed ? fmt::format("#{}@{}", read.id, read.index.value())
                           : fmt::format("#{}:ask-again", read.id);
}

}  // namespace raftmq

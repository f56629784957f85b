#include "producer/session_request.h"

#include <utility>

namespace raftmq::internal {
namespace {

// Asked twice, they only cost a number, or nothing.
RetryingCall::Options OptionsFor(const ClientLoop& loop) {
  return {.timeout = loop.config().request_timeout, .retry_unknown = true};
}

// The one kind of reply that fits.
template <class T>
Result<T> Expect(const Result<Reply>& outcome) {
  if (!outcome) return Fail(outcome.error());
  if (const auto* body = std::get_if<T>(&outcome->body)) return *body;
  return Fail(ErrorCode::kUnsupported, "the broker answered a request for a session otherwise");
}

}  // namespace

void AskForSession(ClientLoop& loop, const std::string& name, OnSession done) {
  loop.CallAny(wire::InitProducerRequest{.name = name}, OptionsFor(loop),
               [done = std::move(done)](const Result<Reply>& outcome) {
                 const auto allotted = Expect<wire::InitProducerReply>(outcome);
                 if (!allotted) return done(Fail(allotted.error()));
                 done(GrantedSession{{allotted->session, allotted->epoch, 0}});
               });
}

void OpenSession(ClientLoop& loop, const ReplicaOf& leader, const SessionPosition& session,
                 OnSession done) {
  const auto make_body = [session](GroupId group) {
    return wire::OpenSessionRequest{
        .group = group, .session = session.session, .epoch = session.epoch};
  };
  loop.CallReplica(leader, make_body, OptionsFor(loop),
                   [session, done = std::move(done)](const Result<Reply>& outcome) {
                     const auto opened = Expect<wire::OpenSessionReply>(outcome);
                     if (!opened) return done(Fail(opened.error()));
                     done(GrantedSession{{session.session, opened->epoch, opened->next_sequence},
                                         opened->may_be_forgotten});
                   });
}

}  // namespace raftmq::internal

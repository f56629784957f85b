#include "broker/responder.h"

#include "broker/session.h"

namespace raftmq::broker {

Responder::~Responder() {
  if (!is_answered_)
    Refuse({ErrorCode::kDisconnected, "the broker gave the request up; its outcome is unknown"});
}

void Responder::Reply(wire::Body body) {
  if (Session* session = TakeSession()) {
    if (!options_.is_silent) session->Send(options_.request_id, std::move(body), {});
    session->RequestDone(options_.api, options_.started, options_.bytes);
  }
}

void Responder::Refuse(Error error) { RefuseWith({std::move(error), {}, {}}); }

void Responder::RefuseWith(wire::ErrorReply error) {
  if (Session* session = TakeSession()) {
    session->CountError(options_.api, error.error.code);
    if (!options_.is_silent) session->Send(options_.request_id, std::move(error), {});
    session->RequestDone(options_.api, options_.started, options_.bytes);
  }
}

void Responder::Finish() {
  if (Session* session = TakeSession()) {
    session->RequestDone(options_.api, options_.started, options_.bytes);
  }
}

Session* Responder::TakeSession() {
  if (is_answered_) return nullptr;
  is_answered_ = true;
  options_.memory = MemoryShare();
  return options_.session.get();
}

}  // namespace raftmq::broker

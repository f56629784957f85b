// Sessions of simulated producers: taken over, and what they may be refused for.
#include "tests/sim/producers.h"

namespace raftmq::sim {

// In the name of another, which goes on and does not know it, or in its own once more.
bool SimProducer::MaybeTakeOver() {
  const ClientOptions& options = cluster_.scenario.clients;
  if (!options.has_sessions || cluster_.is_calm) return false;
  if (!cluster_.choices.PerMille(options.takeovers)) return false;
  const std::uint32_t partition = cluster_.PickPartition();
  const auto grant = cluster_.sessions.TakeOver(cluster_.choices, partition);
  if (!grant) return false;
  sessions_[partition] = {};
  opener_.Open(*grant, leaders_[partition],
               [this, grant = *grant](const std::optional<OpenedSession>& opened) {
                 TakeOverOnDone(grant, opened);
               });
  return true;
}

void SimProducer::TakeOverOnDone(const SessionCatalogue::Grant& grant,
                                 const std::optional<OpenedSession>& opened) {
  leaders_[grant.partition] = opener_.leader();
  if (opened) {
    sessions_[grant.partition] = {.id = grant.session,
                                  .epoch = grant.epoch,
                                  .life = opened->may_be_forgotten
                                              ? cluster_.sessions.BeginAnew(grant.session)
                                              : cluster_.sessions.LifeOf(grant.session),
                                  .next_sequence = opened->next_sequence};
  }
  ThinkThenSend();
}

// I-31: a session that was acked is known, unless it was dropped for its age, or what it had in
// memory only is lost. I-33: nobody is fenced but by who has taken over.
void SimProducer::CheckRefusal(const Error& error) {
  Session& session = sessions_[partition_];
  if (!is_in_session_ || session.id == SessionId(0)) return;
  const bool may_expire = cluster_.scenario.clients.sessions_max > 0;
  const bool is_gap = error.code == ErrorCode::kSequenceGap;
  const bool is_unknown = error.code == ErrorCode::kUnknownSession;
  if (is_gap) cluster_.coverage.Reach(Mark::kSequenceGap);
  if (is_unknown) cluster_.coverage.Reach(Mark::kSessionsExpired);
  const bool is_fenced = error.code == ErrorCode::kFenced;
  if (is_fenced) cluster_.coverage.Reach(Mark::kFenced);
  if (error.code == ErrorCode::kLimitExceeded && message_id_.empty())
    cluster_.coverage.Reach(Mark::kSessionsFull);
  // Who opens a session that was dropped for its age begins it anew, from its first sequence.
  const bool may_begin_anew = may_expire && cluster_.partitions[partition_]->WasDropped(session.id);
  const bool is_wrong = (is_gap && !session.is_weak && !may_begin_anew) ||
                        (is_unknown && !may_expire && !session.is_weak) ||
                        error.code == ErrorCode::kSequenceOverlap ||
                        error.code == ErrorCode::kDuplicateOffsetUnknown ||
                        (is_fenced && cluster_.sessions.IsNewest(session.id, session.epoch));
  if (is_wrong)
    cluster_.partitions[partition_]->Broken(is_fenced ? "I-33" : "I-31", {}, error.ToString());
  if (is_gap || is_unknown || is_fenced) session = {};
}

}  // namespace raftmq::sim

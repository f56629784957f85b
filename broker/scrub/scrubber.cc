#include "broker/scrub/scrubber.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

namespace raftmq::broker {
namespace {

constexpr Microseconds kLookInterval = std::chrono::seconds(1);
constexpr Microseconds kCountInterval = std::chrono::minutes(1);
constexpr Microseconds kPoolRetry = std::chrono::milliseconds(100);

}  // namespace

Scrubber::Scrubber(const Environment& environment)
    : environment_(environment),
      walk_({environment.shard == 0, environment.data_directory, environment.place,
             environment.files, environment.manifest, environment.counter, environment.log,
             watch_}),
      pass_(environment.node.PassOf(environment.shard)) {}

void Scrubber::Tick() {
  if (has_stopped_) return;
  const Microseconds now = environment_.clock.SteadyNow();
  if (looked_.count() < 0 || now - looked_ >= kLookInterval) {
    looked_ = now;
    LookAround();
  }
  MaybeBegin();
  GoOn();
}

void Scrubber::NoteDamage(const GroupId& group, const DamagedRange& range) {
  watch_.Add(group, environment_.place.NameOf(group), range);
  Publish();
}

void Scrubber::Stop() {
  has_stopped_ = true;
  Publish();
}

// While groups are still being opened a pass would be over before it has seen them.
void Scrubber::MaybeStart() {
  if (has_started_ || !environment_.place.IsComplete()) return;
  has_started_ = true;
  if (!pass_.is_running) return;
  walk_.Begin(pass_.group, pass_.index);
  bytes_left_ = walk_.CountBytesLeft();
}

void Scrubber::MaybeBegin() {
  if (!has_started_ || is_stepping_) return;
  const std::uint64_t orders = environment_.node.orders();
  if (orders > order_) {
    // One by hand is ended first: orders in quick succession must not keep it from its end.
    if (pass_.is_running && pass_.by_hand) return;
    order_ = orders;
    return Begin(true);
  }
  if (pass_.is_running) return;
  if (IsPassDue(environment_.node.limits(), pass_.began_ms, environment_.clock.WallNowMs()))
    Begin(false);
}

void Scrubber::Begin(bool by_hand) {
  pass_.began_ms = environment_.clock.WallNowMs();
  pass_.is_running = true;
  pass_.by_hand = by_hand;
  pass_.group = {};
  pass_.index = {};
  pass_.bytes_read = 0;
  step_cost_ = 0;
  next_.reset();
  walk_.Begin({}, {});
  bytes_left_ = walk_.CountBytesLeft();
  counted_ = environment_.clock.SteadyNow();
  Publish();
}

void Scrubber::End() {
  pass_.ended_ms = environment_.clock.WallNowMs();
  pass_.is_running = false;
  if (std::exchange(pass_.by_hand, false)) done_order_ = order_;
  bytes_left_ = 0;
  ++passes_;
  WatchDamage();  // Who waits for the end wants to see what was found.
  Publish();
}

void Scrubber::GoOn() {
  while (!has_stopped_ && has_started_ && pass_.is_running && !is_stepping_ &&
         IsDue(environment_.clock.SteadyNow())) {
    if (!next_) next_ = walk_.Next();
    if (!next_) return End();
    if (!SubmitStep()) return;
  }
}

// A pass by hand goes as fast as the node may; one that began by itself spreads over its period.
bool Scrubber::IsDue(Microseconds now) const {
  if (now < not_before_ || !environment_.node.gate().IsOpen(now)) return false;
  if (pass_.by_hand) return true;
  const ScrubLimits limits = environment_.node.limits();
  if (limits.period.count() == 0) return false;
  const std::uint64_t rate =
      PassRate(limits, bytes_left_, pass_.began_ms, environment_.clock.WallNowMs());
  return now - stepped_ >= TimeFor(step_cost_, rate);
}

std::uint64_t Scrubber::GateRate() const {
  const ScrubLimits limits = environment_.node.limits();
  return pass_.by_hand ? limits.started_rate : limits.rate;
}

bool Scrubber::SubmitStep() {
  auto shared = std::make_shared<ScrubStep>(*next_);
  const Status queued = environment_.work.Submit([shared] { shared->work(); },
                                                 [ref = anchor_.Ref(), shared] {
                                                   if (Scrubber* there = ref.get())
                                                     there->OnStepDone(*shared);
                                                 });
  is_stepping_ = queued.has_value();
  if (is_stepping_) {
    next_.reset();
  } else {  // Whoever fills the pool goes first.
    not_before_ = environment_.clock.SteadyNow() + kPoolRetry;
  }
  return is_stepping_;
}

void Scrubber::OnStepDone(const ScrubStep& step) {
  is_stepping_ = false;
  if (has_stopped_) return;
  const std::uint64_t bytes = step.finish();
  const Microseconds now = environment_.clock.SteadyNow();
  pass_.group = walk_.group();
  pass_.index = walk_.index();
  pass_.bytes_read += bytes;
  bytes_total_ += bytes;
  stepped_ = now;
  step_cost_ = std::max<std::uint64_t>(bytes, kScrubStepCost);
  bytes_left_ -= std::min(bytes_left_, step_cost_);
  environment_.node.gate().Spend(step_cost_, GateRate(), now);
  MaybeBegin();
  GoOn();
}

void Scrubber::LookAround() {
  MaybeStart();
  WatchDamage();
  const Microseconds now = environment_.clock.SteadyNow();
  if (has_started_ && pass_.is_running && now - counted_ >= kCountInterval) {
    counted_ = now;
    bytes_left_ = walk_.CountBytesLeft();
  }
  Publish();
  MaybeSave();
}

void Scrubber::WatchDamage() {
  std::set<GroupId> damaged;
  environment_.place.VisitDamage(
      [this, &damaged](const GroupId& id, const std::vector<DamagedRange>& ranges) {
        damaged.insert(id);
        watch_.Update(id, environment_.place.NameOf(id), ranges);
      });
  for (const GroupId& id : watch_.groups()) {
    if (damaged.contains(id)) continue;
    if (environment_.place.Has(id)) {
      watch_.Update(id, "", {});
    } else {
      watch_.Forget(id);
    }
  }
}

void Scrubber::Publish() {
  environment_.node.Publish(environment_.shard, {.pass = pass_,
                                                 .order = done_order_,
                                                 .bytes_left = bytes_left_,
                                                 .passes = passes_,
                                                 .bytes_total = bytes_total_,
                                                 .found = watch_.found(),
                                                 .repaired = watch_.repaired(),
                                                 .open = watch_.Open()});
}

// Loses a minute of reading at most, so a failure is told and tried again, no more.
void Scrubber::MaybeSave() {
  const Microseconds now = environment_.clock.SteadyNow();
  if (environment_.shard != 0 || is_saving_ || !environment_.node.IsSaveDue(now)) return;
  auto outcome = std::make_shared<Status>();
  const Status queued = environment_.work.Submit(
      [outcome, now, &node = environment_.node] { *outcome = node.Save(now); },
      [ref = anchor_.Ref(), outcome] {
        Scrubber* const there = ref.get();
        if (there == nullptr) return;
        there->is_saving_ = false;
        if (*outcome) return;
        there->environment_.log.WarnLimited(
            "scrub", "save",
            "how far the scrubber has come could not be saved: " + outcome->error().ToString());
      });
  is_saving_ = queued.has_value();
}

}  // namespace raftmq::broker

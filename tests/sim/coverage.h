// Interesting states by name, and how often runs have got there. One that stays at zero over many
// runs is a defect of the generator: what it does not reach it does not test.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace raftmq::sim {

// name, text
#define RAFTMQ_SIM_MARKS(X)                                                    \
  X(kElections, "elections")                                                   \
  X(kElectionAfterCommit, "election_with_data_committed")                      \
  X(kElectionDuringConfigChange, "election_while_a_membership_is_uncommitted") \
  X(kLeaderSteppedDown, "leader_became_follower")                              \
  X(kTwoLeaders, "two_leaders_of_different_terms_at_once")                     \
  X(kNoOpLost, "no_op_of_a_leader_was_cut_off")                                \
  X(kCut, "suffix_cut_off")                                                    \
  X(kCutDurable, "durable_entries_cut_off")                                    \
  X(kCutManySegments, "cut_of_two_segments_or_more")                           \
  X(kCutMembership, "membership_change_cut_off")                               \
  X(kRolls, "segments_rolled")                                                 \
  X(kRollWhileCutting, "rolled_in_the_job_that_cuts")                          \
  X(kCutCheckpoint, "checkpoint_cut_off")                                      \
  X(kTornTail, "torn_tail_cut_at_recovery")                                    \
  X(kUnsyncedSurvived, "unsynced_entries_found_at_recovery")                   \
  X(kUnsyncedLost, "written_entries_lost_at_recovery")                         \
  X(kEmptyRollUndone, "roll_without_checkpoint_undone_at_recovery")            \
  X(kCutFinished, "unfinished_cut_finished_at_recovery")                       \
  X(kVoteUnsent, "vote_durable_but_never_sent")                                \
  X(kFastRestart, "restart_within_an_election_timeout")                        \
  X(kKills, "kills")                                                           \
  X(kPowerCuts, "power_cuts")                                                  \
  X(kAllCut, "power_cut_of_all_nodes")                                         \
  X(kDeathInStorage, "death_between_two_storage_operations")                   \
  X(kDeathInRecovery, "death_while_opening_a_log")                             \
  X(kIoErrors, "failed_writes_and_syncs")                                      \
  X(kCleanStops, "clean_stops")                                                \
  X(kPauses, "pauses")                                                         \
  X(kLeaderPaused, "leader_paused")                                            \
  X(kHandedOver, "leadership_handed_over_at_a_clean_stop")                     \
  X(kSlowDisk, "slow_rounds_of_a_disk")                                        \
  X(kWriteErrors, "failed_writes")                                             \
  X(kSyncErrors, "failed_syncs")                                               \
  X(kDisksFilled, "disks_filled")                                              \
  X(kWorkQueueFull, "work_queue_full")                                         \
  X(kCutLost, "power_cuts_with_something_unsynced")                            \
  X(kClockAhead, "wall_clock_stepped_forward")                                 \
  X(kClockBack, "wall_clock_stepped_back")                                     \
  X(kClockFast, "clocks_that_run_fast_by_a_percent")                           \
  X(kClockSlow, "clocks_that_run_slow_by_a_percent")                           \
  X(kDiskHang, "leadership_given_up_for_a_hanging_disk")                       \
  X(kDiskFull, "proposals_refused_for_a_full_disk")                            \
  X(kFullAtRoll, "next_segment_not_prepared_for_a_full_disk")                  \
  X(kOverloaded, "proposals_refused_as_overload")                              \
  X(kCutShort, "append_cut_short_until_a_segment_is_ready")                    \
  X(kAppendRefused, "append_refused_by_its_receiver")                          \
  X(kBitFlipped, "bits_flipped")                                               \
  X(kPageZeroed, "pages_zeroed")                                               \
  X(kPageMisplaced, "pages_misplaced")                                         \
  X(kFileTruncated, "log_files_truncated")                                     \
  X(kSealedFileRemoved, "sealed_files_removed")                                \
  X(kNewestFileRemoved, "newest_files_removed")                                \
  X(kIndexRemoved, "index_files_removed")                                      \
  X(kDamageAtRecovery, "damage_found_by_recovery")                             \
  X(kDamageAtRead, "damage_found_by_a_read")                                   \
  X(kDamageAtScrub, "damage_found_by_scrubbing")                               \
  X(kNeverArrived, "damage_of_entries_that_never_arrived")                     \
  X(kRepairedInPlace, "damage_repaired_in_place")                              \
  X(kRepairRefused, "copies_refused_that_do_not_fit")                          \
  X(kRepairInterrupted, "crash_with_a_repair_under_way")                       \
  X(kHaveDamaged, "repair_answered_have_damaged")                              \
  X(kDoNotHave, "repair_answered_do_not_have")                                 \
  X(kDamagedHandsOver, "leader_handed_over_for_damage")                        \
  X(kDamageCut, "damage_cut_off")                                              \
  X(kLostByDamage, "replicas_lost_with_their_last_checkpoint")                 \
  X(kIndexRebuilt, "index_rebuilt")                                            \
  X(kHealedOnDisk, "damage_healed_on_disk")                                    \
  X(kAllHealed, "runs_with_damage_that_ended_whole")                           \
  X(kReopened, "log_opened_again_after_a_repair")                              \
  X(kCatchUpFromFiles, "follower_fed_from_files")                              \
  X(kPartitions, "network_partitions")                                         \
  X(kOneWay, "one_way_partitions")                                             \
  X(kCutIsolated, "partition_isolates_a_node")                                 \
  X(kCutHalves, "partition_halves_the_cluster")                                \
  X(kCutRandom, "partition_of_random_links")                                   \
  X(kCutRing, "partition_leaves_a_ring")                                       \
  X(kHealed, "partitions_healed")                                              \
  X(kMessagesLost, "messages_lost")                                            \
  X(kMessagesDoubled, "messages_doubled")                                      \
  X(kOvertaken, "messages_that_overtook_others")                               \
  X(kClogged, "links_clogged")                                                 \
  X(kLinkFull, "messages_dropped_for_a_full_link")                             \
  X(kClientLost, "requests_or_answers_of_clients_lost")                        \
  X(kResets, "connections_reset")                                              \
  X(kReplayed, "old_messages_replayed")                                        \
  X(kAcks, "acks")                                                             \
  X(kUnknownOutcomes, "unknown_outcomes")                                      \
  X(kDuplicates, "batches_stored_twice_by_a_retry")                            \
  X(kUnknownCommitted, "batch_committed_after_an_unknown_outcome")             \
  X(kFetchCache, "fetches_from_the_cache")                                     \
  X(kFetchFiles, "fetches_from_files")                                         \
  X(kFetchCold, "fetches_of_cold_pages")                                       \
  X(kNotYet, "fetches_answered_not_yet")                                       \
  X(kReadIndex, "linearizable_reads")                                          \
  X(kReadIndexByFollower, "linearizable_reads_by_followers")                   \
  X(kReadIndexAcrossElection, "linearizable_read_across_a_leader_change")      \
  X(kTransfers, "leaderships_handed_on")                                       \
  X(kLearnersAdded, "learners_added")                                          \
  X(kPromoted, "learners_promoted")                                            \
  X(kRemoved, "replicas_removed")                                              \
  X(kLeaderRemoved, "leaders_removed")                                         \
  X(kRemovedCampaigned, "removed_replica_asked_for_votes")                     \
  X(kDisksLost, "disks_lost")                                                  \
  X(kDirectoriesLost, "directories_lost_while_the_manifest_stays")             \
  X(kLostRefused, "lost_replicas_not_founded_anew")                            \
  X(kCatalogueLags, "replica_opened_before_the_catalogue_knew_it_was_founded") \
  X(kStateCopyRepaired, "copy_of_term_and_vote_repaired")                      \
  X(kManifestRepaired, "copy_of_the_manifest_repaired")                        \
  X(kCutWhileDown, "power_cut_after_a_kill_before_the_restart")                \
  X(kCutAfterUnsynced, "power_cut_after_recovery_found_unsynced_entries")      \
  X(kLostReplaced, "lost_replicas_replaced")                                   \
  X(kApplied, "commands_applied")                                              \
  X(kForwarded, "commands_committed_by_way_of_a_follower")                     \
  X(kStateCaptured, "state_machine_captured_in_a_checkpoint")                  \
  X(kStateRestored, "state_machine_restored_from_a_checkpoint")                \
  X(kSessionsBegun, "sessions_begun")                                          \
  X(kDuplicateAcks, "retries_acked_as_stored_before")                          \
  X(kDuplicateBelowStart, "retry_acked_whose_original_is_below_the_log_start") \
  X(kDuplicateAcrossElection, "retry_acked_by_another_leader")                 \
  X(kSessionsExpired, "batches_refused_for_an_expired_session")                \
  X(kSessionsFull, "batches_refused_for_a_full_session_table")                 \
  X(kTakeovers, "sessions_taken_over")                                         \
  X(kTakeoverElsewhere, "takeover_acked_by_another_node_than_asked_first")     \
  X(kOpeningRepeated, "opening_acked_that_was_in_the_log_already")             \
  X(kOpeningCut, "opening_of_a_session_cut_off")                               \
  X(kOpenedAnew, "session_opened_anew_after_it_was_dropped")                   \
  X(kFenced, "batches_refused_as_fenced")                                      \
  X(kSequenceGap, "batches_refused_behind_one_that_was_lost")                  \
  X(kLateRequests, "requests_that_arrive_after_they_were_given_up")            \
  X(kMessageIdRepeated, "message_id_repeated_without_a_session")               \
  X(kMessageIdInSession, "message_id_repeated_in_a_session")                   \
  X(kMessageIdJoined, "message_id_repeated_while_its_first_was_under_way")     \
  X(kMessageIdNewAgain, "message_id_stored_again_behind_its_window")           \
  X(kMessageIdsFull, "message_ids_refused_for_a_full_table")                   \
  X(kMessageIdsExpired, "message_ids_dropped_by_an_entry")                     \
  X(kRepeatCut, "repeat_of_a_session_cut_off")                                 \
  X(kRepeatRetried, "retry_acked_by_what_its_session_says_is_a_repeat")        \
  X(kStates, "states_compared_with_a_replay_of_the_log")                       \
  X(kStateAfterRestart, "states_compared_after_a_restart")                     \
  X(kStateAfterCut, "states_compared_after_a_truncation")                      \
  X(kStateAfterReset, "states_compared_after_a_reset")                         \
  X(kStartMoved, "log_start_moved")                                            \
  X(kSegmentsDeleted, "segments_deleted")                                      \
  X(kRetentionWaited, "retention_waited_for_a_follower")                       \
  X(kReset, "follower_reset_to_the_leaders_log_start")                         \
  X(kResetInterrupted, "crash_before_the_checkpoint_after_a_reset_arrived")    \
  X(kResetFinished, "unfinished_reset_finished_at_recovery")                   \
  X(kResetLed, "reset_follower_became_leader")                                 \
  X(kBelowStart, "fetches_below_the_log_start")                                \
  X(kQuiet, "groups_quiet_at_a_tick")                                          \
  X(kQuietExchanged, "quiet_groups_listed_to_a_peer")                          \
  X(kWoken, "quiet_groups_woken_by_silence")                                   \
  X(kNoWholeMajority, "runs_ended_early_without_a_whole_majority")             \
  X(kRejoined, "follower_cut_off_and_back_while_all_is_calm")                  \
  X(kLiveness, "runs_that_reached_the_end_of_the_liveness_phase")

enum class Mark : std::size_t {
#define RAFTMQ_SIM_MARK(name, text) name,
  RAFTMQ_SIM_MARKS(RAFTMQ_SIM_MARK)
#undef RAFTMQ_SIM_MARK
      kCount
};

class Coverage {
 public:
  static constexpr std::size_t kMarks = static_cast<std::size_t>(Mark::kCount);

  void Reach(Mark mark, std::uint64_t times = 1) {
    counts_[static_cast<std::size_t>(mark)] += times;
  }
  std::uint64_t Count(Mark mark) const { return counts_[static_cast<std::size_t>(mark)]; }
  static std::string_view NameOf(Mark mark);
  // {"name": count, ...}
  std::string ToJson() const;
  // False if the file cannot be written.
  bool WriteJson(const std::string& path) const;

 private:
  std::array<std::uint64_t, kMarks> counts_{};
};

}  // namespace raftmq::sim

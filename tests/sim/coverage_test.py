#!/usr/bin/env python3
"""Sums what simulator runs have reached and fails if some interesting state was never met.

Usage: coverage_test.py [--nightly] FILE...   (written by raftmq-sim --coverage)
"""
import json
import sys
from collections import Counter

# Not states to reach: what should not happen, or only after lost disks.
MAY_BE_ZERO = {"runs_ended_early_without_a_whole_majority", "append_refused_by_its_receiver"}
# A few times in 500 seeds: a change of timing must not fail every run. Nightly runs reach them.
RARE = {"rolled_in_the_job_that_cuts", "cut_of_two_segments_or_more", "unfinished_reset_finished_at_recovery",
        "session_opened_anew_after_it_was_dropped", "repeat_of_a_session_cut_off", "retention_waited_for_a_follower",
        "log_opened_again_after_a_repair", "leader_handed_over_for_damage", "damage_of_entries_that_never_arrived",
        "repair_answered_have_damaged"}

paths = sys.argv[1:]
is_nightly = "--nightly" in paths
if is_nightly:
    paths.remove("--nightly")
may_be_zero = MAY_BE_ZERO if is_nightly else MAY_BE_ZERO | RARE

reached = Counter()
for path in paths:
    with open(path, encoding="utf-8") as file:
        reached.update(json.load(file))
missing = sorted(name for name, count in reached.items() if count == 0 and name not in may_be_zero)
print(json.dumps(reached, indent=2))
if missing:
    sys.exit(f"never reached, so never tested: {', '.join(missing)}")

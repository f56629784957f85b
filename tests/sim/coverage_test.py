#!/usr/bin/env python3
"""Sums what simulator runs have reached and fails if some interesting state was never met.

Usage: coverage_test.py FILE...   (written by raftmq-sim --coverage)
"""
import json
import sys
from collections import Counter

# Not states to reach: a known gap that is counted, and what should not happen without damage.
MAY_BE_ZERO = {"runs_ended_early_for_damage_that_is_not_repaired", "append_refused_by_its_receiver"}

reached = Counter()
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        reached.update(json.load(file))
missing = sorted(name for name, count in reached.items() if count == 0 and name not in MAY_BE_ZERO)
print(json.dumps(reached, indent=2))
if missing:
    sys.exit(f"never reached, so never tested: {', '.join(missing)}")

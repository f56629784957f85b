#include "segment/retention.h"

#include <gtest/gtest.h>

#include <limits>

namespace raftmq {
namespace {

// Three segments of 100 bytes with offsets 0-9, 10-19 and 20-24, newest records at 1000, 2000,
// 3000.
std::vector<PartitionLog::SegmentInfo> Three() {
  std::vector<PartitionLog::SegmentInfo> segments;
  for (std::uint64_t i = 0; i < 3; ++i) {
    segments.push_back({.first = Index(1 + 20 * i),
                        .first_offset = Offset(10 * i),
                        .used_bytes = 100,
                        .max_timestamp_ms = static_cast<std::int64_t>(1000 * (i + 1)),
                        .sealed = i < 2});
  }
  return segments;
}
std::optional<Offset> Retain(const RetentionSettings& settings, std::int64_t now_ms = 0,
                             std::uint64_t log_start = 0) {
  return RetainFrom(Three(), settings,
                    {.now_ms = now_ms, .log_start = Offset(log_start), .end = Offset(25)});
}

TEST(Retention, WithoutBoundsNothingGoes) { EXPECT_EQ(Retain({}, 1'000'000'000), std::nullopt); }

TEST(Retention, BytesLetWholeSegmentsGoButNeverBelowTheBound) {
  EXPECT_EQ(Retain({.retention_bytes = 300}), std::nullopt);
  EXPECT_EQ(Retain({.retention_bytes = 201}), std::nullopt);
  EXPECT_EQ(Retain({.retention_bytes = 200}), Offset(10));
  EXPECT_EQ(Retain({.retention_bytes = 100}), Offset(20));
  EXPECT_EQ(Retain({.retention_bytes = 0}), Offset(20));  // The active segment stays.
}

TEST(Retention, AgeLetsOneSegmentGoAtATime) {
  EXPECT_EQ(Retain({.retention_ms = 500}, 1500), std::nullopt);
  EXPECT_EQ(Retain({.retention_ms = 500}, 1501), Offset(10));
  EXPECT_EQ(Retain({.retention_ms = 500}, 99'999), Offset(10));
  EXPECT_EQ(Retain({.retention_ms = 500}, 99'999, 10), Offset(20));
  EXPECT_EQ(Retain({.retention_ms = 500}, 99'999, 15), Offset(20));
}

TEST(Retention, AnActiveSegmentGivesUpItsOldRecords) {
  EXPECT_EQ(Retain({.retention_ms = 500}, 99'999, 20), Offset(25));
  EXPECT_EQ(Retain({.retention_ms = 500}, 99'999, 25), std::nullopt);
}

TEST(Retention, ASegmentWithANewerRecordHoldsThoseBehindIt) {
  EXPECT_EQ(Retain({.retention_ms = 500}, 2400, 10), std::nullopt);
}

// A replica that is catching up lacks what begins at this offset.
std::optional<Offset> RetainAwaited(std::uint64_t awaited, const RetentionSettings& settings,
                                    std::int64_t now_ms = 0) {
  return RetainFrom(Three(), settings,
                    {.now_ms = now_ms, .end = Offset(25), .awaited = Offset(awaited)});
}

TEST(Retention, WhatAReplicaStillLacksStays) {
  EXPECT_EQ(RetainAwaited(0, {.retention_bytes = 150}), std::nullopt);
  EXPECT_EQ(RetainAwaited(10, {.retention_bytes = 100}), Offset(10));
  EXPECT_EQ(RetainAwaited(0, {.retention_ms = 800}, 2000), std::nullopt);
}

TEST(Retention, WhatAReplicaLacksNoMoreGoes) {
  EXPECT_EQ(RetainAwaited(20, {.retention_bytes = 100}), Offset(20));
  EXPECT_EQ(RetainAwaited(10, {.retention_ms = 500}, 2000), Offset(10));
}

TEST(Retention, WaitsUpToTwiceTheBytes) {
  EXPECT_EQ(RetainAwaited(0, {.retention_bytes = 101}), std::nullopt);
  EXPECT_EQ(RetainAwaited(0, {.retention_bytes = 100}), Offset(10));
}

TEST(Retention, WaitsUpToTwiceTheAge) {
  EXPECT_EQ(RetainAwaited(0, {.retention_ms = 500}, 2000), std::nullopt);
  EXPECT_EQ(RetainAwaited(0, {.retention_ms = 500}, 2001), Offset(10));
}

TEST(Retention, TheLongestAgeIsNotDoubledBeyondAllNumbers) {
  constexpr std::int64_t kLongest = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(RetainAwaited(0, {.retention_ms = kLongest, .retention_bytes = 100}), Offset(10));
}

}  // namespace
}  // namespace raftmq

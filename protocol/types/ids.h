// Typed numbers: an Index cannot be passed where an Offset is meant.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace raftmq {

// A number that only meets its own kind. Immutable rules: ordered, printable, steps by Next().
template <class Tag, class Rep>
class TypedNumber {
 public:
  using rep = Rep;
  constexpr TypedNumber() = default;
  constexpr explicit TypedNumber(Rep value) : value_(value) {}
  constexpr Rep value() const { return value_; }
  constexpr TypedNumber Next() const { return TypedNumber(static_cast<Rep>(value_ + 1)); }
  constexpr TypedNumber Plus(Rep count) const {
    return TypedNumber(static_cast<Rep>(value_ + count));
  }
  constexpr TypedNumber Minus(Rep count) const {
    return TypedNumber(static_cast<Rep>(value_ - count));
  }
  constexpr auto operator<=>(const TypedNumber&) const = default;
  std::string ToString() const { return std::to_string(value_); }

 private:
  Rep value_ = 0;
};

using Index =
    TypedNumber<struct IndexTag, std::uint64_t>;  // Entry in the Raft log: 1, 2, 3, ...; 0 = none.
using Term = TypedNumber<struct TermTag, std::uint64_t>;  // Raft term.
using Offset =
    TypedNumber<struct OffsetTag, std::uint64_t>;  // Record in the partition: 0, 1, 2, ...
using NodeId = TypedNumber<struct NodeIdTag, std::uint32_t>;  // Broker; 0 = none.
using PartitionNumber = TypedNumber<struct PartitionTag, std::uint32_t>;
using SessionId = TypedNumber<struct SessionTag, std::uint64_t>;  // Producer session; 0 = none.
using ReplicaNumber = TypedNumber<struct ReplicaTag, std::uint64_t>;

// A topic's identity for ever, drawn at random when it is created; its name may be used again.
struct TopicId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  constexpr auto operator<=>(const TopicId&) const = default;
  std::string ToHex() const;  // 32 lower-case hex digits.
};

// Which Raft group: a partition of a topic. The `__cluster` group is kClusterTopicId, partition 0.
struct GroupId {
  TopicId topic;
  PartitionNumber partition;

  constexpr auto operator<=>(const GroupId&) const = default;
  std::string ToString() const;  // "<topic hex>-<partition>", the name of its directory.
};

inline constexpr TopicId kClusterTopicId{0, 1};

}  // namespace raftmq

template <class Tag, class Rep>
struct std::hash<raftmq::TypedNumber<Tag, Rep>> {
  std::size_t operator()(raftmq::TypedNumber<Tag, Rep> n) const {
    return std::hash<Rep>()(n.value());
  }
};
template <>
struct std::hash<raftmq::GroupId> {
  std::size_t operator()(const raftmq::GroupId& g) const {
    return (g.topic.high ^ (g.topic.low * 0x9E3779B97F4A7C15u)) + g.partition.value();
  }
};

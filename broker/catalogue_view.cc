#include "broker/catalogue_view.h"

#include "protocol/types/hash.h"

namespace raftmq::broker {

std::uint32_t ShardOf(const GroupId& group, std::uint32_t shards) {
  std::byte bytes[16];
  StoreLittleEndian(bytes, group.topic.high);
  StoreLittleEndian(bytes + 8, group.topic.low);
  // Partitions of one topic go round the shards, from a start that depends on the topic: a hash of
  // the partition would put two partitions of a small topic on one shard too often.
  const std::uint64_t start = Hash64(bytes);
  return static_cast<std::uint32_t>((start + group.partition.value()) % shards);
}

}  // namespace raftmq::broker

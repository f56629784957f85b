#include "cli/producer_setup.h"

#include <fmt/format.h>

#include <map>

namespace raftmq::cli {

Result<ProducerConfig> ProducerSetup(const std::string& topic, const std::string& acks,
                                     const std::string& codec) {
  static const std::map<std::string, ProducerAcks> kAcks{
      {"quorum", ProducerAcks::kQuorum},
      {"leader-memory", ProducerAcks::kLeaderMemory},
      {"none", ProducerAcks::kNone}};
  static const std::map<std::string, Compression> kCodecs{
      {"none", Compression::kNone}, {"lz4", Compression::kLz4}, {"zstd", Compression::kZstd}};
  const auto acks_found = kAcks.find(acks);
  if (acks_found == kAcks.end()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expected acks quorum, leader-memory or none, found '{}'", acks));
  }
  const auto codec_found = kCodecs.find(codec);
  if (codec_found == kCodecs.end()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expected codec none, lz4 or zstd, found '{}'", codec));
  }
  ProducerConfig config;
  config.topic = topic;
  config.acks = acks_found->second;
  config.compression = codec_found->second;
  return config;
}

}  // namespace raftmq::cli

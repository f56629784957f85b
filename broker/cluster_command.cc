#include "broker/cluster_command.h"

#include <fmt/format.h>

#include "broker/cluster_command_codec.h"

namespace raftmq::broker {
namespace {

constexpr std::uint8_t kTypeNodeJoined = 1;
constexpr std::uint8_t kTypeTopicCreated = 2;
constexpr std::uint8_t kTypeReplicasFounded = 3;
constexpr std::uint8_t kTypeTopicDeleted = 4;
constexpr std::uint8_t kTypeSessionAllotted = 5;
constexpr std::uint8_t kTypeNodeReplaced = 6;
constexpr std::uint8_t kTypeNodeAdmitted = 7;
constexpr std::uint8_t kTypeReplicaLost = 8;

std::uint8_t TypeOf(const ClusterCommand& command) {
  struct Visitor {
    std::uint8_t operator()(const NodeJoined&) const { return kTypeNodeJoined; }
    std::uint8_t operator()(const TopicCreated&) const { return kTypeTopicCreated; }
    std::uint8_t operator()(const ReplicasFounded&) const { return kTypeReplicasFounded; }
    std::uint8_t operator()(const TopicDeleted&) const { return kTypeTopicDeleted; }
    std::uint8_t operator()(const SessionAllotted&) const { return kTypeSessionAllotted; }
    std::uint8_t operator()(const NodeReplaced&) const { return kTypeNodeReplaced; }
    std::uint8_t operator()(const NodeAdmitted&) const { return kTypeNodeAdmitted; }
    std::uint8_t operator()(const ReplicaLost&) const { return kTypeReplicaLost; }
  };
  return std::visit(Visitor{}, command);
}

template <class T>
Result<ClusterCommand> Finished(CanonicalReader& in, Result<T> command) {
  if (!command) return Fail(std::move(command).error());
  RAFTMQ_TRY(in.AtEnd());
  return ClusterCommand(std::move(*command));
}

}  // namespace

std::string EncodeClusterCommand(const ClusterCommand& command) {
  CanonicalWriter out;
  out.Number(kClusterCommandVersion);
  out.Number(TypeOf(command));
  std::visit([&out](const auto& fields) { WriteFields(fields, out); }, command);
  return out.Take();
}

Result<ClusterCommand> DecodeClusterCommand(ByteSpan bytes) {
  CanonicalReader in(bytes);
  RAFTMQ_TRY_ASSIGN(const std::uint8_t version, in.Number<std::uint8_t>());
  if (version != kClusterCommandVersion) {
    return Fail(ErrorCode::kUnknownFormat,
                fmt::format("expected a cluster command of version {}, found {}",
                            kClusterCommandVersion, version));
  }
  RAFTMQ_TRY_ASSIGN(const std::uint8_t type, in.Number<std::uint8_t>());
  switch (type) {
    case kTypeNodeJoined:
      return Finished(in, ReadNodeJoined(in));
    case kTypeTopicCreated:
      return Finished(in, ReadTopicCreated(in));
    case kTypeReplicasFounded:
      return Finished(in, ReadReplicasFounded(in));
    case kTypeTopicDeleted:
      return Finished(in, ReadTopicDeleted(in));
    case kTypeSessionAllotted:
      return Finished(in, ReadSessionAllotted(in));
    case kTypeNodeReplaced:
      return Finished(in, ReadNodeReplaced(in));
    case kTypeNodeAdmitted:
      return Finished(in, ReadNodeAdmitted(in));
    case kTypeReplicaLost:
      return Finished(in, ReadReplicaLost(in));
    default:
      return Fail(ErrorCode::kUnknownFormat,
                  fmt::format("expected a cluster command of type 1 to 8, found {}", type));
  }
}

}  // namespace raftmq::broker

// The fields of each command, shared by the command's and the catalogue checkpoint's encoding.
#pragma once

#include "broker/canonical_bytes.h"
#include "broker/cluster_command.h"

namespace raftmq::broker {

void WriteFields(const NodeJoined& node, CanonicalWriter& out);
void WriteFields(const TopicCreated& topic, CanonicalWriter& out);
void WriteFields(const ReplicasFounded& founded, CanonicalWriter& out);
void WriteFields(const TopicDeleted& deleted, CanonicalWriter& out);
void WriteFields(const SessionAllotted& allotted, CanonicalWriter& out);
void WriteFields(const NodeReplaced& replaced, CanonicalWriter& out);
void WriteFields(const NodeAdmitted& admitted, CanonicalWriter& out);
void WriteFields(const ReplicaLost& lost, CanonicalWriter& out);

Result<NodeJoined> ReadNodeJoined(CanonicalReader& in);
Result<TopicCreated> ReadTopicCreated(CanonicalReader& in);
Result<ReplicasFounded> ReadReplicasFounded(CanonicalReader& in);
Result<TopicDeleted> ReadTopicDeleted(CanonicalReader& in);
Result<SessionAllotted> ReadSessionAllotted(CanonicalReader& in);
Result<NodeReplaced> ReadNodeReplaced(CanonicalReader& in);
Result<NodeAdmitted> ReadNodeAdmitted(CanonicalReader& in);
Result<ReplicaLost> ReadReplicaLost(CanonicalReader& in);

}  // namespace raftmq::broker

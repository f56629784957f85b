// The verbs. Each writes data to stdout and everything else to stderr, and returns the exit code.
#pragma once

#include <string>

#include "cli/arguments.h"

namespace raftmq::cli {

int TopicCreate(const GlobalArguments& global, const TopicCreateArguments& arguments);
int TopicList(const GlobalArguments& global);
int TopicDescribe(const GlobalArguments& global, const TopicNameArguments& arguments);
int TopicDelete(const GlobalArguments& global, const TopicNameArguments& arguments);
int TopicTrim(const GlobalArguments& global, const TopicTrimArguments& arguments);

int Produce(const GlobalArguments& global, const ProduceArguments& arguments);
int Consume(const GlobalArguments& global, const ConsumeArguments& arguments);

int PartitionList(const GlobalArguments& global, const PartitionListArguments& arguments);
int PartitionTransferLeader(const GlobalArguments& global,
                            const TransferLeaderArguments& arguments);
int NodeReplace(const GlobalArguments& global, const NodeReplaceArguments& arguments);
int PartitionAcceptLoss(const GlobalArguments& global, const AcceptLossArguments& arguments);
int ClusterInfo(const GlobalArguments& global);
int ClusterHealth(const GlobalArguments& global, const HealthArguments& arguments);

int ScrubStart(const GlobalArguments& global, const ScrubArguments& arguments);
int ScrubStatus(const GlobalArguments& global, const ScrubArguments& arguments);

int LogDump(const GlobalArguments& global, const LogArguments& arguments);
int LogVerify(const GlobalArguments& global, const LogArguments& arguments);

int BenchProduce(const GlobalArguments& global, const BenchArguments& arguments);
int BenchConsume(const GlobalArguments& global, const BenchArguments& arguments);
int BenchLatency(const GlobalArguments& global, const BenchArguments& arguments);

int LocalUp(const GlobalArguments& global, const LocalArguments& arguments);
int LocalStatus(const GlobalArguments& global, const LocalArguments& arguments);
int LocalStop(const GlobalArguments& global, const LocalArguments& arguments);
int LocalKill(const GlobalArguments& global, const LocalArguments& arguments);
int LocalPause(const GlobalArguments& global, const LocalArguments& arguments);
int LocalStart(const GlobalArguments& global, const LocalArguments& arguments);
int LocalDown(const GlobalArguments& global, const LocalArguments& arguments);

}  // namespace raftmq::cli

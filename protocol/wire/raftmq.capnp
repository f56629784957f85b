# What clients and brokers say to each other; messages.h explains each field.
#
# Wire version 1. Rules for changing this file:
#  - A field or union member is never renumbered, removed or given another type or meaning.
#  - New fields and union members are appended with the next free ordinal; a reader that does not
#    know a field ignores it, one that does not know a union member answers UNSUPPORTED.
#  - An absent new field reads as zero or empty: choose meanings so that this is the old behaviour.
#  - Anything else is a new wire version (frame header) and a new section in FORMAT.md.
@0xe8bf6a141242576c;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("raftmq::wire::schema");

struct Message {
  requestId @0 :UInt64;
  union {
    helloRequest @1 :HelloRequest;
    helloReply @2 :HelloReply;
    produceRequest @3 :ProduceRequest;
    produceReply @4 :ProduceReply;
    fetchRequest @5 :FetchRequest;
    fetchCredit @6 :FetchCredit;
    fetchClose @7 :FetchClose;
    fetchData @8 :FetchData;
    metadataRequest @9 :MetadataRequest;
    metadataReply @10 :MetadataReply;
    createTopicRequest @11 :CreateTopicRequest;
    createTopicReply @12 :CreateTopicReply;
    deleteTopicRequest @13 :DeleteTopicRequest;
    trimRequest @14 :TrimRequest;
    trimReply @15 :TrimReply;
    listOffsetsRequest @16 :ListOffsetsRequest;
    listOffsetsReply @17 :ListOffsetsReply;
    emptyReply @18 :Void;
    errorReply @19 :ErrorReply;
    readIndexRequest @20 :ReadIndexRequest;
    readIndexReply @21 :ReadIndexReply;
    transferLeaderRequest @22 :TransferLeaderRequest;
    initProducerRequest @23 :InitProducerRequest;
    initProducerReply @24 :InitProducerReply;
    openSessionRequest @25 :OpenSessionRequest;
    openSessionReply @26 :OpenSessionReply;
    conditionalProduceRequest @27 :ConditionalProduceRequest;
    scrubRequest @28 :ScrubRequest;
    scrubReply @29 :ScrubReply;
    replaceNodeRequest @30 :ReplaceNodeRequest;
    acceptLossRequest @31 :AcceptLossRequest;
    acceptLossReply @32 :AcceptLossReply;
  }
}

struct HelloRequest {
  versionMin @0 :UInt16;
  versionMax @1 :UInt16;
  shard @2 :UInt32;
  clientName @3 :Text;
}

struct HelloReply {
  version @0 :UInt16;
  node @1 :UInt32;
  shards @2 :UInt32;
  frameBytesMax @3 :UInt32;
  bootId @4 :UInt64;
  clusterId @5 :Text;
}

enum Acks {
  quorum @0;
  leaderMemory @1;
  none @2;
}

struct ProduceRequest {
  topicHigh @0 :UInt64;
  topicLow @1 :UInt64;
  partition @2 :UInt32;
  acks @3 :Acks;
}

struct ConditionalProduceRequest {
  produce @0 :ProduceRequest;
  baseOffset @1 :UInt64;
}

struct ProduceReply {
  baseOffset @0 :UInt64;
  appendTimeMs @1 :Int64;
  logStart @2 :UInt64;
}

struct FetchRequest {
  topicHigh @0 :UInt64;
  topicLow @1 :UInt64;
  partition @2 :UInt32;
  creditBytes @3 :UInt32;
  offset @4 :UInt64;
  endSeen @5 :UInt64;
  waitMs @6 :UInt32;
  oneAnswer @7 :Bool;
  termBefore @8 :UInt64;
}

struct FetchCredit {
  stream @0 :UInt64;
  creditBytes @1 :UInt32;
}

struct FetchClose {
  stream @0 :UInt64;
}

struct FetchData {
  logStart @0 :UInt64;
  end @1 :UInt64;
  nextOffset @2 :UInt64;
  term @3 :UInt64;
  last @4 :Bool;
}

struct MetadataRequest {
  topics @0 :List(Text);
}

struct NodeInfo {
  node @0 :UInt32;
  shards @1 :UInt32;
  port @2 :UInt16;
  host @3 :Text;
}

enum Role {
  follower @0;
  leader @1;
  learner @2;
}

struct ReplicaInfo {
  node @0 :UInt32;
  role @1 :Role;
  end @2 :UInt64;
  commit @3 :UInt64;
  durable @4 :UInt64;
  isLost @5 :Bool;
}

struct PartitionInfo {
  partition @0 :UInt32;
  leader @1 :UInt32;
  shard @2 :UInt32;
  term @3 :UInt64;
  logStart @4 :UInt64;
  end @5 :UInt64;
  sizeBytes @6 :UInt64;
  replicas @7 :List(ReplicaInfo);
}

struct Setting {
  name @0 :Text;
  value @1 :Text;
}

struct ErrorInfo {
  code @0 :UInt16;
  message @1 :Text;
}

struct TopicInfo {
  idHigh @0 :UInt64;
  idLow @1 :UInt64;
  name @2 :Text;
  settings @3 :List(Setting);
  partitions @4 :List(PartitionInfo);
  error @5 :ErrorInfo;  # Absent = no error.
}

struct MetadataReply {
  answering @0 :UInt32;
  clusterId @1 :Text;
  nodes @2 :List(NodeInfo);
  topics @3 :List(TopicInfo);
  metadataLeader @4 :UInt32;
  nodesExpected @5 :UInt32;
}

struct CreateTopicRequest {
  partitions @0 :UInt32;
  replicas @1 :UInt32;
  name @2 :Text;
  settings @3 :List(Setting);
}

struct CreateTopicReply {
  idHigh @0 :UInt64;
  idLow @1 :UInt64;
}

struct DeleteTopicRequest {
  name @0 :Text;
}

struct TrimRequest {
  topicHigh @0 :UInt64;
  topicLow @1 :UInt64;
  partition @2 :UInt32;
  offset @3 :UInt64;
}

struct TrimReply {
  logStart @0 :UInt64;
}

struct ListOffsetsRequest {
  topicHigh @0 :UInt64;
  topicLow @1 :UInt64;
  partition @2 :UInt32;
  timestampMs @3 :Int64;
}

struct ListOffsetsReply {
  offset @0 :UInt64;
  timestampMs @1 :Int64;
  logStart @2 :UInt64;
  end @3 :UInt64;
  term @4 :UInt64;
}

struct ReadIndexRequest {
  topicHigh @0 :UInt64;
  topicLow @1 :UInt64;
  partition @2 :UInt32;
}

struct ReadIndexReply {
  end @0 :UInt64;
  logStart @1 :UInt64;
  term @2 :UInt64;
}

struct TransferLeaderRequest {
  topicHigh @0 :UInt64;
  topicLow @1 :UInt64;
  partition @2 :UInt32;
  to @3 :UInt32;
}

struct ReplaceNodeRequest {
  node @0 :UInt32;
}

struct InitProducerRequest {
  name @0 :Text;
}

struct InitProducerReply {
  session @0 :UInt64;
  epoch @1 :UInt32;
}

struct OpenSessionRequest {
  topicHigh @0 :UInt64;
  topicLow @1 :UInt64;
  partition @2 :UInt32;
  epoch @3 :UInt32;
  session @4 :UInt64;
}

struct OpenSessionReply {
  epoch @0 :UInt32;
  nextSequence @1 :UInt32;
  mayBeForgotten @2 :Bool;
}

# A message of its own, not a field of TrimRequest: who ignores the field would remove good records.
struct AcceptLossRequest {
  topicHigh @0 :UInt64;
  topicLow @1 :UInt64;
  partition @2 :UInt32;
  offset @3 :UInt64;
}

struct AcceptLossReply {
  logStart @0 :UInt64;
  filesEnd @1 :UInt64;
}

struct ScrubRequest {
  start @0 :Bool;
}

struct Damage {
  firstOffset @0 :UInt64;
  endOffset @1 :UInt64;
  where @2 :Text;
  what @3 :Text;
}

struct ScrubReply {
  node @0 :UInt32;
  running @1 :Bool;
  byHand @2 :Bool;
  beganMs @3 :Int64;
  endedMs @4 :Int64;
  bytesRead @5 :UInt64;
  bytesAll @6 :UInt64;
  passes @7 :UInt64;
  damageFound @8 :UInt64;
  damageRepaired @9 :UInt64;
  damageOpen @10 :UInt64;
  damage @11 :List(Damage);
}

struct ErrorReply {
  error @0 :ErrorInfo;
  logStart @1 :UInt64;
  end @2 :UInt64;
  hasLogStart @3 :Bool;
  hasEnd @4 :Bool;
}

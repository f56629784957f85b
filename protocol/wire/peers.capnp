# What brokers say to each other on their peer ports; peer_messages.h explains each field. The rules
# for changing raftmq.capnp hold here too. A peer message never looks like a client's: the roots
# differ, and each port decodes only its own.
@0xd9aaec7b0d6184f6;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("raftmq::wire::schema");

struct PeerMessage {
  magic @0 :UInt64;
  union {
    hello @1 :PeerHello;
    welcome @2 :PeerWelcome;
    refusal @3 :PeerRefusal;
    items @4 :List(PeerItem);
    heartbeat @5 :PeerHeartbeat;
    heartbeatReply @6 :PeerHeartbeatReply;
    saved @7 :UInt64;
  }
}

struct PeerHello {
  versionMin @0 :UInt16;
  versionMax @1 :UInt16;
  node @2 :UInt32;
  incarnation @3 :UInt64;
  bootId @4 :UInt64;
  shard @5 :UInt32;
  toNode @6 :UInt32;
  clusterId @7 :Text;
  saveCounter @8 :UInt64;
  number @9 :UInt64;
  isLost @10 :Bool;
}

struct PeerWelcome {
  version @0 :UInt16;
  node @1 :UInt32;
  incarnation @2 :UInt64;
  bootId @3 :UInt64;
  shards @4 :UInt32;
  saveCounter @5 :UInt64;
  number @6 :UInt64;
  yourNumber @7 :UInt64;
}

struct PeerRefusal {
  code @0 :UInt16;
  message @1 :Text;
}

struct PeerQuietGroup {
  topicHigh @0 :UInt64;
  topicLow @1 :UInt64;
  term @2 :UInt64;
  partition @3 :UInt32;
}

struct PeerHeartbeat {
  shard @0 :UInt32;
  listsGroups @1 :Bool;
  bootId @2 :UInt64;
  number @3 :UInt64;
  hash @4 :UInt64;
  groups @5 :List(PeerQuietGroup);
}

struct PeerHeartbeatReply {
  shard @0 :UInt32;
  isAgreed @1 :Bool;
  bootId @2 :UInt64;
  number @3 :UInt64;
  refused @4 :List(PeerQuietGroup);
}

struct PeerItem {
  topicHigh @0 :UInt64;
  topicLow @1 :UInt64;
  partition @2 :UInt32;
  attachmentBytes @3 :UInt32;
  fromNode @4 :UInt32;
  toNode @5 :UInt32;
  fromNumber @6 :UInt64;
  toNumber @7 :UInt64;
  term @8 :UInt64;
  union {
    voteRequest @9 :PeerVoteRequest;
    voteReply @10 :PeerVoteReply;
    appendRequest @11 :PeerAppendRequest;
    appendReply @12 :PeerAppendReply;
    appendRejection @13 :PeerAppendRejection;
    resetRequest @14 :PeerResetRequest;
    transferNow @15 :Void;
    readRequest @16 :UInt64;
    readReply @17 :PeerReadReply;
    forwardedProposal @18 :UInt64;
    forwardedOutcome @19 :PeerForwardedOutcome;
    repairRequest @20 :PeerRepairRequest;
    repairReply @21 :PeerRepairReply;
  }
}

struct PeerVoteRequest {
  isPreVote @0 :Bool;
  isTransfer @1 :Bool;
  last @2 :UInt64;
  lastTerm @3 :UInt64;
}

struct PeerVoteReply {
  isPreVote @0 :Bool;
  isGranted @1 :Bool;
}

struct PeerAppendRequest {
  previous @0 :UInt64;
  previousTerm @1 :UInt64;
  commit @2 :UInt64;
  round @3 :UInt64;
  goesQuiet @4 :Bool;
}

struct PeerAppendReply {
  matched @0 :UInt64;
  durable @1 :UInt64;
  round @2 :UInt64;
  synced @3 :UInt64;
}

struct PeerAppendRejection {
  previous @0 :UInt64;
  hint @1 :UInt64;
  hintTerm @2 :UInt64;
  round @3 :UInt64;
  isLost @4 :Bool;
}

struct PeerResetRequest {
  before @0 :UInt64;
  beforeTerm @1 :UInt64;
  round @2 :UInt64;
}

struct PeerReadReply {
  id @0 :UInt64;
  isConfirmed @1 :Bool;
  index @2 :UInt64;
}

struct PeerRepairRequest {
  id @0 :UInt64;
  first @1 :UInt64;
  last @2 :UInt64;
  lastHash @3 :UInt64;
  isCommitted @4 :Bool;
}

enum PeerRepairAnswer {
  have @0;
  haveDamaged @1;
  doNotHave @2;
  notYet @3;
  removed @4;
}

struct PeerRepairReply {
  id @0 :UInt64;
  answer @1 :PeerRepairAnswer;
}

struct PeerForwardedOutcome {
  id @0 :UInt64;
  code @1 :UInt16;
  index @2 :UInt64;
  message @3 :Text;
}

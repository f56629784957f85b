// Plays the commands of a text scenario (raftlog/testdata) on a CoreCluster and tells what they
// changed. Nothing moves by itself: only what a command ticks, sends, syncs or delivers.
//
//   cluster 3 [learners=1] [spares=1] [in-flight=2]   founds a group; spares belong to nobody yet
//   log 1 terms=1,1,2 [term=3] [vote=2]   node 1 begins with this on its disk, from entry 2 on
//   tick 1,2 5 | timeout 1                time passes; until its election timer runs out
//   run 20                                so many ticks of all, each followed by `settle`
//   propose 1 [3] | send 1 [2]            entries; what followers lack, so many in one message
//   sync 1 [1] | disk 1 hangs|works       its unsynced jobs, or the oldest so many
//   deliver 1->2 [all|newest] | repeat 1->2 | drop 1->2 | hold 1->2 | release
//   cut 1|2,3 | one-way 1->* | heal       what is sent across is lost
//   settle                                sends, syncs and delivers all until nothing is left
//   win 1                                 those it reaches forget their leader, its timer runs out,
//                                         and it is voted for; its no-op is not sent yet
//   elect 1                               the same, and settle
//   crash 1 [keeping=1] | restart 1       keeping: so many unsynced jobs reached the disk
//   member 1 add|promote|remove 4 | transfer 1->2 | read 1 | give-up 1 | unreachable 1->2
//                                         add: as a learner; add-voter is to be refused
//   compact 1 5                           deletes the entries before 5
//   damage 1 3 4 | repair 1<-2            its disk can no longer read entries 3 to 4; copies of 2's
//   status [1,2] | progress 1 | mail      tells more
//   expect 1,2 commit=3 | expect cluster cuts=0 | expect 1->2 mail=0
//
// After each command it tells the fields of replicas that have changed and the messages that were
// sent; after `settle` and its like only the fields.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/raftlog/core/core_cluster.h"
#include "tests/raftlog/core/scenario_text.h"
#include "tests/raftlog/core/scenario_words.h"

namespace raftmq {

// Single-threaded.
class Scenario {
 public:
  // What happened, line by line. Throws on a command that it does not know.
  std::string Run(const std::string& line);
  // What `expect` lines did not find.
  const std::vector<std::string>& failures() const { return failures_; }

 private:
  using Command = void (Scenario::*)(const Words&);
  static const std::map<std::string, Command>& Commands();

  // scenario_commands.cc
  void DoCluster(const Words& words);
  void DoLog(const Words& words);
  void DoTick(const Words& words);
  void DoTimeout(const Words& words);
  void DoPropose(const Words& words);
  void DoSend(const Words& words);
  void DoSync(const Words& words);
  void DoDisk(const Words& words);
  void DoCrash(const Words& words);
  void DoRestart(const Words& words);
  void DoMember(const Words& words);
  void DoTransfer(const Words& words);
  void DoRead(const Words& words);
  void DoGiveUp(const Words& words);
  void DoUnreachable(const Words& words);
  void DoCompact(const Words& words);
  void DoDamage(const Words& words);
  void DoRepair(const Words& words);

  // scenario_network.cc
  void DoDeliver(const Words& words);
  void DoRepeat(const Words& words);
  void DoDrop(const Words& words);
  void DoHold(const Words& words);
  void DoRelease(const Words& words);
  void DoCut(const Words& words);
  void DoOneWay(const Words& words);
  void DoHeal(const Words& words);
  void DoSettle(const Words& words);
  void DoRun(const Words& words);
  void DoWin(const Words& words);
  void DoElect(const Words& words);
  std::optional<std::size_t> Oldest(Link link) const;
  bool IsCut(NodeId from, NodeId to) const;
  void LoseCut();
  bool SyncRound();
  bool MailRound();

  // scenario_tell.cc
  void DoStatus(const Words& words);
  void DoProgress(const Words& words);
  void DoMail(const Words& words);
  void DoExpect(const Words& words);
  Fields FieldsOfNode(NodeId id);
  Fields FieldsOfCluster();
  std::string ValueOf(const std::string& subject, const std::string& field);
  void Say(const std::string& line) { told_ += line + "\n"; }
  void SayChanges();
  void SayMessages();
  void SayRefusal(const Result<Index>& result);

  std::optional<CoreCluster> cluster_;
  std::set<Link> cut_;
  std::set<NodeId> hung_;  // Whose disks hang.
  std::deque<CoreCluster::Letter> held_;
  std::uint64_t read_ = 0;         // Of the last read asked for.
  std::map<NodeId, Fields> said_;  // As last told.
  std::uint64_t letters_said_ = 0;
  std::string told_;
  std::vector<std::string> failures_;
};

}  // namespace raftmq

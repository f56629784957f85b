#include "tests/raftlog/core/scenario.h"

#include <stdexcept>

namespace raftmq {

const std::map<std::string, Scenario::Command>& Scenario::Commands() {
  static const std::map<std::string, Command> commands{
      {"cluster", &Scenario::DoCluster},   {"log", &Scenario::DoLog},
      {"tick", &Scenario::DoTick},         {"timeout", &Scenario::DoTimeout},
      {"propose", &Scenario::DoPropose},   {"send", &Scenario::DoSend},
      {"sync", &Scenario::DoSync},         {"disk", &Scenario::DoDisk},
      {"crash", &Scenario::DoCrash},       {"restart", &Scenario::DoRestart},
      {"member", &Scenario::DoMember},     {"transfer", &Scenario::DoTransfer},
      {"read", &Scenario::DoRead},         {"give-up", &Scenario::DoGiveUp},
      {"damage", &Scenario::DoDamage},     {"repair", &Scenario::DoRepair},
      {"compact", &Scenario::DoCompact},   {"unreachable", &Scenario::DoUnreachable},
      {"deliver", &Scenario::DoDeliver},   {"repeat", &Scenario::DoRepeat},
      {"drop", &Scenario::DoDrop},         {"hold", &Scenario::DoHold},
      {"release", &Scenario::DoRelease},   {"cut", &Scenario::DoCut},
      {"one-way", &Scenario::DoOneWay},    {"heal", &Scenario::DoHeal},
      {"settle", &Scenario::DoSettle},     {"win", &Scenario::DoWin},
      {"elect", &Scenario::DoElect},       {"run", &Scenario::DoRun},
      {"status", &Scenario::DoStatus},     {"mail", &Scenario::DoMail},
      {"progress", &Scenario::DoProgress}, {"expect", &Scenario::DoExpect},
  };
  return commands;
}

std::string Scenario::Run(const std::string& line) {
  Words words = SplitWords(line);
  const std::string name = words.at(0);
  const auto found = Commands().find(name);
  if (found == Commands().end()) throw std::invalid_argument("unknown command: " + name);
  if (!cluster_ && name != "cluster") throw std::invalid_argument("the first command is: cluster");
  words.erase(words.begin());
  told_.clear();
  (this->*found->second)(words);
  SayChanges();
  SayMessages();
  LoseCut();
  return told_;
}

}  // namespace raftmq

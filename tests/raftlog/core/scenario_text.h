// How a scenario writes down replicas and messages. Entries are index@term; t2:5-7 are the entries
// 5 to 7 of term 2; 4+ is a learner.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "raftlog/core/raft.h"

namespace raftmq {

// Names and values in the order of writing; those without a value are left out.
using Fields = std::vector<std::pair<std::string, std::string>>;
Fields FieldsOf(const Raft& raft);

std::string TextOf(const Membership& membership);  // 1,2,4+
std::string LogText(const Raft& raft);             // t1:2-3,t2:4; the founding entry goes unsaid.
std::string TextOf(const RaftMessage& message);    // 1->2 append t2 after 3@1: t2:4 commit=3
std::string TextOf(const Progress& progress);      // probing next=4 matched=0 durable=0
std::string TextOf(const ReadState& read);         // #1@5, #1 again

}  // namespace raftmq

#include "protocol/types/ids.h"

#include <cstdio>

namespace raftmq {

std::string TopicId::ToHex() const {
  char text[33];
  std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(high),
                static_cast<unsigned long long>(low));
  return text;
}

std::string GroupId::ToString() const { return topic.ToHex() + "-" + partition.ToString(); }

}  // namespace raftmq

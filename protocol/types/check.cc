#include "protocol/types/check.h"

#include <cstdio>
#include <cstdlib>

namespace raftmq {

void CheckFailed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "raftmq: CHECK failed at %s:%d: %s. This is a bug; please report it.\n",
               file, line, expression);
  std::abort();
}

}  // namespace raftmq

#include "segment/fatal_io.h"

#include <unistd.h>

#include <cstdio>

namespace raftmq {

void DieOfFailedWrite(const Error& error) {
  std::fprintf(stderr,
               "raftmqd: %s. A failed write or sync is final: the process ends with exit code %d; "
               "check the disk, then "
               "start it again, recovery decides what survived.\n",
               error.ToString().c_str(), kExitFailedWrite);
  _exit(kExitFailedWrite);
}

}  // namespace raftmq

// Preloaded into raftmqd by tests: a disk that is gone or stuck. Once the file named by
// FAIL_SYNC_WHEN exists, every fdatasync and fsync fails with EIO; while the file named by
// STALL_SYNC_WHEN exists, none returns, and a file of that name with ".seen" says that one waits.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int exists(const char* variable) {
  const char* path = getenv(variable);
  return path != NULL && access(path, F_OK) == 0;
}

static int sync_by(const char* name, int descriptor) {
  while (exists("STALL_SYNC_WHEN")) {
    char seen[4096];
    snprintf(seen, sizeof seen, "%s.seen", getenv("STALL_SYNC_WHEN"));
    close(open(seen, O_WRONLY | O_CREAT, 0600));
    usleep(1000);
  }
  if (exists("FAIL_SYNC_WHEN")) {
    errno = EIO;
    return -1;
  }
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  return real(descriptor);
}

int fdatasync(int descriptor) { return sync_by("fdatasync", descriptor); }
int fsync(int descriptor) { return sync_by("fsync", descriptor); }

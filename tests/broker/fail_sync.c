// Preloaded into raftmqd by failure_test: once the file named by FAIL_SYNC_WHEN exists, every
// fdatasync and fsync fails with EIO, as on a disk that is gone.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int is_failing(void) {
  const char* path = getenv("FAIL_SYNC_WHEN");
  return path != NULL && access(path, F_OK) == 0;
}

int fdatasync(int descriptor) {
  if (is_failing()) {
    errno = EIO;
    return -1;
  }
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  return real(descriptor);
}

int fsync(int descriptor) {
  if (is_failing()) {
    errno = EIO;
    return -1;
  }
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  return real(descriptor);
}

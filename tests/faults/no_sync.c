// Preloaded into raftmqd by tests: a disk that says it has written and has not. No sync does
// anything, and files that ask for synced writes get plain ones.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

int fsync(int descriptor) {
  (void)descriptor;
  return 0;
}

int fdatasync(int descriptor) {
  (void)descriptor;
  return 0;
}

int syncfs(int descriptor) {
  (void)descriptor;
  return 0;
}

void sync(void) {}

int sync_file_range(int descriptor, off_t offset, off_t bytes, unsigned int flags) {
  (void)descriptor, (void)offset, (void)bytes, (void)flags;
  return 0;
}

int msync(void* address, size_t length, int flags) {
  (void)address, (void)length, (void)flags;
  return 0;
}

// O_SYNC contains O_DSYNC.
static int unsynced(int flags) { return flags & ~O_SYNC; }

#define MODE_OF(flags, mode)                       \
  do {                                             \
    if (((flags) & (O_CREAT | O_TMPFILE)) != 0) {  \
      va_list arguments;                           \
      va_start(arguments, flags);                  \
      (mode) = (mode_t)va_arg(arguments, int);     \
      va_end(arguments);                           \
    }                                              \
  } while (0)

int open(const char* path, int flags, ...) {
  mode_t mode = 0;
  MODE_OF(flags, mode);
  int (*real)(const char*, int, ...) = (int (*)(const char*, int, ...))dlsym(RTLD_NEXT, "open");
  return real(path, unsynced(flags), mode);
}

int open64(const char* path, int flags, ...) {
  mode_t mode = 0;
  MODE_OF(flags, mode);
  int (*real)(const char*, int, ...) = (int (*)(const char*, int, ...))dlsym(RTLD_NEXT, "open64");
  return real(path, unsynced(flags), mode);
}

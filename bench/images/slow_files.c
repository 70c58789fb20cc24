// A slow file server, put before the C library of a process (LD_PRELOAD): each opening of a file below SLOW_FOLDER takes
// SLOW_MS, and so does each whole megabyte that a call reads from it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { MOST_FILES = 1 << 16, MEGABYTE = 1 << 20 };
static char is_slow[MOST_FILES];

static void wait_times(long times) {
  const char *ms = getenv("SLOW_MS");
  long ns = (ms ? atol(ms) : 0) * 1000000L * times;
  if (ns <= 0) return;
  struct timespec left = {ns / 1000000000L, ns % 1000000000L};
  while (nanosleep(&left, &left) != 0) {
  }
}

static int opened(const char *path, int file) {
  const char *folder = getenv("SLOW_FOLDER");
  if (file < 0 || file >= MOST_FILES) return file;
  is_slow[file] = folder && strncmp(path, folder, strlen(folder)) == 0;
  if (is_slow[file]) wait_times(1);
  return file;
}

static ssize_t read_from(int file, ssize_t bytes) {
  if (file >= 0 && file < MOST_FILES && is_slow[file] && bytes >= MEGABYTE) wait_times(bytes / MEGABYTE);
  return bytes;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define OPEN(name)                            \
  int name(const char *path, int flags, ...) { \
    va_list more;                             \
    va_start(more, flags);                    \
    int mode = va_arg(more, int);             \
    va_end(more);                             \
    return opened(path, REAL(name)(path, flags, mode)); \
  }
OPEN(open)
OPEN(open64)

ssize_t read(int file, void *to, size_t count) { return read_from(file, REAL(read)(file, to, count)); }

#define PREAD(name, offset_type)                                        \
  ssize_t name(int file, void *to, size_t count, offset_type offset) {   \
    return read_from(file, REAL(name)(file, to, count, offset));         \
  }
PREAD(pread, off_t)
PREAD(pread64, off64_t)

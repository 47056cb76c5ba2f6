/* Preloaded by test_slow_disk.c. Pieces of checkpoints are read as slowly as from a disk that gives RINGTORCH_TEST_DISK
 * bytes a second and has none of them in its cache. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { AT_ONCE = 1 << 14 };

static double rate(void)
{
    const char *text = getenv("RINGTORCH_TEST_DISK");
    return text ? strtod(text, NULL) : 0;
}

static int is_piece(int fd)
{
    char name[64], path[4096];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(name, path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    return strstr(path, "/checkpoints/step-") && strstr(path, "/piece-");
}

ssize_t read(int fd, void *to, size_t n)
{
    double bytes = n >= AT_ONCE && is_piece(fd) ? rate() : 0;
    if (bytes > 0) {
        double seconds = AT_ONCE / bytes;
        struct timespec t = {.tv_sec = (time_t)seconds,
                             .tv_nsec = (long)(1e9 * (seconds - (double)(time_t)seconds))};
        nanosleep(&t, NULL);
        n = AT_ONCE;
    }
    return syscall(SYS_read, fd, to, n);
}

#include "false_clock.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

static _Atomic int64_t *offset;

void false_clock_begin(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && ftruncate(fd, sizeof *offset) == 0);
    void *at = mmap(NULL, sizeof *offset, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(at != MAP_FAILED);
    close(fd);
    offset = at;
    setenv("RINGTORCH_TEST_CLOCK", path, 1);
    setenv("LD_PRELOAD", RT_TEST_BINARY_DIR "/bin/tests/system/libpreload_clock.so", 1);
}

void false_clock_set(int64_t seconds)
{
    *offset = seconds;
}

void false_clock_end(void)
{
    unsetenv("LD_PRELOAD");
    unsetenv("RINGTORCH_TEST_CLOCK");
    munmap((void *)offset, sizeof *offset);
    offset = NULL;
}

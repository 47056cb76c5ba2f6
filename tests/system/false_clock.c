#include "false_clock.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "command.h"

static _Atomic int64_t *offset;

bool false_clock_begin(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    void *at = MAP_FAILED;
    if (ftruncate(fd, sizeof *offset) == 0)
        at = mmap(NULL, sizeof *offset, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (at == MAP_FAILED)
        return false;
    offset = at;
    setenv("RINGTORCH_TEST_CLOCK", path, 1);
    preload("clock");
    return true;
}

void false_clock_set(int64_t seconds)
{
    *offset = seconds;
}

void false_clock_end(void)
{
    preload(NULL);
    unsetenv("RINGTORCH_TEST_CLOCK");
    if (offset)
        munmap((void *)offset, sizeof *offset);
    offset = NULL;
}

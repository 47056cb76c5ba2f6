/* Hostile safetensors: all accepted tensors must lie inside the file, each byte in exactly one of them. */
#include <ringtorch/formats.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(const rt_st_reader *r, size_t size)
{
    size_t total = 0;
    volatile uint8_t sum = 0;
    for (int64_t i = 0; i < rt_st_count(r); i++) {
        const rt_st_entry *e = rt_st_at(r, i);
        if (rt_st_find(r, e->name) != e)
            abort();
        for (size_t b = 0; b < e->bytes; b++)
            sum ^= ((const uint8_t *)e->data)[b];
        total += e->bytes;
    }
    (void)sum; /* read so that sanitizers see the access */
    if (total > size - 8 || rt_st_find(r, "no such name, surely"))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int fd = memfd_create("fuzz", 0);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    rt_st_reader *r;
    if (rt_st_open(path, &r) == RT_OK) {
        read_all(r, size);
        rt_st_close(r);
    } else if (!rt_failed()) {
        abort();
    }
    rt_error_clear();
    close(fd);
    return 0;
}

/* Hostile preprocessing, as a checkpoint or a file of weights from an untrusted source may contain: the input is the
 * JSON.
 *
 *     clang -fsanitize=fuzzer,address,undefined ... fuzz_preprocessing.c libringtorch.a librt_kernels.a librt_common.a
 */
#include <math.h>
#include <ringtorch/data.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An accepted data set must give classes below their number and finite values; a refused one must report the reason. */
static void read_all(const rt_dataset *d)
{
    const rt_data_field *field;
    int64_t ints[2][8];
    float floats[2][8];
    if (!d && !rt_failed())
        abort();
    int fields = d ? rt_data_fields(d, &field) : 0;
    rt_data_buffer buffer[RT_DATA_FIELDS_MAX];
    for (int f = 0; f < fields; f++) {
        bool whole = field[f].dtype == RT_I64;
        if (f > 1 || field[f].dims.d[0] > 8)
            abort();
        buffer[f].data = whole ? (void *)ints[f] : (void *)floats[f];
    }
    for (int64_t id = 0; d && id < rt_data_size(d); id++) {
        if (rt_data_read(d, &id, 1, buffer) != RT_OK)
            abort();
        for (int f = 0; f < fields; f++)
            for (int64_t i = 0; i < field[f].dims.d[0]; i++)
                if (field[f].dtype == RT_I64 ? ints[f][i] < 0 || ints[f][i] >= field[f].classes
                                             : !isfinite(floats[f][i]))
                    abort();
    }
    if (d && !rt_data_preprocessing(d))
        abort();
    rt_error_clear();
}

static int open_text(const char *content, char path[64])
{
    int fd = memfd_create("fuzz", 0);
    if (fd < 0 || write(fd, content, strlen(content)) != (ssize_t)strlen(content))
        abort();
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64], *json = calloc(size + 1, 1);
    if (!json)
        abort();
    memcpy(json, data, size);
    rt_scope s = rt_scope_begin();
    int fd =
        open_text("a,b,c\n1,2,3\n4,5e37,6\n7,8,9\n10,1e-40,12\n1,2,3\n4,5,6\n7,8,9\n1,1,1\n", path);
    read_all(rt_data_csv(path, .share = 0.5, .preprocessing = json));
    close(fd);
    fd = open_text("abcab\nabcabcab\n", path);
    read_all(rt_data_text(path, .share = 0.5, .context = 2, .preprocessing = json));
    read_all(rt_data_text(path, .share = 0.5, .context = 2, .unit = RT_TEXT_BYTES,
                          .preprocessing = json));
    rt_scope_end(s);
    close(fd);
    free(json);
    return 0;
}

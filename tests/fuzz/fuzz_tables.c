/* Hostile text and tables: the input is the file.
 *
 *     clang -fsanitize=fuzzer,address,undefined ... fuzz_tables.c libringtorch.a librt_kernels.a librt_common.a
 */
#include "worker/engine/data/datasets.h"
#include <ringtorch/data.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An accepted data set must be readable to its last sample; a refused one must report the reason. */
static void read_last(const rt_dataset *d)
{
    const rt_data_field *field;
    rt_data_buffer buffer[RT_DATA_FIELDS_MAX];
    if (!d && !rt_failed())
        abort();
    int fields = d ? rt_data_fields(d, &field) : 0;
    for (int f = 0; f < fields; f++)
        buffer[f].data =
            calloc(field[f].dims.n ? (size_t)field[f].dims.d[0] : 1, rt_dtype_size(field[f].dtype));
    int64_t last = d ? rt_data_size(d) - 1 : 0;
    if (d && rt_data_read(d, &last, 1, buffer) != RT_OK)
        abort();
    for (int f = 0; f < fields; f++)
        free(buffer[f].data);
    rt_error_clear();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int fd = memfd_create("fuzz", 0);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    rt_scope s = rt_scope_begin();
    for (int train = 0; train < 2; train++) {
        read_last(rt_data_text(path, .train = train, .context = 3, .stride = 1, .share = 0.4));
        read_last(rt_data_text(path, .train = train, .context = 2, .unit = RT_TEXT_BYTES,
                               .split = RT_TEXT_KEYED, .share = 0.4, .mask = RT_TEXT_AFTER,
                               .separator = ","));
        read_last(rt_data_csv(path, .train = train, .share = 0.4));
        read_last(rt_data_csv(path, .train = train, .share = 0.4, .target = "b", .ignore = "a"));
        read_last(rt__open_labelled_text(
            &(rt_data_labelled_text_values){.path = path, .context = 3, .share = 0.4},
            &(rt_data_part){train, INT64_MAX}));
    }
    rt_scope_end(s);
    close(fd);
    return 0;
}

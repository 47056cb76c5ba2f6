/* Hostile IDX and gzip: the input is once the file of images with valid labels, and once the file of labels with valid
 * images.
 *
 *     clang -fsanitize=fuzzer,address,undefined ... fuzz_idx.c libringtorch.a librt_kernels.a
 * librt_common.a
 */
#include <ringtorch/data.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int memory_file(const void *data, size_t size)
{
    int fd = memfd_create("fuzz", 0);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    return fd;
}

/* An accepted data set must be readable to its last sample. */
static void read_all(const rt_dataset *d)
{
    rt_dims shape = rt_data_find(d, "x")->dims;
    float *x = malloc((size_t)(shape.d[0] * shape.d[1] * shape.d[2]) * sizeof *x);
    int64_t y, last = rt_data_size(d) - 1;
    if (!x || rt_data_read(d, &last, 1, (rt_data_buffer[]){{.data = x}, {.data = &y}}) != RT_OK)
        abort();
    free(x);
}

/* A pair of files, one of them hostile. */
static void open_pair(int images, int labels)
{
    char image_path[64], label_path[64];
    snprintf(image_path, sizeof image_path, "/proc/self/fd/%d", images);
    snprintf(label_path, sizeof label_path, "/proc/self/fd/%d", labels);
    rt_scope s = rt_scope_begin();
    rt_dataset *d = rt_data_idx(image_path, label_path);
    if (d)
        read_all(d);
    else if (!rt_failed())
        abort();
    rt_error_clear();
    rt_scope_end(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9};
    static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 1, 4, 5, 6};
    int hostile = memory_file(data, size), good_labels = memory_file(labels, sizeof labels),
        good_images = memory_file(images, sizeof images);
    open_pair(hostile, good_labels);
    open_pair(good_images, hostile);
    close(hostile);
    close(good_labels);
    close(good_images);
    return 0;
}

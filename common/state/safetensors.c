/* Reads safetensors files: 8 bytes header length (little-endian), header (a JSON object: name -> dtype, shape,
 * data_offsets), data. Nothing in the file is trusted before it is checked. */
#include <ringtorch/safetensors.h>

#include "common/base/error.h"
#include "common/base/file_error.h"
#include "common/base/input.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HEADER_MAX = 100 << 20 }; /* as in the reference implementation */

struct rt_st_reader {
    char *path;
    uint8_t *map; /* the whole file */
    size_t size;
    json_t *header; /* names and metadata are borrowed from it */
    int64_t count;
    rt_st_entry *entry;         /* [count] in file order */
    const rt_st_entry **sorted; /* [count] by name */
};

static rt_status map_file(rt_st_reader *r)
{
    int fd;
    int64_t bytes;
    RT_TRY(rt_input_open(r->path, RT_INPUT_FILE, &fd, &bytes));
    rt_status status = RT_OK;
    if (bytes < 8)
        status = RT_FAIL(CORRUPT,
                         "%s: %" PRId64
                         " bytes, expected at least 8: not a safetensors file, or truncated",
                         r->path, bytes);
    if (status == RT_OK) {
        void *map = mmap(NULL, (size_t)bytes, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map == MAP_FAILED) {
            status = RT__FAIL_ERRNO(r->path, "map");
        } else {
            r->map = map;
            r->size = (size_t)bytes;
        }
    }
    close(fd);
    return status;
}

static bool find_dtype(const char *name, rt_dtype *out)
{
    for (int t = 0; t < RT_DTYPES; t++)
        if (strcmp(rt_dtype_safetensors((rt_dtype)t), name) == 0) {
            *out = (rt_dtype)t;
            return true;
        }
    return false;
}

static rt_status read_shape(const rt_st_reader *r, const char *name, const json_t *shape,
                            rt_st_entry *e, size_t *bytes)
{
    size_t n = json_array_size(shape);
    if (!json_is_array(shape) || n > RT_MAX_DIMS)
        return RT_FAIL(FORMAT, "%s: tensor \"%s\": shape is not a list of at most %d sizes",
                       r->path, name, RT_MAX_DIMS);
    e->shape.n = (int)n;
    *bytes = rt_dtype_size(e->dtype);
    for (size_t i = 0; i < n; i++) {
        json_t *size = json_array_get(shape, i);
        int64_t d = json_is_integer(size) ? json_integer_value(size) : -1;
        if (d < 0)
            return RT_FAIL(FORMAT,
                           "%s: tensor \"%s\": size %zu of its shape is not a natural number",
                           r->path, name, i);
        if (__builtin_mul_overflow(*bytes, (size_t)d, bytes))
            return RT_FAIL(FORMAT, "%s: tensor \"%s\": its shape overflows at size %zu", r->path,
                           name, i);
        e->shape.d[i] = d;
    }
    return RT_OK;
}

/* Checks one entry by itself; `data` are the `room` bytes behind the header. */
static rt_status read_entry(const rt_st_reader *r, const char *name, const json_t *value,
                            const uint8_t *data, size_t room, rt_st_entry *e)
{
    const char *dtype = json_string_value(json_object_get(value, "dtype"));
    if (!dtype || json_object_size(value) != 3)
        return RT_FAIL(FORMAT,
                       "%s: tensor \"%s\": expected {\"dtype\", \"shape\", \"data_offsets\"}",
                       r->path, name);
    if (!find_dtype(dtype, &e->dtype))
        return RT_FAIL(UNSUPPORTED, "%s: tensor \"%s\": element type \"%s\" is not supported",
                       r->path, name, dtype);
    size_t bytes = 0;
    RT_TRY(read_shape(r, name, json_object_get(value, "shape"), e, &bytes));
    json_t *offsets = json_object_get(value, "data_offsets");
    json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last))
        return RT_FAIL(FORMAT, "%s: tensor \"%s\": data_offsets is not a pair of natural numbers",
                       r->path, name);
    int64_t begin = json_integer_value(first), end = json_integer_value(last);
    if (begin < 0 || end < begin || (uint64_t)end > room)
        return RT_FAIL(CORRUPT,
                       "%s: tensor \"%s\": data_offsets [%lld, %lld] do not fit the file's %zu "
                       "bytes of data: it "
                       "is truncated or damaged",
                       r->path, name, (long long)begin, (long long)end, room);
    e->bytes = (size_t)(end - begin);
    if (e->bytes != bytes)
        return RT_FAIL(FORMAT,
                       "%s: tensor \"%s\": %zu bytes of data, but its shape and type need %zu",
                       r->path, name, e->bytes, bytes);
    e->name = name;
    e->data = data + begin;
    return RT_OK;
}

static int by_place(const void *a, const void *b)
{
    const rt_st_entry *x = a, *y = b;
    if (x->data != y->data)
        return x->data < y->data ? -1 : 1;
    return (x->bytes > y->bytes) -
           (x->bytes < y->bytes); /* empty tensors before the one at the same place */
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const rt_st_entry *const *)a)->name, (*(const rt_st_entry *const *)b)->name);
}

/* Sorts the entries and checks that they cover the data exactly once. */
static rt_status check_cover(rt_st_reader *r, const uint8_t *data)
{
    qsort(r->entry, (size_t)r->count, sizeof *r->entry, by_place);
    const uint8_t *at = data;
    for (int64_t i = 0; i < r->count; i++) {
        const rt_st_entry *e = &r->entry[i];
        if (e->data != at)
            return RT_FAIL(
                CORRUPT, "%s: byte %td: data of tensor \"%s\" %s, expected it at byte %td", r->path,
                (const uint8_t *)e->data - r->map, e->name,
                (const uint8_t *)e->data < at ? "overlaps another's" : "leaves a gap", at - r->map);
        at += e->bytes;
        r->sorted[i] = e;
    }
    if (at != r->map + r->size)
        return RT_FAIL(CORRUPT, "%s: byte %td: %td bytes that belong to no tensor", r->path,
                       at - r->map, r->map + r->size - at);
    qsort(r->sorted, (size_t)r->count, sizeof *r->sorted, by_name);
    return RT_OK;
}

/* A bool must be a byte of 0 or 1; computing with other values is undefined. */
static rt_status check_bools(const rt_st_reader *r)
{
    for (int64_t i = 0; i < r->count; i++) {
        const rt_st_entry *e = &r->entry[i];
        const uint8_t *value = e->data;
        for (size_t k = 0; e->dtype == RT_BOOL && k < e->bytes; k++)
            if (value[k] > 1)
                return RT_FAIL(FORMAT,
                               "%s: byte %td: element %zu of tensor \"%s\", a bool, is %d, "
                               "expected 0 or 1",
                               r->path, value + k - r->map, k, e->name, value[k]);
    }
    return RT_OK;
}

static rt_status check_metadata(const rt_st_reader *r, json_t *metadata)
{
    const char *key;
    json_t *value;
    if (!json_is_object(metadata))
        return RT_FAIL(FORMAT, "%s: __metadata__ is not an object of strings", r->path);
    json_object_foreach(metadata, key, value) if (!json_is_string(value)) return RT_FAIL(
        FORMAT, "%s: __metadata__: \"%s\" is not a string", r->path, key);
    return RT_OK;
}

/* Recognises other formats of weights by their first bytes; returns a description, or NULL if unknown. */
static const char *other_format(const uint8_t *head)
{
    static const struct {
        const char *magic;
        size_t bytes;
        const char *what;
    } others[] = {
        {"PK\x03\x04", 4, "a zip archive, as PyTorch (.pt) and NumPy (.npz) write it"},
        {"\x89HDF\r\n\x1a\n", 8, "an HDF5 file, as Keras writes it"},
        {"\x93NUMPY", 6, "a NumPy file"},
        {"GGUF", 4, "a GGUF file"},
        {"\x1f\x8b", 2, "a gzip file"},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (memcmp(head, others[i].magic, others[i].bytes) == 0)
            return others[i].what;
    if (head[0] == 0x80 && head[1] >= 2 && head[1] <= 5) /* the opcode PROTO and its version */
        return "a Python pickle, as PyTorch (.pt) once wrote it";
    if (head[0] == 0x08 && head[1] < 32 &&
        head[2] == 0x12) /* fields 1, ir_version, and 2, producer_name */
        return "an ONNX file";
    return NULL;
}

/* Without this check, weights in another format would be reported as a damaged header. */
static rt_status check_format(const rt_st_reader *r)
{
    bool header = r->size > 8 &&
                  r->map[8] == '{'; /* safetensors: the length before it may look like any magic */
    const char *other = header ? NULL : other_format(r->map);
    return other ? RT_FAIL(FORMAT, "%s: is %s: save the weights as safetensors", r->path, other)
                 : RT_OK;
}

static rt_status read_header(rt_st_reader *r)
{
    uint64_t length = 0;
    RT_TRY(check_format(r));
    for (int i = 7; i >= 0; i--)
        length = length << 8 | r->map[i];
    if (length > r->size - 8 || length > HEADER_MAX)
        return RT_FAIL(
            CORRUPT,
            "%s: byte 0: header of %llu bytes, but the file has %zu and the limit is %d: not a "
            "safetensors file, or truncated",
            r->path, (unsigned long long)length, r->size, HEADER_MAX);
    RT_TRY(rt_json_parse((const char *)r->map + 8, (size_t)length, r->path, &r->header));
    if (!json_is_object(r->header))
        return RT_FAIL(FORMAT, "%s: byte 8: the header is not a JSON object", r->path);

    size_t most = json_object_size(r->header);
    r->entry = rt_calloc(most, sizeof *r->entry);
    r->sorted = rt_calloc(most, sizeof *r->sorted);
    if (!r->entry || !r->sorted)
        return rt_error_code();
    const uint8_t *data = r->map + 8 + length;
    const char *name;
    json_t *value;
    json_object_foreach(r->header, name, value)
    {
        if (strcmp(name, "__metadata__") == 0)
            RT_TRY(check_metadata(r, value));
        else
            RT_TRY(read_entry(r, name, value, data, r->size - 8 - length, &r->entry[r->count++]));
    }
    RT_TRY(check_cover(r, data));
    return check_bools(r);
}

rt_status rt_st_open(const char *path, rt_st_reader **out)
{
    if (!rt__given(out, "st_open", "place for the reader"))
        return rt_error_code();
    *out = NULL;
    if (!rt__given(path, "st_open", "path"))
        return rt_error_code();
    rt_st_reader *r = rt_calloc(1, sizeof *r);
    if (!r)
        return rt_error_code();
    r->path = rt_strdup(path);
    rt_status status = r->path ? map_file(r) : rt_error_code();
    if (status == RT_OK)
        status = read_header(r);
    if (status != RT_OK) {
        rt_st_close(r);
        return status;
    }
    *out = r;
    return RT_OK;
}

void rt_st_close(rt_st_reader *r)
{
    if (!r)
        return;
    json_decref(r->header);
    rt_mem_free(r->entry);
    rt_mem_free(r->sorted);
    if (r->map)
        munmap(r->map, r->size);
    rt_mem_free(r->path);
    rt_mem_free(r);
}

int64_t rt_st_count(const rt_st_reader *r)
{
    return rt__given(r, "st_count", "reader") ? r->count : 0;
}

const rt_st_entry *rt_st_at(const rt_st_reader *r, int64_t i)
{
    return rt__given(r, "st_at", "reader") && i >= 0 && i < r->count ? &r->entry[i] : NULL;
}

const rt_st_entry *rt_st_find(const rt_st_reader *r, const char *name)
{
    if (!rt__given(r, "st_find", "reader") || !rt__given(name, "st_find", "name"))
        return NULL;
    const rt_st_entry key = {.name = name}, *wanted = &key;
    const rt_st_entry **found =
        bsearch(&wanted, r->sorted, (size_t)r->count, sizeof *r->sorted, by_name);
    return found ? *found : NULL;
}

const char *rt_st_get_metadata(const rt_st_reader *r, const char *key)
{
    if (!rt__given(r, "st_get_metadata", "reader") || !rt__given(key, "st_get_metadata", "key"))
        return NULL;
    return json_string_value(json_object_get(json_object_get(r->header, "__metadata__"), key));
}

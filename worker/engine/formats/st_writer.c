/* Writes safetensors files. The header is collected as JSON, and everything is written in
 * rt_st_finish. common/base/output.h defines where the output goes and when it replaces an existing
 * file. */
#include <ringtorch/formats.h>

#include "common/base/error.h"
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/output.h"
#include <string.h>

enum {
    ALIGN = 8,       /* data starts at a multiple of this, as the format requires */
    CHUNK = 1 << 20, /* bytes hashed while in cache, then written */
};

typedef struct piece {
    const void *data;
    size_t bytes;
} piece;

struct rt_st_writer {
    char *path;
    rt_output output;
    json_t *header;
    piece *piece;
    size_t count, capacity;
    uint64_t data_bytes;
};

rt_status rt_st_create(const char *path, rt_st_writer **out)
{
    if (!rt__given(out, "st_create", "place for the writer"))
        return rt_error_code();
    *out = NULL;
    if (!rt__given(path, "st_create", "path"))
        return rt_error_code();
    rt_st_writer *w = rt_calloc(1, sizeof *w);
    if (!w)
        return rt_error_code();
    *w = (rt_st_writer){.path = rt_strdup(path), .output.fd = -1, .header = json_object()};
    rt_status status = w->path ? rt_output_open(path, &w->output) : rt_error_code();
    if (status == RT_OK && !w->header)
        status = RT_FAIL(NOMEM, "%s: out of memory", path);
    if (status != RT_OK) {
        rt_st_abandon(w);
        return status;
    }
    *out = w;
    return RT_OK;
}

void rt_st_abandon(rt_st_writer *w)
{
    if (!w)
        return;
    rt_output_discard(&w->output);
    json_decref(w->header);
    rt_mem_free(w->piece);
    rt_mem_free(w->path);
    rt_mem_free(w);
}

rt_status rt_st_metadata(rt_st_writer *w, const char *key, const char *value)
{
    if (!rt__given(w, "st_metadata", "writer") || !rt__given(key, "st_metadata", "key") ||
        !rt__given(value, "st_metadata", "value"))
        return rt_error_code();
    json_t *metadata = json_object_get(w->header, "__metadata__");
    if (!metadata) {
        metadata = json_object();
        if (json_object_set_new(w->header, "__metadata__", metadata) != 0)
            return RT_FAIL(NOMEM, "%s: out of memory", w->path);
    }
    if (json_object_set_new(metadata, key, json_string(value)) != 0)
        return RT_FAIL(ARG, "%s: metadata \"%s\" is not UTF-8", w->path, key);
    return RT_OK;
}

/* Makes {"dtype": ..., "shape": [...], "data_offsets": [begin, end]}; NULL if out of memory. */
static json_t *entry_json(rt_dtype dtype, const rt_dims *shape, uint64_t begin, uint64_t end)
{
    json_t *sizes = json_array();
    for (int i = 0; sizes && i < shape->n; i++)
        json_array_append_new(sizes, json_integer(shape->d[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", rt_dtype_safetensors(dtype), "shape", sizes,
                     "data_offsets", (json_int_t)begin, (json_int_t)end);
}

static rt_status add_piece(rt_st_writer *w, const void *data, size_t bytes)
{
    if (w->count == w->capacity) {
        size_t capacity = w->capacity ? 2 * w->capacity : 16;
        piece *more = rt_realloc(w->piece, capacity * sizeof *more);
        if (!more)
            return rt_error_code();
        w->piece = more;
        w->capacity = capacity;
    }
    w->piece[w->count++] = (piece){data, bytes};
    return RT_OK;
}

rt_status rt_st_add(rt_st_writer *w, const char *name, rt_dtype dtype, rt_dims shape,
                    const void *data)
{
    if (!rt__given(w, "st_add", "writer") || !rt__given(name, "st_add", "name"))
        return rt_error_code();
    if (strcmp(name, "__metadata__") == 0 || json_object_get(w->header, name))
        return RT_FAIL(EXISTS, "%s: tensor \"%s\": the name is taken", w->path, name);
    size_t bytes = rt_dtype_size(dtype);
    for (int i = 0; i < shape.n; i++)
        if (shape.d[i] < 0 || __builtin_mul_overflow(bytes, (size_t)shape.d[i], &bytes))
            return RT_FAIL(SHAPE,
                           "%s: tensor \"%s\": size %d of its shape is negative or too large",
                           w->path, name, i);
    if (bytes > 0 && !rt__given(data, "st_add", "data"))
        return rt_error_code();
    uint64_t end = w->data_bytes + bytes;
    RT_TRY(add_piece(w, data, bytes));
    if (json_object_set_new(w->header, name, entry_json(dtype, &shape, w->data_bytes, end)) != 0) {
        w->count--;
        return RT_FAIL(ARG, "%s: tensor \"%s\": the name is not UTF-8", w->path, name);
    }
    w->data_bytes = end;
    return RT_OK;
}

/* Writes and hashes in one pass. */
static rt_status put(rt_st_writer *w, rt_hasher64 *hash, const void *data, size_t bytes)
{
    const char *at = data;
    while (bytes > 0) {
        size_t n = bytes < CHUNK ? bytes : CHUNK;
        rt_hasher64_update(hash, at, n);
        RT_TRY(rt_output_write(&w->output, at, n));
        at += n;
        bytes -= n;
    }
    return RT_OK;
}

static rt_status put_all(rt_st_writer *w, rt_hasher64 *hash, const char *header, uint64_t *bytes)
{
    static const char spaces[ALIGN] = "       ";
    size_t text = strlen(header), pad = -(8 + text) % ALIGN;
    uint8_t length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)((uint64_t)(text + pad) >> 8 * i);
    RT_TRY(put(w, hash, length, sizeof length));
    RT_TRY(put(w, hash, header, text));
    RT_TRY(put(w, hash, spaces, pad));
    for (size_t i = 0; i < w->count; i++)
        RT_TRY(put(w, hash, w->piece[i].data, w->piece[i].bytes));
    *bytes = 8 + text + pad + w->data_bytes;
    return RT_OK;
}

static rt_status write_out(rt_st_writer *w, uint64_t *bytes, uint64_t *checksum)
{
    rt_hasher64 hash;
    char *header = rt_json_text(w->header);
    rt_status status = header ? rt_hasher64_init(&hash) : rt_error_code();
    if (status == RT_OK) {
        status = put_all(w, &hash, header, bytes);
        *checksum = rt_hasher64_finish(&hash);
    }
    rt_mem_free(header);
    RT_TRY(status);
    return rt_output_commit(&w->output);
}

rt_status rt_st_finish(rt_st_writer *w, uint64_t *bytes, uint64_t *checksum)
{
    if (!rt__given(w, "st_finish", "writer"))
        return rt_error_code();
    uint64_t written = 0, sum = 0;
    rt_status status = write_out(w, &written, &sum);
    if (status == RT_OK && bytes)
        *bytes = written;
    if (status == RT_OK && checksum)
        *checksum = sum;
    rt_st_abandon(w);
    return status;
}

#include "common/manifest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "common/config.h"
#include "common/error.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/mem.h"
#include "common/slices.h"

enum { MANIFEST_MAX = 64 << 20 };
static const int64_t ELEMENTS_MAX = INT64_C(1) << 48, /* of all tensors together */
    SAMPLES_MAX = INT64_C(1) << 43,                   /* so that run.epochs times it is a number */
    STEP_MAX = UINT32_MAX - 1;                        /* no run has more steps: run_open.c */

static const char advice[] = "use another checkpoint";

/* Writes the hash of all members but "checksum". */
static rt_status hash_members(const json_t *manifest, char hex[17])
{
    json_t *bare = json_copy((json_t *)manifest);
    json_object_del(bare, "checksum");
    char *text = rt_json_text(bare);
    json_decref(bare);
    if (!text)
        return rt_error_code();
    snprintf(hex, 17, "%016" PRIx64, rt_hash64(text, strlen(text)));
    rt_mem_free(text);
    return RT_OK;
}

rt_status rt_manifest_seal(json_t *manifest)
{
    char hex[17];
    RT_TRY(hash_members(manifest, hex));
    json_object_del(manifest, "checksum"); /* so that it comes last */
    if (json_object_set_new(manifest, "checksum", json_string(hex)) != 0)
        return RT_FAIL(NOMEM, "manifest: no memory for its checksum");
    return RT_OK;
}

/* ---- the whole ---- */

static rt_status check_version(const json_t *j, const char *path)
{
    int64_t version;
    RT_TRY(rt_json_int(j, "format_version", path, &version));
    if (version != RT_MANIFEST_VERSION)
        return RT_FAIL(MISMATCH,
                       "%s: checkpoint of format version %" PRId64
                       ", this program reads version %d: use the version "
                       "of ringtorch that made it",
                       path, version, RT_MANIFEST_VERSION);
    return RT_OK;
}

static rt_status check_own_checksum(const json_t *j, const char *path)
{
    const char *said;
    char hex[17];
    RT_TRY(rt_json_string(j, "checksum", path, &said));
    RT_TRY(hash_members(j, hex));
    if (strcmp(said, hex) != 0)
        return RT_FAIL(CORRUPT, "%s: altered: its checksum is %s, it says %s: %s", path, hex, said,
                       advice);
    return RT_OK;
}

static rt_status read_members(const json_t *j, const char *path, rt_manifest *m)
{
    RT_TRY(rt_json_int(j, "step", path, &m->step));
    RT_TRY(rt_json_int(j, "slices", path, &m->slices));
    RT_TRY(rt_json_int(j, "seed", path, &m->seed));
    RT_TRY(rt_json_int(j, "world", path, &m->world));
    RT_TRY(rt_json_int(j, "parameters", path, &m->parameters));
    RT_TRY(rt_json_int(j, "samples", path, &m->samples));
    RT_TRY(rt_json_string(j, "run", path, &m->run));
    RT_TRY(rt_json_string(j, "config_hash", path, &m->config_hash));
    RT_TRY(rt_json_string(j, "layout_hash", path, &m->layout_hash));
    RT_TRY(rt_json_string(j, "config", path, &m->config));
    RT_TRY(rt_json_member(j, "layout", path, &m->layout));
    return rt_json_member(j, "pieces", path, &m->pieces);
}

static rt_status check_number(const char *path, const char *key, int64_t n, int64_t least,
                              int64_t most)
{
    if (n < least || n > most)
        return RT_FAIL(CORRUPT, "%s: '%s' is %" PRId64 ", expected %" PRId64 " to %" PRId64 ": %s",
                       path, key, n, least, most, advice);
    return RT_OK;
}

/* ---- the layout ---- */

static bool is_buffer(const json_t *tensor)
{
    return json_object_get(tensor, "kind") != NULL;
}

/* The kind may be left out of parameters. They come first. */
static rt_status check_kind(const json_t *tensor, bool behind_buffers, size_t i, const char *path)
{
    const char *kind = json_string_value(json_object_get(tensor, "kind"));
    if (is_buffer(tensor) ? kind && strcmp(kind, "buffer") == 0 : !behind_buffers)
        return RT_OK;
    return RT_FAIL(FORMAT,
                   "%s: layout: entry %zu is neither a parameter nor, behind them, a buffer: %s",
                   path, i, advice);
}

/* Reads one tensor of the layout; what it says of itself must be true before its elements are counted. */
static rt_status check_tensor(const json_t *tensor, size_t i, const char *path, int64_t *elements)
{
    const char *name = json_string_value(json_object_get(tensor, "name")),
               *dtype = json_string_value(json_object_get(tensor, "dtype"));
    const json_t *shape = json_object_get(tensor, "shape");
    if (!name || !name[0] || !dtype || !json_is_array(shape))
        return RT_FAIL(FORMAT, "%s: layout: entry %zu is not {\"name\", \"dtype\", \"shape\"}: %s",
                       path, i, advice);
    if (strcmp(dtype, "float32") != 0 || json_array_size(shape) > RT_MAX_DIMS)
        return RT_FAIL(
            UNSUPPORTED,
            "%s: layout: tensor %s is %s with %zu axes; this program knows float32 of up to %d",
            path, name, dtype, json_array_size(shape), RT_MAX_DIMS);
    *elements = 1;
    for (size_t k = 0; k < json_array_size(shape); k++) {
        const json_t *size = json_array_get(shape, k);
        int64_t n = json_is_integer(size) ? json_integer_value(size) : 0;
        if (n < 1 || *elements > ELEMENTS_MAX / n)
            return RT_FAIL(CORRUPT, "%s: layout: tensor %s: size %" PRId64 " of axis %zu cannot be",
                           path, name, n, k);
        *elements *= n;
    }
    return RT_OK;
}

static rt_status check_layout_hash(const rt_manifest *m, const char *path)
{
    char hex[17], *text = rt_json_text(m->layout);
    if (!text)
        return rt_error_code();
    snprintf(hex, sizeof hex, "%016" PRIx64, rt_hash64(text, strlen(text)));
    rt_mem_free(text);
    return strcmp(hex, m->layout_hash) == 0
               ? RT_OK
               : RT_FAIL(CORRUPT, "%s: the hash of its layout is %s, it says %s: %s", path, hex,
                         m->layout_hash, advice);
}

static rt_status check_layout(const rt_manifest *m, const char *path)
{
    int64_t total = 0, buffers = 0;
    json_t *seen = json_object();
    rt_status status = seen ? RT_OK : RT_FAIL(NOMEM, "%s: out of memory", path);
    if (status == RT_OK && json_array_size(m->layout) == 0)
        status = RT_FAIL(FORMAT, "%s: 'layout' is not a list of tensors: %s", path, advice);
    for (size_t i = 0; status == RT_OK && i < json_array_size(m->layout); i++) {
        const json_t *tensor = json_array_get(m->layout, i);
        int64_t elements = 0;
        status = check_tensor(tensor, i, path, &elements);
        if (status == RT_OK)
            status = check_kind(tensor, buffers > 0, i, path);
        const char *name = json_string_value(json_object_get(tensor, "name"));
        if (status == RT_OK && json_object_get(seen, name))
            status =
                RT_FAIL(CORRUPT, "%s: layout: tensor %s is there twice: %s", path, name, advice);
        else if (status == RT_OK)
            json_object_set_new(seen, name, json_true());
        *(is_buffer(tensor) ? &buffers : &total) += elements;
        if (status == RT_OK && (total > ELEMENTS_MAX || buffers > ELEMENTS_MAX))
            status =
                RT_FAIL(CORRUPT, "%s: layout: more elements than can be, at tensor %s", path, name);
    }
    json_decref(seen);
    RT_TRY(status);
    if (total != m->parameters)
        return RT_FAIL(
            CORRUPT, "%s: its layout has %" PRId64 " elements, but 'parameters' is %" PRId64 ": %s",
            path, total, m->parameters, advice);
    return check_layout_hash(m, path);
}

rt_layout_tensor rt_manifest_tensor(const rt_manifest *m, size_t i)
{
    const json_t *tensor = json_array_get(m->layout, i), *shape = json_object_get(tensor, "shape");
    rt_layout_tensor t = {.name = json_string_value(json_object_get(tensor, "name")),
                          .shape.n = (int)json_array_size(shape),
                          .elements = 1,
                          .is_buffer = is_buffer(tensor)};
    for (int k = 0; k < t.shape.n; k++) {
        t.shape.d[k] = json_integer_value(json_array_get(shape, (size_t)k));
        t.elements *= t.shape.d[k];
    }
    return t;
}

/* ---- the pieces ---- */

/* Pieces lie directly in the checkpoint's directory. */
static bool is_plain_name(const char *name)
{
    return name[0] != '\0' && name[0] != '.' && !strchr(name, '/');
}

static rt_status check_piece(const json_t *piece, const char *path, json_t *seen)
{
    const char *file, *checksum;
    int64_t bytes;
    RT_TRY(rt_json_string(piece, "file", path, &file));
    RT_TRY(rt_json_int(piece, "bytes", path, &bytes));
    RT_TRY(rt_json_string(piece, "checksum", path, &checksum));
    if (!is_plain_name(file))
        return RT_FAIL(FORMAT, "%s: piece \"%s\" is not the name of a file beside it", path, file);
    if (json_object_get(seen, file))
        return RT_FAIL(CORRUPT, "%s: piece %s is there twice: %s", path, file, advice);
    if (json_object_set_new(seen, file, json_true()) != 0)
        return RT_FAIL(NOMEM, "%s: out of memory", path);
    return check_number(path, "bytes", bytes, 0, INT64_MAX);
}

static rt_status check_pieces(const rt_manifest *m, const char *path)
{
    size_t count = json_array_size(m->pieces);
    if (count == 0)
        return RT_FAIL(FORMAT, "%s: 'pieces' is not a list with something in it: %s", path, advice);
    if ((int64_t)count != m->world)
        return RT_FAIL(CORRUPT, "%s: %zu pieces, but 'world' is %" PRId64 ": %s", path, count,
                       m->world, advice);
    json_t *seen = json_object();
    rt_status status = seen ? RT_OK : RT_FAIL(NOMEM, "%s: out of memory", path);
    for (size_t i = 0; status == RT_OK && i < count; i++)
        status = check_piece(json_array_get(m->pieces, i), path, seen);
    json_decref(seen);
    return status;
}

rt_manifest_piece rt_manifest_piece_at(const rt_manifest *m, int64_t i)
{
    const json_t *piece = json_array_get(m->pieces, (size_t)i);
    return (rt_manifest_piece){
        .file = json_string_value(json_object_get(piece, "file")),
        .checksum = json_string_value(json_object_get(piece, "checksum")),
        .bytes = json_integer_value(json_object_get(piece, "bytes")),
    };
}

/* ---- the configuration ---- */

static rt_status check_against_config(const rt_manifest *m, const rt_config *cfg, const char *path)
{
    RT_TRY(rt_config_check(cfg));
    if (cfg->parallel.slices != m->slices)
        return RT_FAIL(CORRUPT,
                       "%s: 'slices' is %" PRId64 ", but its configuration says %" PRId64 ": %s",
                       path, m->slices, cfg->parallel.slices, advice);
    if (cfg->run.seed != m->seed)
        return RT_FAIL(CORRUPT,
                       "%s: 'seed' is %" PRId64 ", but its configuration says %" PRId64 ": %s",
                       path, m->seed, cfg->run.seed, advice);
    return RT_OK;
}

static rt_status check_config(const rt_manifest *m, const char *path)
{
    rt_config cfg = {0};
    rt_status status = rt_config_parse(m->config, strlen(m->config), "its configuration", &cfg);
    if (status == RT_OK)
        status = check_against_config(m, &cfg, path);
    rt_config_release(&cfg);
    if (status == RT_E_CONFIG)
        return rt_error_prefix("%s", path);
    return status;
}

rt_status rt_manifest_check(const json_t *json, const char *path, rt_manifest *m)
{
    *m = (rt_manifest){0};
    RT_TRY(check_version(json, path));
    RT_TRY(check_own_checksum(json, path));
    RT_TRY(read_members(json, path, m));
    RT_TRY(check_number(path, "step", m->step, 0, STEP_MAX));
    RT_TRY(check_number(path, "slices", m->slices, 1, RT_SLICES_MAX));
    RT_TRY(check_number(path, "world", m->world, 1, m->slices));
    RT_TRY(check_number(path, "parameters", m->parameters, 1, ELEMENTS_MAX));
    RT_TRY(check_number(path, "samples", m->samples, 1, SAMPLES_MAX));
    RT_TRY(check_layout(m, path));
    RT_TRY(check_pieces(m, path));
    return check_config(m, path);
}

/* ---- reading ---- */

static rt_status load(const char *path, rt_manifest *out)
{
    json_t *json;
    RT_TRY(rt_json_load(path, MANIFEST_MAX, &json));
    rt_status status = rt_manifest_check(json, path, out);
    out->json = json;
    if (status != RT_OK)
        rt_manifest_release(out);
    return status;
}

rt_status rt_manifest_read(const char *dir, rt_manifest *out)
{
    *out = (rt_manifest){0};
    char *path = rt_path_join(dir, "manifest.json");
    if (!path)
        return rt_error_code();
    bool there;
    rt_status status = rt_path_look(path, &there);
    if (status == RT_OK)
        status = there ? load(path, out)
                       : RT_FAIL(NOTFOUND,
                                 "%s: no manifest.json in it: not a checkpoint: give a directory "
                                 "checkpoints/step-…",
                                 dir);
    rt_mem_free(path);
    return status;
}

void rt_manifest_release(rt_manifest *m)
{
    json_decref(m->json);
    *m = (rt_manifest){0};
}

#include "common/state/manifest.h"

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/samples.h"
#include "common/base/slices.h"
#include "common/config/config.h"
#include "common/config/config_check.h"
#include "common/state/data_identity.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MANIFEST_MAX = 64 << 20 };
static const int64_t ELEMENTS_MAX = INT64_C(1) << 48, /* of all tensors together */
    SAMPLES_MAX = INT64_C(1) << 43; /* so that run.epochs times it does not overflow */

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
    json_object_del(manifest, "checksum"); /* so that it becomes the last member */
    if (json_object_set_new(manifest, "checksum", json_string(hex)) != 0)
        return RT_FAIL(NOMEM, "manifest: no memory for its checksum");
    return RT_OK;
}

/* ---- the manifest as a whole ---- */

static rt_status check_version(const json_t *j, const char *path)
{
    json_t *version;
    RT_TRY(rt_json_member(j, "format_version", path, &version));
    return rt_json_check_version(j, path, "checkpoint", RT_MANIFEST_VERSION,
                                 "use the version of ringtorch that made it, or another "
                                 "checkpoint");
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

/* Parameters come first and need no "kind". */
static rt_status check_kind(const json_t *tensor, bool behind_buffers, size_t i, const char *path)
{
    const char *kind = json_string_value(json_object_get(tensor, "kind"));
    if (is_buffer(tensor) ? kind && strcmp(kind, "buffer") == 0 : !behind_buffers)
        return RT_OK;
    return RT_FAIL(
        FORMAT,
        "%s: layout: entry %zu is neither a parameter nor a buffer after the parameters: %s", path,
        i, advice);
}

/* Checks one tensor of the layout and then counts its elements. */
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

/* Fails if the name occurred before. */
static rt_status note_name(json_t *seen, const char *name, const char *path)
{
    if (json_object_get(seen, name))
        return RT_FAIL(CORRUPT, "%s: layout: tensor %s is there twice: %s", path, name, advice);
    json_object_set_new(seen, name, json_true());
    return RT_OK;
}

static rt_status note_names(json_t *seen, const json_t *tensor, const char *path)
{
    const json_t *also = json_object_get(tensor, "also"), *other;
    const char *name = json_string_value(json_object_get(tensor, "name"));
    size_t i;
    RT_TRY(note_name(seen, name, path));
    if (also && !json_is_array(also))
        return RT_FAIL(FORMAT, "%s: layout: tensor %s: 'also' is not a list of names: %s", path,
                       name, advice);
    json_array_foreach((json_t *)also, i, other)
    {
        const char *text = json_string_value(other);
        if (!text || !text[0])
            return RT_FAIL(FORMAT, "%s: layout: tensor %s: 'also' is not a list of names: %s", path,
                           name, advice);
        RT_TRY(note_name(seen, text, path));
    }
    return RT_OK;
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
        if (status == RT_OK)
            status = note_names(seen, tensor, path);
        *(is_buffer(tensor) ? &buffers : &total) += elements;
        if (status == RT_OK && (total > ELEMENTS_MAX || buffers > ELEMENTS_MAX))
            status = RT_FAIL(CORRUPT, "%s: layout: too many elements, at tensor %s", path, name);
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
                          .is_buffer = is_buffer(tensor),
                          .also = json_object_get(tensor, "also")};
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
        return RT_FAIL(FORMAT, "%s: 'pieces' is not a list of at least one piece: %s", path,
                       advice);
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

/* Reads the task, which older checkpoints lack. */
static rt_status check_task(const json_t *j, const char *path, rt_manifest *m)
{
    return json_object_get(j, "task") ? rt_json_string(j, "task", path, &m->task) : RT_OK;
}

/* Reads the identity of the data, which older checkpoints lack. */
static rt_status check_data(const json_t *j, const char *path, rt_manifest *m)
{
    m->data = json_object_get(j, "data");
    return m->data ? rt_data_identity_check(m->data, path) : RT_OK;
}

/* Checks the preprocessing against the data's identity; its content is checked by the data set that is read with it. */
static rt_status check_preprocessing(const json_t *j, const char *path, rt_manifest *m)
{
    m->preprocessing = json_object_get(j, "preprocessing");
    if (m->preprocessing && !json_is_object(m->preprocessing))
        return RT_FAIL(FORMAT, "%s: 'preprocessing' is not an object: %s", path, advice);
    char *text = m->preprocessing ? rt_json_text(m->preprocessing) : NULL;
    if (m->preprocessing && !text)
        return rt_error_code();
    bool good =
        rt_data_identity_is_of(m->data, text) && (!text || strlen(text) <= RT_PREPROCESSING_MAX);
    rt_mem_free(text);
    return good ? RT_OK
                : RT_FAIL(CORRUPT, "%s: 'preprocessing' does not match its checksum in 'data': %s",
                          path, advice);
}

rt_status rt_manifest_check(const json_t *json, const char *path, rt_manifest *m)
{
    *m = (rt_manifest){0};
    RT_TRY(check_version(json, path));
    RT_TRY(check_own_checksum(json, path));
    RT_TRY(read_members(json, path, m));
    RT_TRY(check_number(path, "step", m->step, 0, RT_STEPS_MAX));
    RT_TRY(check_number(path, "slices", m->slices, 1, RT_SLICES_MAX));
    RT_TRY(check_number(path, "world", m->world, 1, m->slices));
    RT_TRY(check_number(path, "parameters", m->parameters, 1, ELEMENTS_MAX));
    RT_TRY(check_number(path, "samples", m->samples, 1, SAMPLES_MAX));
    RT_TRY(check_layout(m, path));
    RT_TRY(check_pieces(m, path));
    RT_TRY(check_data(json, path, m));
    RT_TRY(check_task(json, path, m));
    RT_TRY(check_preprocessing(json, path, m));
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

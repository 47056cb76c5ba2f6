/* Small checkpoints that are sound, made by hand: two tensors, two pieces, AdamW. Tests alter what they are made of.
 *
 *     json_t *m = checkpoint_manifest(50);
 *     make_checkpoint_at(dir, m, pieces);             // pieces as in piece_of, or altered; sealed
 *     json_decref(m);
 */
#ifndef RINGTORCH_TESTS_UNIT_CHECKPOINT_FILES_H
#define RINGTORCH_TESTS_UNIT_CHECKPOINT_FILES_H

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include "common/config/config.h"
#include "common/state/manifest.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { CHECKPOINT_WORLD = 2, CHECKPOINT_SLICES = 4, CHECKPOINT_PARAMETERS = 10 };

static const char checkpoint_config[] =
    "parallel: {workers: 2, slices: 4}\nrun: {steps: 100}\nmodel: {preset: mlp}\n";

static inline json_t *checkpoint_layout(void)
{
    return json_pack("[{s:s, s:s, s:[i, i]}, {s:s, s:s, s:[i]}]", "name", "w", "dtype", "float32",
                     "shape", 2, 3, "name", "b", "dtype", "float32", "shape", 4);
}

static inline void checkpoint_hash(const json_t *j, char hex[17])
{
    char *text = rt_json_text(j);
    snprintf(hex, 17, "%016" PRIx64, rt_hash64(text, strlen(text)));
    rt_mem_free(text);
}

static inline json_t *checkpoint_preprocessing(void)
{
    return json_pack("{s:s, s:s, s:s}", "dataset", "text", "unit", "characters", "vocabulary",
                     "ab");
}

/* The identity of data in one file, read with that. */
static inline json_t *checkpoint_data(const json_t *preprocessing)
{
    char hex[17];
    checkpoint_hash(preprocessing, hex);
    return json_pack("{s:[{s:s, s:i, s:s}], s:s}", "files", "file", "h.txt", "bytes", 1240,
                     "checksum", "0123456789abcdef", "preprocessing", hex);
}

/* Adds an entry to the header of a safetensors file whose data are zeros, 4 bytes an element. */
static inline void add_entry(rt_text *header, const char *name, int64_t elements, int64_t *at)
{
    rt_text_add(header,
                "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[%" PRId64 "],\"data_offsets\":[%" PRId64
                ",%" PRId64 "]}",
                header->len > 1 ? "," : "", name, elements, *at, *at + 4 * elements);
    *at += 4 * elements;
}

/* A safetensors file of a header (as rt_text_take gives it; freed here) and `data` bytes that count up from `first`. */
static inline rt_bytes safetensors_of(char *header, int64_t data, int first)
{
    size_t len = strlen(header);
    rt_bytes b = {rt_malloc(8 + len + (size_t)data + 1), 8 + len + (size_t)data};
    for (int i = 0; i < 8; i++)
        b.data[i] = (uint8_t)((uint64_t)len >> 8 * i);
    memcpy(b.data + 8, header, len);
    for (int64_t i = 0; i < data; i++)
        b.data[8 + len + (size_t)i] = (uint8_t)((first + i) % 64);
    b.data[b.len] = 0;
    rt_mem_free(header);
    return b;
}

/* Piece 0 has elements 0 to 4 of w, piece 1 the last one of w and all of b; of each kind. */
static inline rt_bytes piece_of(int k)
{
    static const char *const kinds[] = {"param", "exp_avg", "exp_avg_sq"};
    rt_text header = {0};
    int64_t at = 0;
    rt_text_add(&header, "{");
    for (int i = 0; i < 3; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s/w@%d", kinds[i], k == 0 ? 0 : 5);
        add_entry(&header, name, k == 0 ? 5 : 1, &at);
        if (k == 0)
            continue;
        snprintf(name, sizeof name, "%s/b@0", kinds[i]);
        add_entry(&header, name, 4, &at);
    }
    rt_text_add(&header, "}");
    return safetensors_of(rt_text_take(&header), at, k);
}

/* All members but pieces and checksum, which make_checkpoint_at sets. */
static inline json_t *checkpoint_manifest(int64_t step)
{
    json_t *layout = checkpoint_layout();
    json_t *preprocessing = checkpoint_preprocessing();
    char layout_hash[17];
    checkpoint_hash(layout, layout_hash);
    return json_pack("{s:i, s:s, s:I, s:i, s:i, s:i, s:i, s:i, s:s, s:s, s:s, s:o, s:o, s:o}",
                     "format_version", RT_MANIFEST_VERSION, "run", "r1", "step", (json_int_t)step,
                     "slices", CHECKPOINT_SLICES, "seed", 1337, "world", CHECKPOINT_WORLD,
                     "parameters", CHECKPOINT_PARAMETERS, "samples", 6400, "config_hash", "hash",
                     "layout_hash", layout_hash, "config", checkpoint_config, "layout", layout,
                     "data", checkpoint_data(preprocessing), "preprocessing", preprocessing);
}

/* Writes the pieces (released here), lists them in the manifest if it does not, seals and writes it. 0 if all went well. */
static inline int make_checkpoint_at(const char *dir, json_t *m, rt_bytes pieces[CHECKPOINT_WORLD])
{
    json_t *list = json_array();
    int failed = rt_dir_make(dir, 0755) != RT_OK;
    for (int k = 0; k < CHECKPOINT_WORLD; k++) {
        char file[32], hex[17];
        snprintf(file, sizeof file, "piece-%05d.safetensors", k);
        snprintf(hex, sizeof hex, "%016" PRIx64, rt_hash64(pieces[k].data, pieces[k].len));
        char *path = rt_path_join(dir, file);
        failed |= rt_file_replace(path, pieces[k].data, pieces[k].len) != RT_OK;
        json_array_append_new(list, json_pack("{s:s, s:I, s:s}", "file", file, "bytes",
                                              (json_int_t)pieces[k].len, "checksum", hex));
        rt_mem_free(path);
        rt_bytes_release(&pieces[k]);
    }
    if (!json_object_get(m, "pieces"))
        json_object_set(m, "pieces", list);
    json_decref(list);
    failed |= rt_manifest_seal(m) != RT_OK;
    char *path = rt_path_join(dir, "manifest.json"), *text = rt_json_text(m);
    failed |= rt_file_replace(path, text, strlen(text)) != RT_OK;
    rt_mem_free(text);
    rt_mem_free(path);
    return failed;
}

#endif

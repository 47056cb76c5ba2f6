/* Commits a checkpoint's directory as the coordinator does once all pieces are written.
 *
 *     committed_piece pieces[] = {{"piece-00000.safetensors", bytes, checksum}};
 *     commit_checkpoint(&f, tmp, final, &(committed){.step = 3, .slices = 4, .version = 1,
 *                                                    .layout = json, .pieces = pieces, .count = 1});
 */
#ifndef RINGTORCH_TESTS_UNIT_WORKER_COMMITTED_H
#define RINGTORCH_TESTS_UNIT_WORKER_COMMITTED_H

#include "common/base/hash.h"
#include "common/state/manifest.h"
#include "fixture.h"

typedef struct committed_piece {
    char file[32];
    int64_t bytes;
    char checksum[17];
} committed_piece;

typedef struct committed {
    int64_t step;
    int slices, version;
    const char *layout;
    const committed_piece *pieces;
    int count;
    const char *set; /* NULL, or a key that differs from the fixture's configuration */
} committed;

/* Returns the configuration as the coordinator would have written it (rt_mem_free). */
static inline char *committed_config(const fixture *f, const committed *c)
{
    char slices[64];
    snprintf(slices, sizeof slices, "parallel.slices=%d", c->slices);
    rt_config cfg = fixture_config2(f, slices, c->set);
    char *yaml = rt_config_yaml(&cfg);
    rt_config_release(&cfg);
    return yaml;
}

/* Elements of the parameters. */
static inline int64_t elements_of(const json_t *layout)
{
    int64_t sum = 0;
    for (size_t i = 0; i < json_array_size(layout); i++) {
        rt_layout_tensor t = rt_manifest_tensor(&(rt_manifest){.layout = (json_t *)layout}, i);
        sum += t.is_buffer ? 0 : t.elements;
    }
    return sum;
}

/* Writes the manifest and gives the directory its final name. */
static inline void commit_checkpoint(const fixture *f, const char *tmp, const char *final,
                                     const committed *c)
{
    char path[256], hex[17];
    json_error_t e;
    char *config = committed_config(f, c);
    json_t *pieces = json_array(), *layout = json_loads(c->layout, 0, &e);
    for (int r = 0; r < c->count; r++)
        json_array_append_new(pieces, json_pack("{s:s, s:I, s:s}", "file", c->pieces[r].file,
                                                "bytes", (json_int_t)c->pieces[r].bytes, "checksum",
                                                c->pieces[r].checksum));
    snprintf(hex, sizeof hex, "%016llx",
             (unsigned long long)rt_hash64(c->layout, strlen(c->layout)));
    json_t *m = json_pack("{s:i, s:s, s:I, s:i, s:i, s:i, s:I, s:i, s:s, s:s, s:s, s:o, s:o}",
                          "format_version", c->version, "run", "r1", "step", (json_int_t)c->step,
                          "slices", c->slices, "seed", 7, "world", c->count, "parameters",
                          (json_int_t)elements_of(layout), "samples", 6400, "config_hash", "hash",
                          "layout_hash", hex, "config", config, "layout", layout, "pieces", pieces);
    must(rt_manifest_seal(m));
    char *text = rt_json_text(m);
    snprintf(path, sizeof path, "%s/manifest.json", tmp);
    must(rt_file_replace(path, text, strlen(text)));
    must(rt_rename_durably(tmp, final));
    rt_mem_free(text);
    rt_mem_free(config);
    json_decref(m);
}

#endif

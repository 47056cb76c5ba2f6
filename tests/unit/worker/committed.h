/* What the coordinator does to a checkpoint's directory once all pieces are there.
 *
 *     committed_piece pieces[] = {{"piece-00000.safetensors", bytes, checksum}};
 *     commit_checkpoint(&f, tmp, final, &(committed){.step = 3, .slices = 4, .version = 1,
 *                                                    .layout = json, .pieces = pieces, .count = 1});
 */
#ifndef RINGTORCH_TESTS_UNIT_WORKER_COMMITTED_H
#define RINGTORCH_TESTS_UNIT_WORKER_COMMITTED_H

#include "common/hash.h"
#include "common/json.h"
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
} committed;

/* Writes the manifest and gives the directory its final name. */
static inline void commit_checkpoint(const fixture *f, const char *tmp, const char *final,
                                     const committed *c)
{
    char path[256], hex[17];
    json_error_t e;
    rt_bytes config = {0};
    must(rt_file_read(f->config, 1 << 16, &config));
    json_t *pieces = json_array();
    for (int r = 0; r < c->count; r++)
        json_array_append_new(pieces, json_pack("{s:s, s:I, s:s}", "file", c->pieces[r].file,
                                                "bytes", (json_int_t)c->pieces[r].bytes, "checksum",
                                                c->pieces[r].checksum));
    json_t *m = json_pack("{s:i, s:I, s:i, s:s, s:o, s:o}", "format_version", c->version, "step",
                          (json_int_t)c->step, "slices", c->slices, "config", config.data, "layout",
                          json_loads(c->layout, 0, &e), "pieces", pieces);
    char *bare = rt_json_text(m);
    snprintf(hex, sizeof hex, "%016llx", (unsigned long long)rt_hash64(bare, strlen(bare)));
    json_object_set_new(m, "checksum", json_string(hex));
    char *text = rt_json_text(m);
    snprintf(path, sizeof path, "%s/manifest.json", tmp);
    must(rt_file_replace(path, text, strlen(text)));
    must(rt_rename_durably(tmp, final));
    rt_mem_free(bare);
    rt_mem_free(text);
    json_decref(m);
    rt_bytes_release(&config);
}

#endif

/* The manifest of a checkpoint: the JSON object that vouches for every byte of its directory.
 *
 *     RT_TRY(rt_manifest_seal(json));          // writer: adds its own checksum, then writes the file
 *
 *     rt_manifest m;                           // reader
 *     RT_TRY(rt_manifest_read("runs/x/checkpoints/step-00000500", &m));
 *     printf("step %ld\n", (long)m.step);
 *     rt_manifest_release(&m);
 *
 * Members: format_version, run, step, slices, seed, world, parameters, samples, config_hash,
 * layout_hash, config (the resolved YAML), layout [{name, dtype, shape}, behind them buffers with kind "buffer"], pieces [{file, bytes,
 * checksum}] and, last, checksum: the XXH3-64 of the compact JSON text of all members before it.
 * Checksums are 16 hex digits.
 *
 * The checksum has no key: anybody can seal anything. So each member is checked as well, by itself and against the
 * others, and what has been read can be relied on. All who read manifests read them here; common/saved.h looks at the
 * pieces too. */
#ifndef RINGTORCH_COMMON_MANIFEST_H
#define RINGTORCH_COMMON_MANIFEST_H

#include <stdbool.h>
#include <ringtorch/dims.h>
#include "common/json.h"

enum { RT_MANIFEST_VERSION = 1 };

typedef struct rt_manifest {
    int64_t step, slices, seed, world, parameters, samples;
    const char *run, *config_hash, *layout_hash, *config;
    json_t *layout, *pieces;
    json_t *json; /* owned, and all of the above with it; NULL of one that is to be written */
} rt_manifest;

/* Sets "checksum" from all other members. */
rt_status rt_manifest_seal(json_t *manifest);

/* Checks a manifest and fills *out, which borrows from it (out->json stays NULL): types and ranges; that the layout is
 * one of tensors whose elements add up to `parameters`; that pieces are plain names of files, each once, one for each
 * of `world` workers; that the configuration is one, of these slices and this seed. FORMAT, CORRUPT or MISMATCH
 * (another format version) name `path` and the member. */
rt_status rt_manifest_check(const json_t *json, const char *path, rt_manifest *out);

/* Reads and checks <dir>/manifest.json. NOTFOUND: there is none. */
rt_status rt_manifest_read(const char *dir, rt_manifest *out);
void rt_manifest_release(rt_manifest *m);

/* ---- members, once they have been checked ---- */

typedef struct rt_layout_tensor {
    const char *name;
    rt_dims shape;
    int64_t elements;
    bool is_buffer; /* of a module; else a parameter */
} rt_layout_tensor;
/* The i-th of json_array_size(m->layout) tensors; its name is borrowed. */
rt_layout_tensor rt_manifest_tensor(const rt_manifest *m, size_t i);

typedef struct rt_manifest_piece {
    const char *file, *checksum;
    int64_t bytes;
} rt_manifest_piece;
/* The i-th of m->world pieces, borrowed. */
rt_manifest_piece rt_manifest_piece_at(const rt_manifest *m, int64_t i);

#endif

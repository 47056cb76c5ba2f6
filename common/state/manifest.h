/* The manifest of a checkpoint: a JSON object with the checksum of every file in its directory.
 *
 *     RT_TRY(rt_manifest_seal(json));          // writer: adds its own checksum, then writes the file
 *
 *     rt_manifest m;                           // reader
 *     RT_TRY(rt_manifest_read("runs/x/checkpoints/step-00000500", &m));
 *     printf("step %ld\n", (long)m.step);
 *     rt_manifest_release(&m);
 *
 * Members: format_version, run, step, slices, seed, world, parameters, samples, config_hash, layout_hash, config (the
 * resolved YAML), layout [{name, dtype, shape; also: other names of a tied parameter}, then buffers with kind
 * "buffer"], pieces [{file, bytes, checksum}], data (the identity of the data, common/state/data_identity.h), task (its
 * name, resolved if the configuration says `auto`), preprocessing (of the data, ringtorch/data.h; absent if there is
 * none) and, last, checksum: the XXH3-64 of the compact JSON text of all members before it. Older checkpoints lack
 * data, task and preprocessing. Checksums are 16 hex digits.
 *
 * The checksum has no key, so anyone can seal any content. Therefore each member is also validated, by itself and
 * against the others, and code that has read a manifest can rely on it. All code reads manifests through this file;
 * common/state/saved.h also verifies the pieces. */
#ifndef RINGTORCH_COMMON_STATE_MANIFEST_H
#define RINGTORCH_COMMON_STATE_MANIFEST_H

#include "common/base/json.h"
#include <ringtorch/dims.h>
#include <stdbool.h>

enum { RT_MANIFEST_VERSION = 1 };

typedef struct rt_manifest {
    int64_t step, slices, seed, world, parameters, samples;
    const char *run, *config_hash, *layout_hash, *config;
    json_t *layout, *pieces;
    json_t *data;          /* NULL if the manifest has none */
    json_t *preprocessing; /* NULL if none */
    const char *task;      /* likewise */
    json_t *json; /* owned, and with it all of the above; NULL for a manifest about to be written */
} rt_manifest;

/* Sets "checksum" from all other members. */
rt_status rt_manifest_seal(json_t *manifest);

/* Checks a manifest and fills *out, which borrows from it (out->json stays NULL). Checks types and ranges; that the
 * layout lists tensors whose elements add up to `parameters`; that pieces are distinct plain file names, one for each
 * of `world` workers; that the configuration is valid and has these slices and this seed. Fails with FORMAT, CORRUPT or
 * MISMATCH (another format version), naming `path` and the member. */
rt_status rt_manifest_check(const json_t *json, const char *path, rt_manifest *out);

/* Reads and checks <dir>/manifest.json. Fails with NOTFOUND if there is none. */
rt_status rt_manifest_read(const char *dir, rt_manifest *out);
void rt_manifest_release(rt_manifest *m);

/* ---- access to the members of a checked manifest ---- */

typedef struct rt_layout_tensor {
    const char *name;
    rt_dims shape;
    int64_t elements;
    bool is_buffer;     /* of a module; else a parameter */
    const json_t *also; /* its other names, an array of strings, or NULL */
} rt_layout_tensor;
/* Returns tensor i of json_array_size(m->layout); its names are borrowed. */
rt_layout_tensor rt_manifest_tensor(const rt_manifest *m, size_t i);

typedef struct rt_manifest_piece {
    const char *file, *checksum;
    int64_t bytes;
} rt_manifest_piece;
/* Returns piece i of m->world, borrowed. */
rt_manifest_piece rt_manifest_piece_at(const rt_manifest *m, int64_t i);

#endif

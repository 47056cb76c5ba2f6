/* The manifest of a checkpoint: the JSON object that vouches for every byte of its directory.
 *
 *     RT_TRY(rt_manifest_seal(manifest));      // writer: adds its own checksum, then writes the file
 *
 *     json_t *m;                               // reader: looks at every byte
 *     RT_TRY(rt_manifest_verify("runs/x/checkpoints/step-00000500", &m));
 *     json_decref(m);
 *
 * Members: format_version, run, step, slices, seed, world, parameters, samples, config_hash,
 * layout_hash, config (the resolved YAML), layout [{name, dtype, shape}], pieces [{file, bytes,
 * checksum}] and, last, checksum: the XXH3-64 of the compact JSON text of all members before it.
 * Checksums are 16 hex digits. */
#ifndef RINGTORCH_COMMON_MANIFEST_H
#define RINGTORCH_COMMON_MANIFEST_H

#include "common/json.h"

enum { RT_MANIFEST_VERSION = 1 };

/* Sets "checksum" from all other members. */
rt_status rt_manifest_seal(json_t *manifest);

/* Reads <dir>/manifest.json and checks that it and every piece it lists is there, of the right
 * length and unaltered. NOTFOUND, FORMAT, CORRUPT or MISMATCH (another format version) name the
 * file at fault. */
rt_status rt_manifest_verify(const char *dir, json_t **out);

#endif

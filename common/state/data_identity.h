/* The identity of a run's data: the files that its samples come from, each with a checksum of the bytes read, and the
 * checksum of the preprocessing (ringtorch/data.h). Workers send it in HELLO; journals and manifests store it. As JSON:
 *
 *     {"files": [{"file": "data/h.csv", "bytes": 1240, "checksum": "0123456789abcdef"}], "preprocessing": "fedcba9876543210"}
 *
 * Plugins are part of it, because a run depends on their code as on its data: "plugins": [{"name", "file", "sha256"}]. A program that is
 * the worker itself (ringtorch/worker.h) is one, with "program": true.
 *
 * A state that was trained on some data must be continued with the same data:
 *
 *     rt_data_difference d;
 *     if (rt_data_differs(now, then, &d))
 *         printf("%s: is %s, was %s\n", d.what, d.now, d.then);
 *
 * Bytes and checksum (XXH3-64, 16 hex digits) describe the content: a file and its gzip are the same data, in any
 * place. */
#ifndef RINGTORCH_COMMON_STATE_DATA_IDENTITY_H
#define RINGTORCH_COMMON_STATE_DATA_IDENTITY_H

#include "common/base/json.h"
#include <stdbool.h>
#include <stddef.h>

enum {
    RT_DATA_TEXT_MAX = 20000, /* bytes of an identity as text */
    RT_DATA_NAME_MAX = 255,   /* bytes of a file's path; of a longer path only the end is kept */
    RT_PREPROCESSING_MAX = 2 * 1000000, /* bytes of a preprocessing as text */
};

/* Returns an identity without files and preprocessing (a new reference); NULL if memory runs out. */
json_t *rt_data_identity(void);
rt_status rt_data_identity_add_file(json_t *identity, const char *path, size_t bytes,
                                    uint64_t checksum);
/* `text` is a preprocessing, or NULL if there is none. */
rt_status rt_data_identity_set_preprocessing(json_t *identity, const char *text);

/* `plugins` are entries of the configuration (common/config/plugins.h); if there are none, nothing is added. */
rt_status rt_data_identity_set_plugins(json_t *identity, const json_t *plugins);

/* Returns whether the JSON is a valid identity; false for NULL. */
bool rt_data_identity_is_sound(const json_t *identity);
/* Fails with FORMAT, naming `path`, if it is not valid. */
rt_status rt_data_identity_check(const json_t *identity, const char *path);

/* Returns whether the identity names this preprocessing (NULL for none). */
bool rt_data_identity_is_of(const json_t *identity, const char *preprocessing);

typedef struct rt_data_difference {
    char what[RT_DATA_NAME_MAX +
              1]; /* a file's path, "preprocessing", "plugin NAME", or "program NAME" */
    char now[80], then[80];
    const char *code; /* "plugin" or "program"; NULL if the data differ */
} rt_data_difference;

/* Finds the first difference. A file that only one of them has read, such as a test set, is not a difference. Returns
 * false if either is NULL, that is, unknown. */
bool rt_data_differs(const json_t *now, const json_t *then, rt_data_difference *out);

#endif

/* JSON through jansson; this header is the only place that names it.
 *
 *     json_t *j;
 *     RT_TRY(rt_json_load(path, 1 << 20, &j));       // errors say path:line:column
 *     int64_t step; RT_TRY(rt_json_int(j, "step", path, &step));
 *     json_decref(j);
 */
#ifndef RINGTORCH_COMMON_JSON_H
#define RINGTORCH_COMMON_JSON_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <ringtorch/status.h>

/* Parses text (need not end in a zero byte); `name` appears in errors as name:line:column.
 * Duplicate keys are refused. */
rt_status rt_json_parse(const char *text, size_t len, const char *name, json_t **out);
rt_status rt_json_load(const char *path, size_t limit, json_t **out);
/* Member access with errors that name file and key. Strings are borrowed from j. */
rt_status rt_json_int(const json_t *j, const char *key, const char *name, int64_t *out);
rt_status rt_json_double(const json_t *j, const char *key, const char *name, double *out);
rt_status rt_json_string(const json_t *j, const char *key, const char *name, const char **out);
rt_status rt_json_member(const json_t *j, const char *key, const char *name,
                         json_t **out); /* borrowed */
/* Returns compact text, keys in insertion order (allocated with rt_malloc; NULL on failure). */
char *rt_json_text(const json_t *j);

#endif

/* JSON through jansson; this header is the only place that names it.
 *
 *     json_t *j;
 *     RT_TRY(rt_json_load(path, 1 << 20, &j));       // errors say path:line:column
 *     int64_t step; RT_TRY(rt_json_int(j, "step", path, &step));
 *     json_decref(j);
 */
#ifndef RINGTORCH_COMMON_BASE_JSON_H
#define RINGTORCH_COMMON_BASE_JSON_H

#include <jansson.h>
#include <ringtorch/status.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Parses `len` bytes of text (no zero byte needed); errors give the place as name:line:column. Refuses duplicate keys. */
rt_status rt_json_parse(const char *text, size_t len, const char *name, json_t **out);
rt_status rt_json_load(const char *path, size_t limit, json_t **out);
/* Member access with errors that name file and key. Strings are borrowed from j. */
rt_status rt_json_int(const json_t *j, const char *key, const char *name, int64_t *out);
rt_status rt_json_double(const json_t *j, const char *key, const char *name, double *out);
rt_status rt_json_string(const json_t *j, const char *key, const char *name, const char **out);
rt_status rt_json_member(const json_t *j, const char *key, const char *name,
                         json_t **out); /* borrowed */
/* Fails with MISMATCH unless the member "format_version" is `reads`, the version that this program reads. The message
 * says what `name` is (`what`: "checkpoint"), which version is expected, and what to do (`advice`: "use the version of
 * ringtorch that made it"). A missing member means 1, because some files were given it only later. */
rt_status rt_json_check_version(const json_t *j, const char *name, const char *what, int64_t reads,
                                const char *advice);
/* Returns x as JSON (a new reference; NULL if memory runs out). NaN and infinity become null, because JSON has neither. */
json_t *rt_json_number(double x);
/* Makes a string, or null if `text` is NULL or not UTF-8 (a path need not be). */
json_t *rt_json_text_or_null(const char *text);
/* Makes a string for people to read, or null if `text` is NULL. In text that is not UTF-8 every byte outside ASCII
 * becomes '?'. */
json_t *rt_json_repaired(const char *text);
/* Returns compact text with the keys in insertion order and the shortest numbers that read back unchanged (free with
 * rt_mem_free; NULL on failure). */
char *rt_json_text(const json_t *j);
/* Returns text for people to read, with one member per line. */
char *rt_json_indented(const json_t *j);
/* Like rt_json_text but with 17 digits in every real number, as jansson writes them. Hashes are made of this text, so
 * it must never change. */
char *rt_json_text_to_hash(const json_t *j);

/* Prints a JSON text and a line break. Characters that JSON allows but a terminal would obey or hide
 * (rt_unicode_is_hidden) are written as \uXXXX, which means the same. */
void rt_json_print(FILE *to, const char *text);

#endif

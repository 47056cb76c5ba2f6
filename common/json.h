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
#include <stdio.h>
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
/* Returns x as JSON, which has no NaN or infinity: null stands for them (a new reference; NULL when memory is out). */
json_t *rt_json_number(double x);
/* Makes a string; null for NULL and for what is not UTF-8, as a path may be. */
json_t *rt_json_text_or_null(const char *text);
/* Returns compact text, keys in insertion order, numbers as short as they can be and still read back as the same
 * (rt_mem_free; NULL on failure). */
char *rt_json_text(const json_t *j);
/* For people: a member a line. */
char *rt_json_indented(const json_t *j);
/* The same with 17 digits in every real number, as jansson writes them: for hashes, which outlive versions. */
char *rt_json_text_to_hash(const json_t *j);

/* Prints a JSON text and a line break. Characters that JSON may hold as they are and a terminal obeys or hides
 * (rt_unicode_is_hidden) are written as \uXXXX, which means the same. */
void rt_json_print(FILE *to, const char *text);

#endif

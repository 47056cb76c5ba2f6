/* Members of a JSON object that may be missing, null or of another type.
 *
 *     int64_t step = rt__field_int(status, "step", -1);
 *     const char *host = rt__field_text(rank, "host");     // "" if it is not there
 */
#ifndef RINGTORCH_COMMON_BASE_FIELDS_H
#define RINGTORCH_COMMON_BASE_FIELDS_H

#include "common/base/json.h"

/* Returns the member as an integer, or `none` if it is not a finite number. */
int64_t rt__field_int(const json_t *j, const char *key, int64_t none);
/* Returns the member, or NaN if it is not a number. */
double rt__field_number(const json_t *j, const char *key);
/* Returns the member (borrowed from j), or "" if it is not a string. */
const char *rt__field_text(const json_t *j, const char *key);
/* Returns the member (borrowed), or NULL if it is not an array. json_array_size takes NULL for an empty array. */
const json_t *rt__field_list(const json_t *j, const char *key);

#endif

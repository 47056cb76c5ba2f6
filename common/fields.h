/* Members of a JSON object that may be missing, null or of another type.
 *
 *     int64_t step = rt__field_int(status, "step", -1);
 *     const char *host = rt__field_text(rank, "host");     // "" if it is not there
 */
#ifndef RINGTORCH_COMMON_FIELDS_H
#define RINGTORCH_COMMON_FIELDS_H

#include "common/json.h"

/* Returns a number as an integer; `none` for what is no finite number. */
int64_t rt__field_int(const json_t *j, const char *key, int64_t none);
/* Returns NaN for what is no number. */
double rt__field_number(const json_t *j, const char *key);
/* Returns "" for what is no string; borrowed from j. */
const char *rt__field_text(const json_t *j, const char *key);
/* Returns NULL, which json_array_size takes for an empty array, for what is none; borrowed. */
const json_t *rt__field_list(const json_t *j, const char *key);

#endif

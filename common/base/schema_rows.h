/* Rows of the schema language as JSON and back, for programs that read rows they were not compiled with.
 *
 *     json_t *described = rt__schema_describe(&schema);                        // [{"name": "decay", "kind": "number", ...}]
 *     rt__schema known;
 *     RT_TRY(rt__schema_parse(described, "lion", "key", &known));            // equivalent to the original
 */
#ifndef RINGTORCH_COMMON_BASE_SCHEMA_ROWS_H
#define RINGTORCH_COMMON_BASE_SCHEMA_ROWS_H

#include "common/base/schema.h"

/* Returns a list with one object per row: what rt__member_schema returns, plus "inferred", "free", "maybe", "word" and
 * "value" where they apply. Returns NULL if memory runs out. */
json_t *rt__schema_describe(const rt__schema *s);

/* Returns the size of the struct that the compiler makes of these rows. */
size_t rt__schema_size(const rt__schema *s);

/* Makes a schema from such a list. The list is untrusted: fails with FORMAT, naming the owner and the row, if it does
 * not describe rows. Borrows `owner`, `thing` and the texts of the list. */
rt_status rt__schema_parse(const json_t *list, const char *owner, const char *thing,
                           rt__schema *out);
/* Frees what rt__schema_parse made; a zeroed schema is allowed. */
void rt__schema_release(rt__schema *s);

#endif

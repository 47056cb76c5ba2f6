/* The journal: every decision of the coordinator, appended and fsynced before it is acted on.
 *
 *     rt__journal *j;
 *     RT_TRY(rt__journal_open("runs/x/journal", visit, &state, &j));   // replays, then appends
 *     RT_TRY(rt__journal_append(j, record));
 *     if (rt__journal_count(j) > 500)
 *         RT_TRY(rt__journal_compact(j, records, n));                  // says the same in fewer
 *     rt__journal_close(j);
 *
 * File: the 7 bytes "RTJRNL\0" and one of version, then records of a 24-byte header (little-endian:
 * length u32, number u32, XXH3-64 of the payload, XXH3-64 of the 16 bytes before) and a JSON
 * payload. A crash leaves a last record that is cut off or has unwritten sectors, which read as
 * zeros: it is dropped. Anything else that does not check is damage, and refused with its offset.
 * A file is only ever appended to or replaced by a rename, so that there is no moment at which a
 * crash, of the process or of the machine, leaves less than what was durable before. */
#ifndef RINGTORCH_COORDINATOR_JOURNAL_H
#define RINGTORCH_COORDINATOR_JOURNAL_H

#include "common/json.h"

enum { RT__JOURNAL_VERSION = 1 };

typedef struct rt__journal rt__journal;
/* Is given each record in order; a failure ends the replay. */
typedef rt_status rt__journal_visit(void *ctx, const json_t *record);

/* Opens or creates. MISMATCH: of another version; CORRUPT: damaged, with the offset; ARG: not a
 * file that can be written. */
rt_status rt__journal_open(const char *path, rt__journal_visit *visit, void *ctx,
                           rt__journal **out);
/* Only reads, while a coordinator may be writing: gives the records up to the end or to the damage, which
 * is told as above; *torn: bytes of a last record that a crash has cut off, or that is being written. */
rt_status rt__journal_read(const char *path, rt__journal_visit *visit, void *ctx, int64_t *torn);
/* Returns how many records there are. */
int64_t rt__journal_count(const rt__journal *j);
/* Appends one record and fsyncs. After a failure the file is as before. */
rt_status rt__journal_append(rt__journal *j, const json_t *record);
/* Puts a journal of exactly these records in place of the present one and goes on appending to it.
 * After a failure the journal holds the old records or the new ones, and can still be appended to.
 */
rt_status rt__journal_compact(rt__journal *j, json_t *const *records, size_t n);
void rt__journal_close(rt__journal *j);

#endif

/* The journal: every decision of the coordinator, appended and fsynced before it is acted on.
 *
 *     rt__journal *j;
 *     RT_TRY(rt__journal_open("runs/x/journal", visit, &state, &j));   // replays, then appends
 *     RT_TRY(rt__journal_append(j, record));
 *     rt__journal_close(j);
 *
 * File: the 7 bytes "RTJRNL\0" and one of version, then records of a 24-byte header (little-endian:
 * length u32, number u32, XXH3-64 of the payload, XXH3-64 of the 16 bytes before) and a JSON
 * payload. A crash leaves a tail that is cut off or holds zeros: it is dropped. Anything else that
 * does not check is damage, and refused with its offset. */
#ifndef RINGTORCH_COORDINATOR_JOURNAL_H
#define RINGTORCH_COORDINATOR_JOURNAL_H

#include "common/json.h"

enum { RT__JOURNAL_VERSION = 1 };

typedef struct rt__journal rt__journal;
/* Is given each record in order; a failure ends the replay. */
typedef rt_status rt__journal_visit(void *ctx, const json_t *record);

/* Opens or creates. MISMATCH: of another version; CORRUPT: damaged, with the offset. */
rt_status rt__journal_open(const char *path, rt__journal_visit *visit, void *ctx,
                           rt__journal **out);
/* Returns how many records there are. */
int64_t rt__journal_count(const rt__journal *j);
/* Appends one record and fsyncs. After a failure the file is as before. */
rt_status rt__journal_append(rt__journal *j, const json_t *record);
void rt__journal_close(rt__journal *j);

#endif

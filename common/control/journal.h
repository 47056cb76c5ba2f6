/* The journal: every decision of the coordinator is appended and fsynced before the coordinator acts on it.
 *
 *     rt__journal *j;
 *     RT_TRY(rt__journal_open("runs/x/journal", visit, &state, &j));   // replays, then appends
 *     RT_TRY(rt__journal_append(j, record));
 *     if (rt__journal_count(j) > 500)
 *         RT_TRY(rt__journal_compact(j, records, n));                  // the same state in fewer records
 *     rt__journal_close(j);
 *
 * File: the 7 bytes "RTJRNL\0" and one of format, then records of a 24-byte header (little-endian: length u32, number
 * u32, XXH3-64 of the payload, XXH3-64 of the 16 bytes before) and a JSON payload. A crash may leave a last record that
 * is cut off or has unwritten sectors, which read as zeros; such a record is dropped. Any other record that fails its
 * checks is damage, and the journal is refused with the offset. The file is only ever appended to or replaced by a
 * rename, so a crash of the process or the machine never loses what was durable before. */
#ifndef RINGTORCH_COMMON_CONTROL_JOURNAL_H
#define RINGTORCH_COMMON_CONTROL_JOURNAL_H

#include "common/base/json.h"

enum { RT__JOURNAL_VERSION = 1 };

typedef struct rt__journal rt__journal;
/* Called with each record in order; a failure ends the replay. FORMAT means that the callback does not understand the
 * record, CORRUPT that it cannot follow those before it, with a message that names it: the journal's error then says where the record is and
 * what to do. */
typedef rt_status rt__journal_visit(void *ctx, const json_t *record);

/* Opens or creates a journal. Fails with MISMATCH if the format is another one or a record is not understood, with
 * CORRUPT and the offset if it is damaged, with ARG if it is not a writable file. */
rt_status rt__journal_open(const char *path, rt__journal_visit *visit, void *ctx,
                           rt__journal **out);
/* Reads a journal that a coordinator may be writing. Visits the records up to the end or the damage, which is reported
 * as above. *torn gets the bytes of a last record that a crash has cut off or that is still being written. A record
 * that is not understood does not end the reading: the others are visited, and the first such record is reported
 * afterwards. */
rt_status rt__journal_read(const char *path, rt__journal_visit *visit, void *ctx, int64_t *torn);
/* Fails with MISMATCH if the journal at `path` is that of run `its` and the directory that of another run, `here` ("": it is not known
 * which). */
rt_status rt__journal_check_run(const char *path, const char *its, const char *here);
/* Returns the number of records. */
int64_t rt__journal_count(const rt__journal *j);
/* Appends one record and fsyncs. After a failure the file is as before. */
rt_status rt__journal_append(rt__journal *j, const json_t *record);
/* Replaces the journal by one of exactly these records and continues appending to that. After a failure the journal
 * holds either the old or the new records and can still be appended to.
 */
rt_status rt__journal_compact(rt__journal *j, json_t *const *records, size_t n);
void rt__journal_close(rt__journal *j);

#endif

/* Keeps the journal short, so that a coordinator that takes over has read it in a moment however long the run has been
 * going on: when it has become long, one record of what is known takes the place of all of them.
 *
 *     int64_t most = RT__JOURNAL_AT_START;
 *     RT_TRY(rt__journal_shorten(journal, &history, &most));
 */
#ifndef RINGTORCH_COORDINATOR_JOURNAL_LENGTH_H
#define RINGTORCH_COORDINATOR_JOURNAL_LENGTH_H

#include "coordinator/history.h"
#include "coordinator/journal.h"

enum {
    RT__JOURNAL_AT_START = 500, /* records that a start leaves for `ringtorch journal show` */
    RT__JOURNAL_LONGEST =
        10000 /* records in the course of a run: read within a fraction of a second */
};

/* Makes a journal of *most records or more shorter; `history` is what they say. A history too large for one record stays
 * as it is, which is logged; so that not every step tries again, *most is then twice as many, as after a failure. */
rt_status rt__journal_shorten(rt__journal *j, const rt__history *history, int64_t *most);

#endif

/* Keeps the journal short, so that a coordinator that takes over reads it in a moment, however long the run has been
 * going: once it is long, one record of all that is known replaces its records.
 *
 *     int64_t most = RT__JOURNAL_AT_START;
 *     RT_TRY(rt__journal_shorten(journal, &history, &most));
 */
#ifndef RINGTORCH_COORDINATOR_BOOKS_JOURNAL_LENGTH_H
#define RINGTORCH_COORDINATOR_BOOKS_JOURNAL_LENGTH_H

#include "common/control/journal.h"
#include "coordinator/books/history.h"

enum {
    RT__JOURNAL_AT_START = 500, /* records that a start leaves for `ringtorch journal show` */
    RT__JOURNAL_LONGEST =
        10000 /* records added in the course of a run: they are read in a fraction of a second */
};

/* Shortens a journal of *most records or more; `history` must be what its records yield. If the history is too large for
 * one record, the journal stays as it is and a warning is logged. After that, or a failure, *most is twice the number of
 * records, so that not every step tries again. */
rt_status rt__journal_shorten(rt__journal *j, const rt__history *history, int64_t *most);

#endif

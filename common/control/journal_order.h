/* Which records of a journal may follow which. Each record has its checksum and its number, but a journal from which records
 * were lost before it was copied or mended has none that is wrong; read as it stands, what is missing would count as zero.
 *
 *     rt_record_order order = {0};
 *     for each record of the journal:
 *         RT_TRY(rt_record_read_next(&order, json, &record));
 *         // CORRUPT, "record 1 is 'plan', expected 'run' or 'history' before it"
 *
 * The column `after` of journal.def and the numbers of generations say what the coordinator can write: it checks that before it does
 * (rt__history_allows). */
#ifndef RINGTORCH_COMMON_CONTROL_JOURNAL_ORDER_H
#define RINGTORCH_COMMON_CONTROL_JOURNAL_ORDER_H

#include "common/control/journal_records.h"

enum { RT_RUN_ID = 64 }; /* room for the name of a run */

/* What the records so far have said. */
typedef struct rt_record_order {
    int64_t records;
    bool unknown;        /* one of them was not understood: it may be what allows those after it */
    char run[RT_RUN_ID]; /* its name; "": no record has said it yet */
    int64_t generation;  /* the last one; 0: none */
    bool planned;        /* it was given a plan */
} rt_record_order;

/* Fails with CORRUPT if such a record cannot be the next one; `values` points to the struct of its kind. */
rt_status rt_record_may_follow(const rt_record_order *o, rt_record_kind kind, const void *values);
/* Notes that the record is the next one. */
void rt_record_follows(rt_record_order *o, rt_record_kind kind, const void *values);
/* Reads the next record and does both. Fails with FORMAT as rt_record_read does, and with CORRUPT if the record cannot follow those before
 * it. */
rt_status rt_record_read_next(rt_record_order *o, const json_t *json, rt_record *out);

#endif

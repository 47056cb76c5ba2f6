#include "coordinator/books/journal_length.h"
#include "common/base/error.h"
#include "common/base/log.h"

static rt_status replace(rt__journal *j, const rt__history *history)
{
    json_t *records = rt__history_records(history);
    if (!records)
        return rt_error_code();
    json_t *record = json_array_get(records, 0);
    rt_status status = rt__journal_compact(j, &record, 1);
    json_decref(records);
    return status;
}

rt_status rt__journal_shorten(rt__journal *j, const rt__history *history, int64_t *most)
{
    if (rt__journal_count(j) < *most || !history->run_id[0])
        return RT_OK;
    rt_status status = replace(j, history);
    if (status == RT_OK)
        return RT_OK;
    *most = 2 * rt__journal_count(j);
    if (status != RT_E_RANGE)
        return status;
    rt_log_warn("the journal cannot be made shorter: %s", rt_error());
    rt_error_clear();
    return RT_OK;
}

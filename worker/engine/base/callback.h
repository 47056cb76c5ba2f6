/* Checks what functions of rows return, which users write in plugins: a failure must have a message in the error slot, and a
 * message in the slot is a failure.
 *
 *     RT_TRY(rt__callback_status(row->open(t, options, data), "task huber", ".open"));
 */
#ifndef RINGTORCH_WORKER_ENGINE_BASE_CALLBACK_H
#define RINGTORCH_WORKER_ENGINE_BASE_CALLBACK_H

#include "common/base/error.h"
#include "common/config/added.h"

/* Returns the status of a call. Fails with CONFIG, naming row and member, if the function failed without a message. */
static inline rt_status rt__callback_status(rt_status returned, const char *row, const char *member)
{
    if (returned == RT_OK || rt_failed())
        return rt_error_code();
    return RT_FAIL(CONFIG,
                   "%s: %s returned RT_E_%s without a message: say what is wrong with rt_fail", row,
                   member, rt_status_name(returned));
}

/* Puts row and member before the message of a function that failed, if the row is a plugin's: built-in rows name themselves. */
static inline rt_status rt__callback_named(const rt__added *added, const char *kind,
                                           const char *name, const char *member)
{
    char row[RT__ADDED_NAME];
    if (!rt_failed() || !added || !added->description)
        return rt_error_code();
    rt__added_name(added, kind, name, row);
    return rt_error_prefix("%s: %s", row, member);
}

/* The same as rt__callback_status for a function that returns an object. */
static inline rt_status rt__callback_object(const void *returned, const char *row,
                                            const char *member)
{
    if (returned || rt_failed())
        return rt_error_code();
    return RT_FAIL(CONFIG, "%s: %s returned NULL without a message: say what is wrong with rt_fail",
                   row, member);
}

#endif

/* How a function reports a failure in the first-error slot and passes it on to its caller.
 *
 *     rt_status rt_thing_open(const char *path, rt_thing **out)
 *     {
 *         rt_thing *t = NULL;
 *         RT_TRY(rt_file_read(path, &bytes));                  // returns its status on failure
 *         if (bytes.len < 16)
 *             return RT_FAIL(CORRUPT, "%s: %zu bytes, expected at least 16", path, bytes.len);
 *         ...
 *     }
 *
 * A message names the thing at fault (file, key, rank, shape, byte), then what was expected, then
 * what to do; no trailing newline or full stop. Functions that return pointers use RT_FAIL_NULL. */
#ifndef RINGTORCH_COMMON_BASE_ERROR_H
#define RINGTORCH_COMMON_BASE_ERROR_H

#include <ringtorch/status.h>

/* Fills the slot unless it is already filled; always returns the code. */
#define RT_FAIL(code, ...)      rt_fail_at(__FILE__, __LINE__, RT_E_##code, __VA_ARGS__)
#define RT_FAIL_NULL(code, ...) (RT_FAIL(code, __VA_ARGS__), NULL)

/* Puts "<text>: " in front of the message in the slot, to say what was being attempted; returns the code. Does nothing
 * when the slot is empty. */
__attribute__((format(printf, 1, 2))) rt_status rt_error_prefix(const char *fmt, ...);

/* Evaluates a call that returns rt_status; on failure returns that status (or jumps to label). */
#define RT_TRY(call)                                                                               \
    do {                                                                                           \
        rt_status rt_try_ = (call);                                                                \
        if (rt_try_ != RT_OK)                                                                      \
            return rt_try_;                                                                        \
    } while (0)
/* Needs a variable `rt_status status` in scope. */
#define RT_TRY_GOTO(call, label)                                                                   \
    do {                                                                                           \
        status = (call);                                                                           \
        if (status != RT_OK)                                                                       \
            goto label;                                                                            \
    } while (0)

/* An error of one thread, to hand to the thread that joins it. */
typedef struct rt_saved_error {
    rt_status code;
    char place[96];
    char text[1024];
} rt_saved_error;

/* Copies the slot into *e and empties the slot. */
void rt_error_save(rt_saved_error *e);
/* Fills the calling thread's slot from *e (no-op if e->code is RT_OK or the slot is filled);
 * returns e->code. */
rt_status rt_error_restore(const rt_saved_error *e);

/* Checks an argument that must not be NULL. Returns false and fails with ARG if it is: "st_open: the path is NULL". */
bool rt__given(const void *argument, const char *what, const char *name);

/* For our own bugs only, never for user input. Prints the place and aborts; kept in release. */
#define RT_ASSERT(cond) ((cond) ? (void)0 : rt_assert_failed(__FILE__, __LINE__, #cond))
__attribute__((noreturn, cold)) void rt_assert_failed(const char *file, int line, const char *cond);

#endif

/* The first-error slot: one per thread, filled by the first failure, emptied only on purpose. */
#include "common/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/text.h"

/* Fixed size, so that reporting an error needs no memory: running out of it is one of the errors.
 */
static _Thread_local rt_saved_error slot;

/* Returns the path from the project's folder on, e.g. "common/file.c", however the build named it.
 */
static const char *short_path(const char *file)
{
    static const char *const folders[] = {"common/", "kernels/", "worker/", "coordinator/",
                                          "launch/", "tests/",   "include/"};
    const char *best = NULL;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        const char *at = strstr(file, folders[i]);
        if (at && (!best || at < best) && (at == file || at[-1] == '/'))
            best = at;
    }
    return best ? best : file;
}

/* Messages quote what others have written (names of tensors, keys, hosts), and end on terminals and in logs. */
__attribute__((format(printf, 3, 0))) static void form(char *to, size_t room, const char *fmt,
                                                       va_list args)
{
    char raw[sizeof slot.text];
    vsnprintf(raw, sizeof raw, fmt, args);
    rt_text_printable(to, room, raw);
}

rt_status rt_fail_at(const char *file, int line, rt_status code, const char *fmt, ...)
{
    if (slot.code != RT_OK)
        return code;
    slot.code = code;
    snprintf(slot.place, sizeof slot.place, "%s:%d", short_path(file), line);
    va_list args;
    va_start(args, fmt);
    form(slot.text, sizeof slot.text, fmt, args);
    va_end(args);
    return code;
}

rt_status rt_error_prefix(const char *fmt, ...)
{
    if (slot.code == RT_OK)
        return RT_OK;
    char prefix[sizeof slot.text];
    va_list args;
    va_start(args, fmt);
    form(prefix, sizeof prefix, fmt, args);
    va_end(args);
    size_t last = sizeof slot.text - 1, head = strnlen(prefix, last - 2);
    memmove(slot.text + head + 2, slot.text, last - head - 2);
    memcpy(slot.text, prefix, head);
    memcpy(slot.text + head, ": ", 2);
    return slot.code;
}

bool rt_failed(void)
{
    return slot.code != RT_OK;
}

rt_status rt_error_code(void)
{
    return slot.code;
}

const char *rt_error(void)
{
    return slot.code == RT_OK ? "" : slot.text;
}

const char *rt_error_place(void)
{
    return slot.code == RT_OK ? "" : slot.place;
}

void rt_error_clear(void)
{
    slot.code = RT_OK;
}

void rt_error_save(rt_saved_error *e)
{
    *e = slot;
    slot.code = RT_OK;
}

rt_status rt_error_restore(const rt_saved_error *e)
{
    if (slot.code == RT_OK)
        slot = *e;
    return e->code;
}

void rt_assert_failed(const char *file, int line, const char *cond)
{
    fprintf(stderr, "ringtorch: bug: %s:%d: assertion failed: %s\n", short_path(file), line, cond);
    abort();
}

bool rt__given(const void *argument, const char *what, const char *name)
{
    return argument || (RT_FAIL(ARG, "%s: the %s is NULL", what, name), false);
}

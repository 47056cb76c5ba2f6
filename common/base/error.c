/* The first-error slot: one per thread, filled by the first failure, emptied only on purpose. */
#include "common/base/error.h"

#include "common/base/unicode.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fixed size, so that reporting an error needs no memory: running out of memory is itself an error to report.
 */
static _Thread_local rt_saved_error slot;

/* Returns the path within the project, "common/base/file.c". The build passes all files with the same root as this one. */
static const char *short_path(const char *file)
{
    static const char this[] = __FILE__;
    const size_t root = sizeof this - sizeof "common/base/error.c";
    return strncmp(file, this, root) == 0 ? file + root : file;
}

/* Makes the text printable: messages quote text from outside (names of tensors, keys, hosts) and end up on terminals
 * and in logs. */
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
    if (!argument)
        RT_FAIL(ARG, "%s: the %s is NULL", what, name);
    return argument != NULL;
}

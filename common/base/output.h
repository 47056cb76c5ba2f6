/* Outputs whose path a user has chosen: `export --out`, `eval --logits`, rt_nn_save.
 *
 *     rt_output o;
 *     RT_TRY(rt_output_open(path, &o));              // before the work whose result goes there
 *     rt_status status = rt_output_write(&o, data, len);
 *     if (status == RT_OK)
 *         return rt_output_commit(&o);               // now the whole file is in place
 *     rt_output_discard(&o);                         // what was there before is untouched
 *     return status;
 *
 * What a path means:
 * - a file, or nothing yet: written into a new file without a name, which takes its place once every byte is on disk; a
 *   program that is killed leaves nothing behind (common/base/temporary.h). An existing file passes on its mode and,
 *   where allowed, its owner; a new one has mode 0644 less the umask.
 * - a symbolic link: the file it points to is replaced; the link stays.
 * - "-", /dev/stdout, /dev/stderr, /dev/fd/N: that open descriptor.
 * - a pipe or a character device: written directly, because there is nothing to replace.
 * - a directory, a socket, a disk, a terminal, a file that may not be written: refused with ARG before
 *   anything is changed.
 *
 * Failures name the path, as in common/base/file.h. */
#ifndef RINGTORCH_COMMON_BASE_OUTPUT_H
#define RINGTORCH_COMMON_BASE_OUTPUT_H

#include "common/base/temporary.h"
#include <ringtorch/status.h>
#include <stddef.h>
#include <stdio.h>

typedef struct rt_output {
    int fd;     /* -1: not open */
    char *name; /* as the user wrote it */
    /* holds fd and replaces the file that the links lead to; if its target is NULL, fd is written directly */
    rt__temporary file;
} rt_output;

/* Fails with ARG if the output to `path` would replace one of `inputs` (paths, ending with NULL) under any name, or a
 * file that belongs to a run or a checkpoint (common/base/run_files.h). Call it before rt_output_open for paths from a
 * command line. */
rt_status rt_output_check(const char *path, const char *const *inputs);

/* Opens the output. An existing file stays unchanged until rt_output_commit; a device or pipe is written at once. */
rt_status rt_output_open(const char *path, rt_output *out);
rt_status rt_output_write(rt_output *o, const void *data, size_t len);
/* Makes all that was written durable and puts it in place; on failure the old file stays as it was. Frees o in both
 * cases. */
rt_status rt_output_commit(rt_output *o);
/* Frees o and removes what was written. Does nothing for {.fd = -1}. */
void rt_output_discard(rt_output *o);

/* Returns where to print a remark beside the output to `path`: standard error if the output is
 * standard output, else standard output. */
FILE *rt_output_remarks(const char *path);

/* Flushes standard output and remembers the error for rt_output_end to report. Use it instead of fflush(stdout), which
 * loses the error. */
void rt_output_flush(void);

/* Ends a program's output: main() ends with `return rt_output_end(code)`. Returns exit_code, or 1 instead of 0 after
 * reporting that standard output could not take everything printed. */
int rt_output_end(int exit_code);

#endif

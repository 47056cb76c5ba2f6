/* Outputs whose path a user has chosen: `export --out`, `eval --logits`, rt_nn_save.
 *
 *     rt_output o;
 *     RT_TRY(rt_output_open(path, &o));              // before the work whose result goes there
 *     rt_status status = rt_output_write(&o, data, len);
 *     if (status == RT_OK)
 *         return rt_output_commit(&o);               // now it is there, whole
 *     rt_output_discard(&o);                         // what was there before is as it was
 *     return status;
 *
 * What a path means:
 * - a file, or nothing yet: written into a new file without a name, which takes its place when every byte
 *   is on disk; of a program that is killed nothing is left (common/temporary.h). A file that was there
 *   gives its mode and, where that is allowed, its owner; a new one has mode 0644 less the umask.
 * - a symbolic link: the file that it leads to is replaced; the link stays.
 * - "-", /dev/stdout, /dev/stderr, /dev/fd/N: that open descriptor.
 * - a pipe or a character device: written straight through, since it has nothing to replace.
 * - a directory, a socket, a disk, a terminal, a file that may not be written: refused with ARG before
 *   anything is changed.
 *
 * Failures name the path, as in common/file.h. */
#ifndef RINGTORCH_COMMON_OUTPUT_H
#define RINGTORCH_COMMON_OUTPUT_H

#include <stddef.h>
#include <stdio.h>
#include <ringtorch/status.h>
#include "common/temporary.h"

typedef struct rt_output {
    int fd;     /* -1: not open */
    char *name; /* as the user said it */
    rt__temporary
        file; /* has fd, and replaces the file there, links followed; of target NULL: written straight through */
} rt_output;

/* ARG if the output to `path` would replace one of `inputs` (paths, up to NULL), by whatever name, or a file that belongs
 * to a run or a checkpoint (common/run_files.h); for paths that come from a command line, before rt_output_open. */
rt_status rt_output_check(const char *path, const char *const *inputs);

/* Opens; nothing of what is there is changed until rt_output_commit, unless it is no file. */
rt_status rt_output_open(const char *path, rt_output *out);
rt_status rt_output_write(rt_output *o, const void *data, size_t len);
/* Makes all that was written durable and puts it in place; frees o, also on failure, after which what
 * was there before is as it was. */
rt_status rt_output_commit(rt_output *o);
/* Frees o and removes what was written. Fine for an output that is {.fd = -1}. */
void rt_output_discard(rt_output *o);

/* Returns where to print a remark beside the output to `path`: standard error if the output is
 * standard output, else standard output. */
FILE *rt_output_remarks(const char *path);

/* Flushes standard output; rt_output_end tells why it could not. In place of fflush(stdout), after which nobody
 * knows any more. */
void rt_output_flush(void);

/* Ends what a program prints: `return rt_output_end(code)` is how main() ends. Returns exit_code, or 1
 * in place of 0 if standard output could not take all that was printed, which it says. */
int rt_output_end(int exit_code);

#endif

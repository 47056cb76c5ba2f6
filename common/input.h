/* Opening and reading what others have written. The path may lead anywhere, so what lies there is looked at before
 * anything is read: opening never waits (a FIFO without a writer), and reading always ends (/dev/zero).
 *
 *     int fd;
 *     int64_t bytes;
 *     RT_TRY(rt_input_open("piece-00000.safetensors", RT_INPUT_FILE, &fd, &bytes));
 *     ... compare bytes with what is expected, then read ...
 *     close(fd);
 *
 * Failures name the path, as in common/file.h; what is of the wrong kind ("is a pipe, expected a regular file") gives
 * RT_E_ARG. */
#ifndef RINGTORCH_COMMON_INPUT_H
#define RINGTORCH_COMMON_INPUT_H

#include <stdint.h>
#include "common/file.h"

typedef enum rt_input_kind {
    RT_INPUT_FILE,         /* a regular file */
    RT_INPUT_FILE_OR_PIPE, /* or what a shell makes of <(command) and of a pipe into /dev/stdin */
} rt_input_kind;

/* Opens for reading; *bytes: the length of a regular file, 0 for a pipe. */
rt_status rt_input_open(const char *path, rt_input_kind kind, int *fd, int64_t *bytes);
/* Reads all of it, at most `limit` bytes (RANGE beyond). A pipe that stays silent for half a minute fails. */
rt_status rt_input_read(const char *path, rt_input_kind kind, size_t limit, rt_bytes *out);
/* A file of lines is not read beyond one that is longer than this: nobody writes such a line, but a file with a hole in it
 * (a disk that was full, a machine that lost power) reads as one of terabytes. */
enum { RT_INPUT_LINE_MAX = 1 << 20 };
/* Fails with CORRUPT for a line that begins at `byte` and is longer. */
rt_status rt_input_line_too_long(const char *path, int64_t byte);
/* Reads the end of a regular file as text, from the beginning of a line on; at most `limit` bytes. */
rt_status rt_input_tail(const char *path, size_t limit, rt_bytes *out);

#endif

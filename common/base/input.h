/* Opening and reading files that others have written. The path may lead to anything, so its kind is checked before
 * anything is read: opening never waits (as it would for a FIFO without a writer), and reading always ends (even of
 * /dev/zero).
 *
 *     int fd;
 *     int64_t bytes;
 *     RT_TRY(rt_input_open("piece-00000.safetensors", RT_INPUT_FILE, &fd, &bytes));
 *     ... compare bytes with what is expected, then read ...
 *     close(fd);
 *
 * Failures name the path, as in common/base/file.h; a file of the wrong kind ("is a pipe, expected a regular file")
 * gives RT_E_ARG. */
#ifndef RINGTORCH_COMMON_BASE_INPUT_H
#define RINGTORCH_COMMON_BASE_INPUT_H

#include <ringtorch/status.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rt_bytes {
    uint8_t *data; /* owned; one zero byte follows the end, so text can be used as a string */
    size_t len;
} rt_bytes;
void rt_bytes_release(rt_bytes *b);

typedef enum rt_input_kind {
    RT_INPUT_FILE,         /* a regular file */
    RT_INPUT_FILE_OR_PIPE, /* or a pipe, as a shell makes for <(command) and /dev/stdin */
} rt_input_kind;

/* Opens for reading and sets *bytes to the length of a regular file, or to 0 for a pipe. */
rt_status rt_input_open(const char *path, rt_input_kind kind, int *fd, int64_t *bytes);
/* Reads the whole input, at most `limit` bytes (else RANGE). Fails if a pipe stays silent for half a minute. */
rt_status rt_input_read(const char *path, rt_input_kind kind, size_t limit, rt_bytes *out);
/* Reads the rest of an input that is open, at most `limit` bytes (else RANGE); messages name `path`. */
rt_status rt_input_read_open(int fd, const char *path, size_t limit, rt_bytes *out);
/* Reads a whole regular file of at most `limit` bytes. */
rt_status rt_file_read(const char *path, size_t limit, rt_bytes *out);
/* The longest line that readers accept. Nobody writes a longer one, but a file with a hole in it (after a full disk or
 * a power failure) may read as a single line of terabytes. */
enum { RT_INPUT_LINE_MAX = 1 << 20 };
/* Fails with CORRUPT: the line that begins at `byte` is longer than RT_INPUT_LINE_MAX. */
rt_status rt_input_line_too_long(const char *path, int64_t byte);
/* Reads the last lines of a regular file, as many whole ones as fit into `limit` bytes. */
rt_status rt_input_tail(const char *path, size_t limit, rt_bytes *out);

#endif

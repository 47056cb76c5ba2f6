/* Inputs: the kind of file at a path is checked before its contents are read. */
#include "common/base/input.h"

#include "common/base/error.h"
#include "common/base/file_error.h"
#include "common/base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_STEP = 1 << 16, PIPE_SECONDS = 30 };

void rt_bytes_release(rt_bytes *b)
{
    rt_mem_free(b->data);
    *b = (rt_bytes){0};
}

static const char *kind_name(mode_t mode)
{
    return S_ISDIR(mode)    ? "a directory"
           : S_ISFIFO(mode) ? "a pipe"
           : S_ISSOCK(mode) ? "a socket"
           : S_ISCHR(mode)  ? "a character device"
           : S_ISBLK(mode)  ? "a block device"
                            : "no file";
}

static rt_status check_kind(const char *path, const struct stat *st, rt_input_kind kind)
{
    bool pipe_too = kind == RT_INPUT_FILE_OR_PIPE;
    if (S_ISREG(st->st_mode) || (pipe_too && S_ISFIFO(st->st_mode)))
        return RT_OK;
    return RT_FAIL(ARG, "%s: is %s, expected a regular file%s", path, kind_name(st->st_mode),
                   pipe_too ? " or a pipe" : "");
}

rt_status rt_input_open(const char *path, rt_input_kind kind, int *fd, int64_t *bytes)
{
    struct stat st;
    *bytes = 0;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*fd < 0) /* ENXIO: a socket cannot be opened, and strerror does not explain that */
        return errno == ENXIO && stat(path, &st) == 0 ? check_kind(path, &st, kind)
                                                      : RT__FAIL_ERRNO(path, "open");
    rt_status status =
        fstat(*fd, &st) == 0 ? check_kind(path, &st, kind) : RT__FAIL_ERRNO(path, "look at");
    if (status != RT_OK) {
        close(*fd);
        *fd = -1;
        return status;
    }
    *bytes = S_ISREG(st.st_mode) ? st.st_size : 0;
    return RT_OK;
}

/* Waits until a pipe has data; regular files always do. A pipe that nobody has opened for writing yet would read as
 * empty, so wait first. */
static rt_status wait_for_data(int fd, const char *path)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int n;
    do
        n = poll(&p, 1, PIPE_SECONDS * 1000);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return RT__FAIL_ERRNO(path, "wait for");
    return n > 0 ? RT_OK
                 : RT_FAIL(ARG,
                           "%s: is a pipe that has been silent for %d s: check that its "
                           "writer still runs",
                           path, PIPE_SECONDS);
}

/* Reads to the end of fd, but at most about limit bytes. The buffer grows with the data that arrive, so that pipes work
 * and a wrong st_size does no harm. */
static rt_status read_all(int fd, const char *path, size_t limit, rt_bytes *b)
{
    size_t room = 0;
    for (;;) {
        if (room - b->len < READ_STEP) {
            size_t wanted = room ? 2 * room : READ_STEP;
            uint8_t *grown = rt_realloc(b->data, wanted + 1);
            if (!grown)
                return rt_error_prefix("%s", path);
            b->data = grown;
            room = wanted;
        }
        RT_TRY(wait_for_data(fd, path));
        ssize_t n = read(fd, b->data + b->len, room - b->len);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0)
            return RT__FAIL_ERRNO(path, "read");
        b->len += (size_t)n;
        if (b->len > limit)
            return RT_FAIL(RANGE, "%s: larger than the %zu bytes allowed here", path, limit);
        if (n == 0)
            break;
    }
    b->data[b->len] = 0;
    return RT_OK;
}

rt_status rt_input_read_open(int fd, const char *path, size_t limit, rt_bytes *out)
{
    *out = (rt_bytes){0};
    rt_status status = read_all(fd, path, limit, out);
    if (status != RT_OK)
        rt_bytes_release(out);
    return status;
}

rt_status rt_input_read(const char *path, rt_input_kind kind, size_t limit, rt_bytes *out)
{
    int fd;
    int64_t bytes;
    *out = (rt_bytes){0};
    RT_TRY(rt_input_open(path, kind, &fd, &bytes));
    rt_status status =
        bytes > 0 && (uint64_t)bytes > limit
            ? RT_FAIL(RANGE, "%s: larger than the %zu bytes allowed here", path, limit)
            : rt_input_read_open(fd, path, limit, out);
    close(fd);
    return status;
}

rt_status rt_file_read(const char *path, size_t limit, rt_bytes *out)
{
    return rt_input_read(path, RT_INPUT_FILE, limit, out);
}

rt_status rt_input_line_too_long(const char *path, int64_t byte)
{
    return RT_FAIL(CORRUPT,
                   "%s: damaged at byte %" PRId64
                   ": no end of the line in the next %d KiB: cut the "
                   "file there, or move it away",
                   path, byte, RT_INPUT_LINE_MAX >> 10);
}

static rt_status read_tail(int fd, const char *path, int64_t bytes, size_t limit, rt_bytes *b)
{
    off_t from = (uint64_t)bytes > limit ? bytes - (off_t)limit : 0;
    b->data = rt_malloc(limit + 1);
    if (!b->data)
        return rt_error_prefix("%s", path);
    ssize_t n = pread(fd, b->data, limit, from);
    if (n < 0)
        return RT__FAIL_ERRNO(path, "read");
    b->len = (size_t)n;
    uint8_t *newline = from > 0 ? memchr(b->data, '\n', b->len) : NULL;
    if (newline) {
        b->len -= (size_t)(newline + 1 - b->data);
        memmove(b->data, newline + 1, b->len);
    }
    b->data[b->len] = 0;
    return RT_OK;
}

rt_status rt_input_tail(const char *path, size_t limit, rt_bytes *out)
{
    int fd;
    int64_t bytes;
    *out = (rt_bytes){0};
    RT_TRY(rt_input_open(path, RT_INPUT_FILE, &fd, &bytes));
    rt_status status = read_tail(fd, path, bytes, limit, out);
    close(fd);
    if (status != RT_OK)
        rt_bytes_release(out);
    return status;
}

/* Files: whole writes, and replacement that leaves either the old content or the new, never a part. */
#include "common/base/file.h"

#include "common/base/error.h"
#include "common/base/file_error.h"
#include "common/base/mem.h"
#include "common/base/temporary.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* Opens a file, which need not exist yet, or a device for writing. A pipe is refused: opening it may wait for a reader,
 * and it may fill up. */
static rt_status open_regular(const char *path, int how, int *fd)
{
    struct stat st;
    *fd = open(path, O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | how, 0644);
    if (*fd < 0 && errno != ENXIO) /* ENXIO: a pipe without a reader, or a socket */
        return RT__FAIL_ERRNO(path, "open");
    if (*fd >= 0 && fstat(*fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISCHR(st.st_mode)))
        return RT_OK;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    return RT_FAIL(ARG, "%s: is a pipe or a socket, expected a file: remove it", path);
}

rt_status rt_file_create(const char *path, int *fd)
{
    return open_regular(path, O_WRONLY | O_TRUNC, fd);
}

rt_status rt_file_write(int fd, const char *path, const void *data, size_t len)
{
    const char *at = data;
    while (len > 0) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return RT__FAIL_ERRNO(path, "write");
        at += n;
        len -= (size_t)n;
    }
    return RT_OK;
}

rt_status rt_file_finish(int fd, const char *path)
{
    /* EINVAL comes from a pipe or a device, which has nothing to sync. */
    rt_status status = fsync(fd) < 0 && errno != EINVAL ? RT__FAIL_ERRNO(path, "sync") : RT_OK;
    if (close(fd) < 0 && status == RT_OK)
        return RT__FAIL_ERRNO(path, "close");
    return status;
}

static rt_status replace(const char *path, const void *data, size_t len, mode_t mode)
{
    rt__temporary t;
    RT_TRY(rt__temporary_create(path, mode, &t));
    rt_status status = rt_file_write(t.fd, path, data, len);
    if (status == RT_OK)
        return rt__temporary_commit(&t);
    rt__temporary_discard(&t);
    return status;
}

rt_status rt_file_replace(const char *path, const void *data, size_t len)
{
    return replace(path, data, len, 0644);
}

rt_status rt_file_replace_secret(const char *path, const void *data, size_t len)
{
    return replace(path, data, len, 0600);
}

rt_status rt_file_open_log(const char *path, int *fd)
{
    return open_regular(path, O_WRONLY | O_APPEND, fd);
}

/* Writes the offset behind the last newline, which is 0 in a device, or -1 if what follows it is longer than lines may be. */
static rt_status find_end_of_lines(int fd, const char *path, off_t *end)
{
    char block[4096];
    off_t size = lseek(fd, 0, SEEK_END);
    for (*end = size; *end > 0;) {
        if (size - *end > RT_INPUT_LINE_MAX) { /* a file with a hole may have terabytes */
            *end = -1;
            return RT_OK;
        }
        size_t len = *end < (off_t)sizeof block ? (size_t)*end : sizeof block;
        ssize_t n = pread(fd, block, len, *end - (off_t)len);
        if (n != (ssize_t)len)
            return n < 0 ? RT__FAIL_ERRNO(path, "read") : RT_FAIL(IO, "%s: became shorter", path);
        const char *newline = memrchr(block, '\n', len);
        if (newline) {
            *end -= (off_t)len - (newline + 1 - block);
            return RT_OK;
        }
        *end -= (off_t)len;
    }
    *end = 0;
    return RT_OK;
}

rt_status rt_file_open_lines(const char *path, int *fd)
{
    off_t end;
    RT_TRY(open_regular(path, O_RDWR | O_APPEND, fd));
    rt_status status = find_end_of_lines(*fd, path, &end);
    if (status == RT_OK && end < 0)
        status = rt_file_write(*fd, path, "\n", 1);
    else if (status == RT_OK && end < lseek(*fd, 0, SEEK_END) && ftruncate(*fd, end) != 0)
        status = RT__FAIL_ERRNO(path, "remove its incomplete last line");
    if (status != RT_OK)
        close(*fd);
    return status;
}

rt_status rt_file_append_line(const char *path, const char *line)
{
    int fd;
    RT_TRY(rt_file_open_lines(path, &fd));
    struct iovec parts[] = {{.iov_base = (void *)line, .iov_len = strlen(line)},
                            {.iov_base = (void *)"\n", .iov_len = 1}};
    ssize_t n = writev(fd, parts, 2), wanted = (ssize_t)(parts[0].iov_len + 1);
    rt_status status = RT_OK;
    if (n < 0)
        status = RT__FAIL_ERRNO(path, "append");
    else if (n != wanted) { /* the disk is full: a partial line is worse than none */
        status = RT_FAIL(NOSPACE,
                         "%s: cannot append: there is room for %zd of %zd bytes: free some space",
                         path, n, wanted);
        if (ftruncate(fd, lseek(fd, 0, SEEK_CUR) - n) != 0)
            status = RT__FAIL_ERRNO(path, "remove the partial line again");
    }
    if (close(fd) < 0 && status == RT_OK)
        status = RT__FAIL_ERRNO(path, "close");
    return status;
}

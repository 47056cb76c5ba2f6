#include "launch/jobs/log_limit.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/file_error.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char left_out[] =
    "[lines left out: a log this long keeps only its first and last ones]\n";

/* Reads a part of a file. Returns its length, 0 if there is none or it cannot be read. */
static size_t read_part(int fd, char *to, size_t room, off_t at)
{
    ssize_t n = pread(fd, to, room, at);
    return n > 0 ? (size_t)n : 0;
}

/* Truncates the file after its first lines and appends its last ones. */
static rt_status shorten(int fd, const char *path, off_t size, char *part)
{
    size_t n = read_part(fd, part, RT__LOG_KEPT, 0);
    const char *end = memrchr(part, '\n', n);
    off_t first = end ? end + 1 - part : 0;
    n = read_part(fd, part, RT__LOG_KEPT, size - RT__LOG_KEPT);
    const char *begin = memchr(part, '\n', n);
    size_t skipped = begin ? (size_t)(begin + 1 - part) : 0;
    if (ftruncate(fd, first) != 0)
        return RT__FAIL_ERRNO(path, "shorten");
    RT_TRY(rt_file_write(fd, path, left_out, sizeof left_out - 1));
    return rt_file_write(fd, path, part + skipped, n - skipped);
}

rt_status rt__log_create(const char *path, int *fd)
{
    char *copy = rt_strdup(path), *slash = copy ? strrchr(copy, '/') : NULL;
    if (slash)
        *slash = '\0';
    rt_status status = copy ? rt_dir_make_in_place(copy, 0755) : rt_error_code();
    rt_mem_free(copy);
    RT_TRY(status);
    RT_TRY(rt_file_create(path, fd));
    fcntl(*fd, F_SETFL, O_APPEND);
    return RT_OK;
}

rt_status rt__log_shorten(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0 || st.st_size <= RT__LOG_MOST)
        return RT_OK;
    int fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return RT__FAIL_ERRNO(path, "open");
    char *part = rt_malloc(RT__LOG_KEPT);
    rt_status status = part ? shorten(fd, path, st.st_size, part) : RT_E_NOMEM;
    rt_mem_free(part);
    close(fd);
    return status;
}

void rt__log_tend(const char *path, double *next_look)
{
    double now = rt_clock();
    if (now < *next_look)
        return;
    *next_look = now + 1;
    if (rt__log_shorten(path) != RT_OK) {
        rt_log_warn("%s", rt_error());
        rt_error_clear();
    }
}

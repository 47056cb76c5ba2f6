#include "common/base/output.h"

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/file_error.h"
#include "common/base/mem.h"
#include "common/base/run_files.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINKS_MOST = 40 }; /* as many as the kernel follows */

/* ---- the meaning of a path ---- */

/* Returns the descriptor that a path names by its number, or -1. Opening such a path instead would write the file
 * behind it from its first byte. */
static int named_descriptor(const char *path)
{
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
    if (strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0)
        return STDOUT_FILENO;
    if (strcmp(path, "/dev/stderr") == 0)
        return STDERR_FILENO;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        size_t n = strlen(folders[i]);
        char *end;
        long fd = strncmp(path, folders[i], n) == 0 ? strtol(path + n, &end, 10) : -1;
        if (fd >= 0 && fd <= INT_MAX && path[n] != '\0' && *end == '\0')
            return (int)fd;
    }
    return -1;
}

/* Returns in *out the path at the end of all symbolic links, which need not exist (rt_malloc). */
static rt_status follow_links(const char *path, char **out)
{
    char text[PATH_MAX];
    char *at = rt_strdup(path);
    for (int i = 0; i <= LINKS_MOST && at; i++) {
        ssize_t n = readlink(at, text, sizeof text - 1);
        if (n < 0) { /* not a link: the end */
            *out = at;
            return RT_OK;
        }
        text[n] = '\0';
        const char *slash = strrchr(at, '/'); /* a relative link starts in its own folder */
        int folder = text[0] == '/' || !slash ? 0 : (int)(slash - at + 1);
        char *next = rt_strdup_printf("%.*s%s", folder, at, text);
        rt_mem_free(at);
        at = next;
    }
    if (!at)
        return rt_error_prefix("%s", path);
    rt_mem_free(at);
    errno = ELOOP;
    return RT__FAIL_ERRNO(path, "write");
}

/* ---- files that must not be replaced ---- */

static bool is_same_file(const char *a, const char *b)
{
    struct stat first, second;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && S_ISREG(first.st_mode) &&
           first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

rt_status rt_output_check(const char *path, const char *const *inputs)
{
    char *end, *owner;
    if (named_descriptor(path) >= 0)
        return RT_OK;
    for (; *inputs; inputs++)
        if (is_same_file(path, *inputs))
            return RT_FAIL(ARG, "%s: would overwrite the input %s: give another file", path,
                           *inputs);
    RT_TRY(follow_links(path, &end));
    bool owned = rt_run_owns(end, &owner);
    rt_mem_free(end);
    if (!owned)
        return RT_OK;
    RT_FAIL(ARG, "%s: belongs to %s: write to another place", path, owner ? owner : "a run");
    rt_mem_free(owner);
    return rt_error_code();
}

/* ---- opening ---- */

static rt_status open_descriptor(rt_output *o, int number)
{
    fflush(number == STDOUT_FILENO ? stdout : stderr); /* keeps the order with earlier prints */
    o->fd = fcntl(number, F_DUPFD_CLOEXEC, 0);
    return o->fd >= 0 ? RT_OK : RT__FAIL_ERRNO(o->name, "write");
}

static rt_status open_through(rt_output *o)
{
    o->fd = open(o->name, O_WRONLY | O_NOCTTY | O_CLOEXEC);
    return o->fd >= 0 ? RT_OK : RT__FAIL_ERRNO(o->name, "open");
}

/* EINVAL means that the owner has no number here, as in a container whose user namespace does not map it. Only the
 * read, write and execute bits of the mode are kept: we must not create set-user-ID files. */
static rt_status copy_owner_and_mode(rt_output *o, const struct stat *old)
{
    bool taken = fchown(o->fd, old->st_uid, old->st_gid) == 0;
    if (!taken && errno != EPERM && errno != EINVAL)
        return RT__FAIL_ERRNO(o->name, "set the owner");
    return fchmod(o->fd, old->st_mode & 0777) == 0 ? RT_OK
                                                   : RT__FAIL_ERRNO(o->name, "set the mode");
}

/* `old` is the existing file, or NULL. */
static rt_status open_beside(rt_output *o, const struct stat *old)
{
    if (old && access(o->name, W_OK) < 0)
        return RT__FAIL_ERRNO(o->name, "write");
    char *target;
    RT_TRY(follow_links(o->name, &target));
    rt_status status = rt__temporary_create(target, 0644, &o->file);
    rt_mem_free(target);
    RT_TRY(status);
    o->fd = o->file.fd;
    return old ? copy_owner_and_mode(o, old) : RT_OK;
}

static rt_status refuse(const char *path, const char *what)
{
    return RT_FAIL(ARG, "%s: is a %s: give the name of a file", path, what);
}

static rt_status open_any(rt_output *o)
{
    struct stat st;
    int number = named_descriptor(o->name);
    if (o->name[0] == '\0')
        return RT_FAIL(ARG, "'': is not a path: give the name of a file");
    if (number >= 0)
        return open_descriptor(o, number);
    if (stat(o->name, &st) < 0)
        return errno == ENOENT ? open_beside(o, NULL) : RT__FAIL_ERRNO(o->name, "write");
    switch (st.st_mode & S_IFMT) {
    case S_IFREG:
        return open_beside(o, &st);
    case S_IFIFO:
    case S_IFCHR:
        return open_through(o);
    case S_IFDIR:
        return refuse(o->name, "directory");
    case S_IFBLK:
        return refuse(o->name, "disk");
    default:
        return refuse(o->name, "socket");
    }
}

rt_status rt_output_open(const char *path, rt_output *out)
{
    *out = (rt_output){.fd = -1, .name = rt_strdup(path)};
    rt_status status = out->name ? open_any(out) : rt_error_code();
    if (status == RT_OK && isatty(out->fd))
        status = refuse(path, "terminal");
    if (status != RT_OK)
        rt_output_discard(out);
    return status;
}

/* ---- writing ---- */

rt_status rt_output_write(rt_output *o, const void *data, size_t len)
{
    return rt_file_write(o->fd, o->name, data, len);
}

rt_status rt_output_commit(rt_output *o)
{
    rt_status status =
        o->file.target ? rt__temporary_commit(&o->file) : rt_file_finish(o->fd, o->name);
    o->fd = -1;
    rt_output_discard(o);
    return status;
}

void rt_output_discard(rt_output *o)
{
    if (o->file.target)
        rt__temporary_discard(&o->file);
    else if (o->fd >= 0)
        close(o->fd);
    rt_mem_free(o->name);
    *o = (rt_output){.fd = -1};
}

/* ---- standard output ---- */

FILE *rt_output_remarks(const char *path)
{
    return named_descriptor(path) == STDOUT_FILENO ? stderr : stdout;
}

static int lost; /* errno of the first flush of standard output that failed */

void rt_output_flush(void)
{
    if (fflush(stdout) != 0 && lost == 0)
        lost = errno;
}

int rt_output_end(int exit_code)
{
    rt_output_flush();
    if (!ferror(stdout))
        return exit_code;
    fprintf(stderr, "ringtorch: standard output: cannot be written: %s\n",
            lost ? strerror(lost) : "an earlier write failed");
    clearerr(stdout);
    return exit_code != 0 ? exit_code : 1;
}

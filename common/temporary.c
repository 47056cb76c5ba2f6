#include "common/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include "common/error.h"
#include "common/file.h"
#include "common/file_error.h"
#include "common/mem.h"

enum { DESCRIPTOR_PATH = 40 };

/* The length of the folder's part of a path, with its slash. */
static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash + 1 - path) : 0;
}

/* Gives a name that nobody can have prepared, or NULL. A file whose name is as long as names may be keeps only the first
 * letters of it here. */
static char *make_name(const char *path)
{
    uint64_t random;
    char suffix[32];
    if (getrandom(&random, sizeof random, 0) != sizeof random) {
        RT__FAIL_ERRNO(path, "make a temporary name");
        return NULL;
    }
    int added = snprintf(suffix, sizeof suffix, ".tmp-%016" PRIx64, random);
    size_t most = folder_length(path) + NAME_MAX - (size_t)added;
    return rt_strdup_printf("%.*s%s", (int)most, path, suffix);
}

/* ---- without a name ---- */

/* The only way to a file without a name that needs no privilege. */
static const char *descriptor_path(int fd, char out[DESCRIPTOR_PATH])
{
    snprintf(out, DESCRIPTOR_PATH, "/proc/self/fd/%d", fd);
    return out;
}

/* False: the file system or the system cannot do it, and the other way is to be tried. */
static bool create_without_name(const char *path, mode_t mode, int *fd)
{
    char own[DESCRIPTOR_PATH];
    char *folder = rt_strdup_printf("%.*s.", (int)folder_length(path), path);
    if (!folder)
        rt_error_clear(); /* the other way fails for the same reason */
    *fd = folder ? open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, mode) : -1;
    rt_mem_free(folder);
    if (*fd >= 0 &&
        access(descriptor_path(*fd, own), F_OK) != 0) { /* no /proc: it could get no name later */
        close(*fd);
        *fd = -1;
    }
    return *fd >= 0;
}

static rt_status give_name(rt__temporary *t)
{
    char own[DESCRIPTOR_PATH];
    do {
        rt_mem_free(t->name);
        t->name = make_name(t->target);
        if (!t->name)
            return rt_error_prefix("%s", t->target);
        if (linkat(AT_FDCWD, descriptor_path(t->fd, own), AT_FDCWD, t->name, AT_SYMLINK_FOLLOW) ==
            0)
            return RT_OK;
    } while (errno == EEXIST);
    rt_status status = RT__FAIL_ERRNO(t->target, "write a temporary file beside it");
    rt_mem_free(t->name);
    t->name = NULL;
    return status;
}

/* ---- with a name ---- */

/* Unlike mkstemp this leaves the mode to the umask. */
static rt_status create_with_name(rt__temporary *t, mode_t mode)
{
    do {
        rt_mem_free(t->name);
        t->name = make_name(t->target);
        if (!t->name)
            return rt_error_prefix("%s", t->target);
        t->fd = open(t->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (t->fd >= 0)
            return RT_OK;
    } while (errno == EEXIST);
    rt_status status = RT__FAIL_ERRNO(t->target, "write a temporary file beside it");
    rt_mem_free(t->name);
    t->name = NULL;
    return status;
}

/* ---- both ---- */

rt_status rt__temporary_create(const char *path, mode_t mode, rt__temporary *out)
{
    *out = (rt__temporary){.fd = -1, .target = rt_strdup(path)};
    if (!out->target)
        return rt_error_prefix("%s", path);
    if (create_without_name(path, mode, &out->fd))
        return RT_OK;
    rt_status status = create_with_name(out, mode);
    if (status != RT_OK)
        rt__temporary_discard(out);
    return status;
}

rt_status rt__temporary_commit(rt__temporary *t)
{
    /* All bytes first, then the name: what a power failure leaves under it is whole. */
    rt_status status = fsync(t->fd) == 0 ? RT_OK : RT__FAIL_ERRNO(t->target, "sync");
    if (status == RT_OK && !t->name)
        status = give_name(t);
    if (close(t->fd) < 0 && status == RT_OK)
        status = RT__FAIL_ERRNO(t->target, "close");
    t->fd = -1;
    if (status == RT_OK)
        status = rt_rename_durably(t->name, t->target);
    if (status == RT_OK) { /* nothing is left under the name */
        rt_mem_free(t->name);
        t->name = NULL;
    }
    rt__temporary_discard(t);
    return status;
}

void rt__temporary_discard(rt__temporary *t)
{
    if (t->fd >= 0)
        close(t->fd);
    if (t->name)
        unlink(t->name);
    rt_mem_free(t->name);
    rt_mem_free(t->target);
    *t = (rt__temporary){.fd = -1};
}

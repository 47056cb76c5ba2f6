#include "common/base/temporary.h"

#include "common/base/directory.h"
#include "common/base/error.h"
#include "common/base/file_error.h"
#include "common/base/mem.h"
#include "common/base/os/os.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Returns the length of the folder's part of a path, including its slash. */
static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash + 1 - path) : 0;
}

/* Returns a name that nobody can have guessed, or NULL. If the file's name is as long as names may be, only its first
 * letters are kept. */
static char *make_name(const char *path)
{
    uint64_t random;
    char suffix[32];
    if (rt_os_random(&random, sizeof random) != RT_OK)
        return NULL;
    int added = snprintf(suffix, sizeof suffix, ".tmp-%016" PRIx64, random);
    size_t most = folder_length(path) + NAME_MAX - (size_t)added;
    return rt_strdup_printf("%.*s%s", (int)most, path, suffix);
}

/* ---- without a name ---- */

/* Returns false if the system or the file system cannot do it; then try create_with_name. */
static bool create_without_name(const char *path, mode_t mode, int *fd)
{
    char *folder = rt_strdup_printf("%.*s.", (int)folder_length(path), path);
    if (!folder)
        rt_error_clear(); /* create_with_name fails for the same reason and reports it */
    *fd = folder ? rt_os_open_nameless(folder, mode) : -1;
    rt_mem_free(folder);
    return *fd >= 0;
}

static rt_status give_name(rt__temporary *t)
{
    char own[RT_OS_DESCRIPTOR_PATH];
    do {
        rt_mem_free(t->name);
        t->name = make_name(t->target);
        if (!t->name)
            return rt_error_prefix("%s", t->target);
        if (linkat(AT_FDCWD, rt_os_descriptor_path(t->fd, own), AT_FDCWD, t->name,
                   AT_SYMLINK_FOLLOW) == 0)
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
    /* Write all bytes before giving the name, so that a power failure never leaves a partial file under it. */
    rt_status status = fsync(t->fd) == 0 ? RT_OK : RT__FAIL_ERRNO(t->target, "sync");
    if (status == RT_OK && !t->name)
        status = give_name(t);
    if (close(t->fd) < 0 && status == RT_OK)
        status = RT__FAIL_ERRNO(t->target, "close");
    t->fd = -1;
    if (status == RT_OK)
        status = rt_rename_durably(t->name, t->target);
    if (status == RT_OK) { /* the temporary name is gone */
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

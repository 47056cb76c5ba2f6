#include "common/base/file_error.h"

#include "common/base/error.h"
#include <errno.h>
#include <string.h>

static rt_status status_of(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT:
        return RT_E_NOSPACE;
    case ENOENT:
        return RT_E_NOTFOUND;
    case EEXIST:
        return RT_E_EXISTS;
    case EACCES:
    case EPERM:
    case EROFS:
    case EISDIR:
    case ENOTDIR:
    case ELOOP:
    case ENAMETOOLONG:
        return RT_E_ARG;
    default:
        return RT_E_IO;
    }
}

rt_status rt__fail_errno(const char *file, int line, const char *path, const char *doing)
{
    int error = errno;
    rt_status status = status_of(error);
    return rt_fail_at(file, line, status, "%s: cannot %s: %s%s", path, doing, strerror(error),
                      status == RT_E_NOSPACE ? ": free some space" : "");
}

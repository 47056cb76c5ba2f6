/* How failed system calls become errors.
 *
 *     if (open(path, flags) < 0)
 *         return RT__FAIL_ERRNO(path, "open");    // "runs/x: cannot open: Permission denied"
 */
#ifndef RINGTORCH_COMMON_BASE_FILE_ERROR_H
#define RINGTORCH_COMMON_BASE_FILE_ERROR_H

#include <ringtorch/status.h>

/* Reads errno. */
#define RT__FAIL_ERRNO(path, doing) rt__fail_errno(__FILE__, __LINE__, path, doing)
rt_status rt__fail_errno(const char *file, int line, const char *path, const char *doing);

#endif

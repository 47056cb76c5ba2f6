/* A new, empty folder for a test:
 *
 *     static char folder[FOLDER_MAX];
 *     assert_true(folder_make(folder, "journal"));       // /dev/shm/rt-test-journal-k3Xw9a
 *     ... rt_remove_tree(folder)
 *
 * The folder is in memory if there is room: some tests make and fsync thousands of files, which takes minutes on a disk
 * and wears it out. Results do not depend on it, because the page cache and the system calls are the same. */
#ifndef RINGTORCH_TESTS_SUPPORT_FOLDER_H
#define RINGTORCH_TESTS_SUPPORT_FOLDER_H

#include <linux/magic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/vfs.h>

enum { FOLDER_MAX = 64, FOLDER_ROOM = 32 << 20 };

static inline const char *folder_root(void)
{
    struct statfs fs;
    if (statfs("/dev/shm", &fs) == 0 && fs.f_type == TMPFS_MAGIC &&
        (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize >= FOLDER_ROOM)
        return "/dev/shm";
    return "/tmp";
}

/* Makes the folder and writes its path; returns false if it could not be made. */
static inline bool folder_make(char path[FOLDER_MAX], const char *name)
{
    snprintf(path, FOLDER_MAX, "%s/rt-test-%s-XXXXXX", folder_root(), name);
    return mkdtemp(path) != NULL;
}

#endif

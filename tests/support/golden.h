/* The golden values of tests/golden: one safetensors file per family; names of tensors are unique across the files.
 *
 *     golden_files golden;
 *     golden_open(&golden, RT_TEST_SOURCE_DIR "/tests/golden");
 *     const rt_st_entry *e = golden_find(&golden, "softmax.0");     // NULL: in none of them
 *     golden_close(&golden);
 */
#ifndef RINGTORCH_TESTS_SUPPORT_GOLDEN_H
#define RINGTORCH_TESTS_SUPPORT_GOLDEN_H

#include "common/base/error.h"
#include <glob.h>
#include <ringtorch/safetensors.h>
#include <stdio.h>

enum { GOLDEN_FILES_MAX = 64 };

typedef struct golden_files {
    int n;
    rt_st_reader *file[GOLDEN_FILES_MAX];
} golden_files;

static inline void golden_close(golden_files *g)
{
    for (int i = 0; i < g->n; i++)
        rt_st_close(g->file[i]);
    g->n = 0;
}

static inline rt_status golden_open(golden_files *g, const char *folder)
{
    char pattern[256];
    glob_t found;
    rt_status status = RT_OK;
    g->n = 0;
    snprintf(pattern, sizeof pattern, "%s/*.safetensors", folder);
    if (glob(pattern, 0, NULL, &found) != 0 || found.gl_pathc > GOLDEN_FILES_MAX)
        return RT_FAIL(NOTFOUND, "%s: expected 1 to %d files", pattern, GOLDEN_FILES_MAX);
    for (size_t i = 0; i < found.gl_pathc && status == RT_OK; i++) {
        status = rt_st_open(found.gl_pathv[i], &g->file[g->n]);
        g->n += status == RT_OK;
    }
    globfree(&found);
    if (status != RT_OK)
        golden_close(g);
    return status;
}

static inline const rt_st_entry *golden_find(const golden_files *g, const char *name)
{
    const rt_st_entry *e = NULL;
    for (int i = 0; i < g->n && !e; i++)
        e = rt_st_find(g->file[i], name);
    return e;
}

#endif

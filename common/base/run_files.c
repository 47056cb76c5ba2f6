#include "common/base/run_files.h"

#include "common/base/mem.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *const rt_run_files[] = {".config.next.yaml",
                                    ".config.before.yaml",
                                    "config.yaml",
                                    "preprocessing.json",
                                    "journal",
                                    "journal.next",
                                    "metrics.jsonl",
                                    "events.jsonl",
                                    "metrics-abandoned.jsonl",
                                    "summary.json",
                                    "control.json",
                                    "checkpoints",
                                    "logs",
                                    ".preflight",
                                    "lock",
                                    NULL};

static bool has(const char *dir, const char *name, mode_t type)
{
    char path[2 * PATH_MAX + 16];
    struct stat st;
    int n = snprintf(path, sizeof path, "%s/%s", dir, name);
    return n < (int)sizeof path && stat(path, &st) == 0 && (st.st_mode & S_IFMT) == type;
}

/* A file called "journal" or "config.yaml" alone need not belong to a run. */
static bool is_run(const char *dir)
{
    return has(dir, "config.yaml", S_IFREG) &&
           (has(dir, "journal", S_IFREG) || has(dir, "checkpoints", S_IFDIR));
}

/* `below` is a path relative to the run directory. */
static bool is_of_run(const char *below)
{
    size_t first = strcspn(below, "/");
    for (const char *const *name = rt_run_files; *name; name++)
        if (strlen(*name) == first && memcmp(*name, below, first) == 0)
            return true;
    return false;
}

static bool is_of_checkpoint(const char *below)
{
    return strcmp(below, "manifest.json") == 0 ||
           (strncmp(below, "piece-", 6) == 0 && !strchr(below, '/'));
}

/* Resolves all symbolic links except in the last component; returns false if the folder does not exist. */
static bool resolve(const char *path, char out[2 * PATH_MAX])
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    char *above = slash ? rt_strdup_printf("%.*s", (int)(slash - path + 1), path) : rt_strdup(".");
    bool there = above && realpath(above, folder);
    rt_mem_free(above);
    if (there)
        snprintf(out, 2 * PATH_MAX, "%s/%s", folder, slash ? slash + 1 : path);
    return there;
}

bool rt_run_owns(const char *path, char **owner)
{
    char whole[2 * PATH_MAX], dir[2 * PATH_MAX];
    if (!resolve(path, whole))
        return false;
    for (size_t n = strlen(whole); n-- > 1;) {
        if (whole[n] != '/')
            continue;
        const char *below = whole + n + 1;
        memcpy(dir, whole, n);
        dir[n] = '\0';
        if ((is_run(dir) && is_of_run(below)) ||
            (has(dir, "manifest.json", S_IFREG) && is_of_checkpoint(below))) {
            *owner = rt_strdup(dir);
            return true;
        }
    }
    return false;
}

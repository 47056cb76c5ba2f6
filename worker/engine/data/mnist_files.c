#include "worker/engine/data/mnist_files.h"

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *const train_parts[] = {"train", NULL};
static const char *const test_parts[] = {"t10k", "test", NULL};
static const char *const image_ends[] = {"images-idx3-ubyte", "images.idx3-ubyte", NULL};
static const char *const label_ends[] = {"labels-idx1-ubyte", "labels.idx1-ubyte",
                                         "labels-idx2-int", NULL};

void rt__mnist_files_release(rt__mnist_files *f)
{
    rt_mem_free(f->images);
    rt_mem_free(f->labels);
    *f = (rt__mnist_files){0};
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The parts of a name: set "-" part "-" end, then perhaps ".gz". */
typedef struct name {
    /* lengths: of the set's name, of everything before the end, of everything except ".gz" */
    int set, stem, whole;
} name;

static bool ends_with(const char *text, int len, const char *end)
{
    int n = (int)strlen(end);
    return len >= n && memcmp(text + len - n, end, (size_t)n) == 0;
}

static bool take_apart(const char *file, const char *const *parts, const char *const *ends,
                       name *out)
{
    char tail[64];
    int len = (int)strlen(file);
    if (ends_with(file, len, ".gz"))
        len -= 3;
    for (int e = 0; ends[e]; e++)
        for (int p = 0; parts[p]; p++) {
            int n = snprintf(tail, sizeof tail, "%s-%s", parts[p], ends[e]);
            bool named = len > n && file[len - n - 1] == '-';
            if (!ends_with(file, len, tail) || (len > n && !named))
                continue;
            *out = (name){named ? len - n - 1 : 0, len - (int)strlen(ends[e]), len};
            return true;
        }
    return false;
}

static bool is_set(const char *file, const name *n, const char *set)
{
    return (int)strlen(set) == n->set && strncmp(set, file, (size_t)n->set) == 0;
}

/* Finds the images of the requested set; if set is NULL, of the unnamed one or else of the only one. *found is NULL if
 * there are none. */
static rt_status find_images(const char *folder, const rt_names *names, const char *set,
                             const char *const *parts, const char **found, name *out)
{
    name n;
    const char *other = NULL;
    *found = NULL;
    for (size_t i = 0; i < names->count; i++) {
        const char *file = names->name[i];
        if (!take_apart(file, parts, image_ends, &n) || (set && !is_set(file, &n, set)))
            continue;
        if (!*found || n.set == 0) {
            *found = file;
            *out = n;
        } else if (n.set != out->set || strncmp(*found, file, (size_t)n.set) != 0) {
            other = file;
        }
    }
    if (!other || out->set == 0)
        return RT_OK;
    return RT_FAIL(ARG,
                   "%s: holds several data sets, among them %s and %s: choose one, as with "
                   "data.path: %s/%.*s",
                   folder, *found, other, folder, out->set, *found);
}

/* Finds the labels that belong to the images: same set, same part. */
static const char *find_labels(const rt_names *names, const char *images, const name *of,
                               const char *const *parts, name *out)
{
    for (size_t i = 0; i < names->count; i++) {
        const char *file = names->name[i];
        if (take_apart(file, parts, label_ends, out) && out->stem == of->stem &&
            strncmp(file, images, (size_t)of->stem) == 0)
            return file;
    }
    return NULL;
}

static rt_status find_in(const char *folder, const char *set, bool train, rt__mnist_files *out)
{
    rt_names names;
    name a, b;
    char usual[64];
    const char *images, *labels;
    const char *const *parts = train ? train_parts : test_parts;
    RT_TRY(rt_dir_list(folder, &names));
    rt_status status = find_images(folder, &names, set, parts, &images, &a);
    if (status == RT_OK && !images && set)
        status =
            RT_FAIL(NOTFOUND,
                    "%s%s%s: no such directory, and no data set of that name (%s-%s-%s): "
                    "install the data set or correct the path",
                    folder, strcmp(folder, "/") == 0 ? "" : "/", set, set, parts[0], image_ends[0]);
    if (status == RT_OK) {
        snprintf(usual, sizeof usual, "%s-%s", parts[0], image_ends[0]);
        images = images ? images : usual;
        take_apart(images, parts, image_ends, &a);
        labels = find_labels(&names, images, &a, parts, &b);
        out->images = rt_strdup_printf("%s/%.*s", folder, a.whole, images);
        out->labels = labels ? rt_strdup_printf("%s/%.*s", folder, b.whole, labels)
                             : rt_strdup_printf("%s/%.*s%s", folder, a.stem, images, label_ends[0]);
        status = rt_error_code();
    }
    rt_names_release(&names);
    return status;
}

rt_status rt__mnist_files_find(const char *path, bool train, rt__mnist_files *out)
{
    *out = (rt__mnist_files){0};
    const char *slash = strrchr(path, '/');
    bool there;
    rt_status status = rt_path_look(path, &there);
    if (status != RT_OK)
        return status;
    if (is_folder(path)) {
        status = find_in(path, NULL, train, out);
    } else {
        char *folder = slash && slash > path ? rt_strdup_printf("%.*s", (int)(slash - path), path)
                                             : rt_strdup(slash ? "/" : ".");
        if (!folder)
            return rt_error_code();
        if (there || !is_folder(folder))
            status = RT_FAIL(
                NOTFOUND, "%s: no such directory: install the data set or correct the path", path);
        else
            status = find_in(folder, slash ? slash + 1 : path, train, out);
        rt_mem_free(folder);
    }
    if (status != RT_OK)
        rt__mnist_files_release(out);
    return status;
}

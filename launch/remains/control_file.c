#include "launch/remains/control_file.h"
#include "common/base/error.h"
#include "common/base/fields.h"
#include "common/base/file.h"
#include "common/base/input.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CONTROL_MAX = 1 << 16 };

/* Fails if other users can read the file: its keys let anybody stop the run. */
static rt_status check_private(const char *path, const struct stat *st)
{
    if (!S_ISREG(st->st_mode))
        return RT_FAIL(FORMAT, "%s: is not a file: remove it", path);
    if (st->st_uid != geteuid() && geteuid() != 0)
        return RT_FAIL(ARG, "%s: belongs to user %u, not to you (%u): ask as that user", path,
                       (unsigned)st->st_uid, (unsigned)geteuid());
    if (st->st_mode & 077)
        return RT_FAIL(ARG,
                       "%s: its mode is %04o, so others can read or change the keys of the run: "
                       "chmod 600 it",
                       path, st->st_mode & 07777);
    return RT_OK;
}

/* Opens it itself, since rt_input_open would follow a symbolic link: what is checked must be the file that is read, and it
 * must lie in the run's directory. */
static rt_status read_control(const char *path, rt_bytes *text, rt__control *out)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return RT_FAIL(NOTFOUND, "%s: no such control file", path);
    if (fd < 0)
        return RT_FAIL(ARG, "%s: cannot be read: %s", path,
                       errno == ELOOP ? "it is a symbolic link" : strerror(errno));
    rt_status status = fstat(fd, &st) == 0 ? check_private(path, &st)
                                           : RT_FAIL(IO, "%s: %s", path, strerror(errno));
    if (status == RT_OK)
        status = rt_input_read_open(fd, path, CONTROL_MAX, text);
    close(fd);
    RT_TRY(status);
    out->inode = (int64_t)st.st_ino;
    out->user = st.st_uid;
    out->written_ns = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
    return RT_OK;
}

static rt_status take_text(const json_t *j, const char *key, const char *path, char *out,
                           size_t size)
{
    const char *text;
    RT_TRY(rt_json_string(j, key, path, &text));
    if (strlen(text) == 0 || strlen(text) >= size)
        return RT_FAIL(FORMAT, "%s: '%s' is %s", path, key, *text ? "too long" : "empty");
    memcpy(out, text, strlen(text) + 1);
    return RT_OK;
}

static rt_status take_fields(const json_t *j, const char *path, rt__control *out)
{
    const char *keys;
    RT_TRY(rt_json_check_version(
        j, path, "control file", RT_CONTROL_VERSION,
        "ask with the version of ringtorch that runs it, or remove the file if "
        "the run has ended"));
    RT_TRY(take_text(j, "endpoint", path, out->endpoint, sizeof out->endpoint));
    RT_TRY(take_text(j, "run", path, out->run, sizeof out->run));
    RT_TRY(rt_json_string(j, "keys", path, &keys));
    RT_TRY(rt_wire_keys_parse(keys, path, &out->keys));
    out->pid = rt__field_int(j, "pid", 0);
    snprintf(out->host, sizeof out->host, "%s", rt__field_text(j, "host"));
    if (strncmp(out->endpoint, "tcp://", 6) != 0)
        return RT_FAIL(FORMAT, "%s: endpoint '%s': expected tcp://ADDRESS:PORT", path,
                       out->endpoint);
    return RT_OK;
}

rt_status rt__control_read_file(const char *path, rt__control *out)
{
    *out = (rt__control){0};
    rt_bytes text = {0};
    json_t *j = NULL;
    RT_TRY(read_control(path, &text, out));
    rt_status status = rt_json_parse((const char *)text.data, text.len, path, &j);
    if (status == RT_OK)
        status = take_fields(j, path, out);
    json_decref(j);
    rt_bytes_release(&text);
    return status;
}

rt_status rt__control_read(const char *dir, rt__control *out)
{
    char *path = rt_path_join(dir, "control.json");
    rt_status status = path ? rt__control_read_file(path, out) : rt_error_code();
    rt_mem_free(path);
    return status;
}

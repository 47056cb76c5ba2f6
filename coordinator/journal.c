#include "coordinator/journal.h"
#include "common/error.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAGIC_SIZE = 8, HEADER_SIZE = 24, RECORD_MAX = 1 << 20, FILE_LIMIT = 1 << 28 };

struct rt__journal {
    int fd;
    char *path;
    int64_t count;
    off_t end; /* of the last good record */
};

static const char magic[MAGIC_SIZE] = {'R', 'T', 'J', 'R', 'N', 'L', 0, RT__JOURNAL_VERSION};

static void put_le(uint8_t *p, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get_le(const uint8_t *p, int bytes)
{
    uint64_t v = 0;
    for (int i = 0; i < bytes; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static void make_header(uint8_t h[HEADER_SIZE], const char *payload, size_t len, int64_t number)
{
    put_le(h, len, 4);
    put_le(h + 4, (uint64_t)number, 4);
    put_le(h + 8, rt_hash64(payload, len), 8);
    put_le(h + 16, rt_hash64(h, 16), 8);
}

static rt_status damaged(const rt__journal *j, size_t offset, const char *what)
{
    return RT_FAIL(CORRUPT,
                   "%s: damaged at byte %zu: %s: restore the file, or move the run directory away",
                   j->path, offset, what);
}

/* A write that a crash cut short ends in zeros or not at all; JSON and checksums of our own do not.
 */
static bool only_zeros(const rt_bytes *file, size_t from)
{
    for (size_t i = from; i < file->len; i++)
        if (file->data[i] != 0)
            return false;
    return true;
}

static rt_status check_magic(rt__journal *j, const rt_bytes *file)
{
    if (memcmp(file->data, magic, MAGIC_SIZE - 1) != 0)
        return damaged(j, 0, "not a journal of ringtorch");
    if (file->data[MAGIC_SIZE - 1] != RT__JOURNAL_VERSION)
        return RT_FAIL(
            MISMATCH,
            "%s: journal of format version %d, this program reads version %d: use the version of "
            "ringtorch that made it",
            j->path, file->data[MAGIC_SIZE - 1], RT__JOURNAL_VERSION);
    return RT_OK;
}

/* Looks at the record at j->end: *size is its length with header, 0 for a torn tail. */
static rt_status check_record(rt__journal *j, const rt_bytes *file, size_t *size)
{
    size_t at = (size_t)j->end, left = file->len - at;
    const uint8_t *h = file->data + at;
    *size = 0;
    if (left < HEADER_SIZE || only_zeros(file, at))
        return RT_OK;
    if (get_le(h + 16, 8) != rt_hash64(h, 16))
        return damaged(j, at, "a record's header does not match its checksum");
    size_t len = get_le(h, 4);
    if (len > RECORD_MAX || get_le(h + 4, 4) != (uint32_t)j->count)
        return damaged(j, at, "records are missing or out of order");
    if (left - HEADER_SIZE < len)
        return RT_OK;
    if (get_le(h + 8, 8) != rt_hash64(h + HEADER_SIZE, len))
        return only_zeros(file, at + HEADER_SIZE + len - 1)
                   ? RT_OK
                   : damaged(j, at + HEADER_SIZE, "a record does not match its checksum");
    *size = HEADER_SIZE + len;
    return RT_OK;
}

static rt_status replay(rt__journal *j, const rt_bytes *file, rt__journal_visit *visit, void *ctx)
{
    RT_TRY(check_magic(j, file));
    size_t size = 0;
    for (j->end = MAGIC_SIZE; (size_t)j->end < file->len; j->end += (off_t)size, j->count++) {
        RT_TRY(check_record(j, file, &size));
        if (size == 0)
            return RT_OK;
        json_t *record = NULL;
        const char *payload = (const char *)file->data + j->end + HEADER_SIZE;
        RT_TRY(rt_json_parse(payload, size - HEADER_SIZE, j->path, &record));
        rt_status status = visit(ctx, record);
        json_decref(record);
        RT_TRY(status);
    }
    return RT_OK;
}

static rt_status system_error(const rt__journal *j, const char *doing)
{
    int e = errno;
    if (e == ENOSPC || e == EDQUOT)
        return RT_FAIL(NOSPACE, "%s: %s: %s: free some space", j->path, doing, strerror(e));
    return RT_FAIL(IO, "%s: %s: %s", j->path, doing, strerror(e));
}

static rt_status write_at_end(rt__journal *j, const void *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = pwrite(j->fd, (const char *)data + done, len - done, j->end + (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return system_error(j, "cannot append");
        done += (size_t)n;
    }
    if (fsync(j->fd) != 0)
        return system_error(j, "cannot fsync");
    j->end += (off_t)len;
    return RT_OK;
}

static rt_status begin(rt__journal *j)
{
    j->end = 0;
    return write_at_end(j, magic, MAGIC_SIZE);
}

rt_status rt__journal_open(const char *path, rt__journal_visit *visit, void *ctx, rt__journal **out)
{
    rt_status status = RT_OK;
    rt_bytes file = {0};
    rt__journal *j = rt_calloc(1, sizeof *j);
    if (!j)
        return rt_error_code();
    j->path = rt_strdup(path);
    j->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (!j->path || j->fd < 0) {
        status = j->path ? system_error(j, "cannot open") : rt_error_code();
        goto done;
    }
    RT_TRY_GOTO(rt_file_read(path, FILE_LIMIT, &file), done);
    if (file.len < MAGIC_SIZE)
        status = begin(j);
    else
        status = replay(j, &file, visit, ctx);
    if (status == RT_OK && ftruncate(j->fd, j->end) != 0)
        status = system_error(j, "cannot drop the torn tail");
done:
    rt_bytes_release(&file);
    if (status == RT_OK)
        *out = j;
    else
        rt__journal_close(j);
    return status;
}

int64_t rt__journal_count(const rt__journal *j)
{
    return j->count;
}

rt_status rt__journal_append(rt__journal *j, const json_t *record)
{
    char *text = rt_json_text(record);
    size_t len = text ? strlen(text) : 0;
    uint8_t *bytes = text ? rt_malloc(HEADER_SIZE + len) : NULL;
    rt_status status = bytes ? RT_OK : rt_error_code();
    if (bytes && len > RECORD_MAX) {
        status = RT_FAIL(RANGE, "%s: a record of %zu bytes, at most %d are allowed", j->path, len,
                         RECORD_MAX);
    } else if (bytes) {
        make_header(bytes, text, len, j->count);
        memcpy(bytes + HEADER_SIZE, text, len);
        status = write_at_end(j, bytes, HEADER_SIZE + len);
        if (status == RT_OK)
            j->count++;
        else if (ftruncate(j->fd, j->end) != 0) /* a half record in the middle would be damage */
            system_error(j, "cannot remove a half-written record");
    }
    rt_mem_free(bytes);
    rt_mem_free(text);
    return status;
}

void rt__journal_close(rt__journal *j)
{
    if (!j)
        return;
    if (j->fd >= 0)
        close(j->fd);
    rt_mem_free(j->path);
    rt_mem_free(j);
}

#include "common/control/journal.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/input.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MAGIC_SIZE = 8,
    HEADER_SIZE = 24,
    RECORD_MAX = 1 << 20,
    FILE_LIMIT = 1 << 28,
    SECTOR = 512,     /* a disk writes it completely or not at all */
    FEWEST_ZEROS = 8, /* that count as unwritten: a flipped bit makes one zero byte, not eight */
};

struct rt__journal {
    int fd;
    char *path, *next; /* next: the path of a new journal that will replace this one */
    int64_t count;
    off_t end;     /* of the last valid record */
    bool unsynced; /* the file's name may not have reached the disk: sync it before anything else */
    bool half;     /* a partial record could not be removed */
    bool keep_going; /* continue after refused records and report the first at the end */
    rt_saved_error refused;
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

/* Appends the run directory, quoted for a shell. */
static void add_directory(rt_text *t, const char *journal)
{
    const char *slash = strrchr(journal, '/');
    char *dir = slash ? rt_strdup_printf("%.*s", (int)(slash - journal), journal) : rt_strdup(".");
    if (dir)
        rt_text_add_word(t, dir);
    rt_mem_free(dir);
}

/* Fails with `what` is wrong (takes ownership) and with the way out: resuming from the checkpoints, which do not need
 * the journal. */
static rt_status refuse(const rt__journal *j, rt_status code, char *what)
{
    rt_text text = {0};
    rt_text_add(&text,
                "%s: %s, or go on from the run's checkpoints in another directory: "
                "--run-dir NEW --resume ",
                j->path, what ? what : "cannot be read");
    add_directory(&text, j->path);
    rt_fail_at(__FILE__, __LINE__, code, "%s", text.data ? text.data : "out of memory");
    rt_mem_free(text.data);
    rt_mem_free(what);
    return code;
}

static rt_status damaged(const rt__journal *j, size_t offset, const char *what)
{
    return refuse(j, RT_E_CORRUPT,
                  rt_strdup_printf("damaged at byte %zu: %s: restore the file", offset, what));
}

/* The user may have named the wrong file, or the journal's beginning is damaged; the message covers both. */
static rt_status not_a_journal(const rt__journal *j)
{
    return refuse(j, RT_E_CORRUPT,
                  rt_strdup_printf("is not a journal of ringtorch: give a run directory; if it "
                                   "was a journal, restore the file"));
}

/* Fails for an intact record that this program does not understand. */
static rt_status not_understood(const rt__journal *j, const char *why)
{
    return refuse(j, RT_E_MISMATCH,
                  rt_strdup_printf("record %lld, at byte %lld, is not one that this version of "
                                   "ringtorch reads: %s: use the version that wrote it",
                                   (long long)j->count + 1, (long long)j->end, why));
}

static rt_status other_format(const rt__journal *j, int version)
{
    return refuse(
        j, RT_E_MISMATCH,
        rt_strdup_printf("journal of format %d, this version of ringtorch reads format %d: "
                         "use the version that wrote it",
                         version, RT__JOURNAL_VERSION));
}

rt_status rt__journal_check_run(const char *path, const char *its, const char *here)
{
    rt__journal j = {.path = (char *)path};
    if (!here[0] || strcmp(its, here) == 0)
        return RT_OK;
    return refuse(
        &j, RT_E_MISMATCH,
        rt_strdup_printf("is the journal of run %s, but this directory is that of run %s: "
                         "restore the file",
                         its, here));
}

/* ---- the remains of a crash ---- */

static bool only_zeros(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i] != 0)
            return false;
    return true;
}

/* Returns whether a part of [from, to) was never written. Payloads hold no zeros and end in '}'. */
static bool has_unwritten_part(const rt_bytes *file, size_t from, size_t to)
{
    if (file->data[to - 1] == 0)
        return true;
    for (size_t a = from, b; a < to; a = b) {
        b = a - a % SECTOR + SECTOR;
        b = b < to ? b : to;
        if (b - a >= FEWEST_ZEROS && only_zeros(file->data + a, b - a))
            return true;
    }
    return false;
}

/* Returns whether an intact record exists somewhere after `from`. Records are written in order, so everything before
 * that one was once whole. */
static bool record_follows(const rt__journal *j, const rt_bytes *file, size_t from)
{
    for (size_t at = from; at + HEADER_SIZE <= file->len; at++) {
        const uint8_t *h = file->data + at;
        if (get_le(h, 4) <= RECORD_MAX && get_le(h + 4, 4) > (uint64_t)j->count &&
            get_le(h + 16, 8) == rt_hash64(h, 16))
            return true;
    }
    return false;
}

/* Decides about the record at j->end, which fails its checks and ends before `to`: succeeds if it is a torn tail, fails
 * if it is damage. */
static rt_status torn_or_damaged(const rt__journal *j, const rt_bytes *file, size_t to,
                                 size_t place, const char *what)
{
    size_t at = (size_t)j->end;
    if (has_unwritten_part(file, at, to) && !record_follows(j, file, at + 1))
        return RT_OK;
    return damaged(j, place, what);
}

/* ---- reading ---- */

static rt_status check_magic(rt__journal *j, const rt_bytes *file)
{
    if (file->len < MAGIC_SIZE || memcmp(file->data, magic, MAGIC_SIZE - 1) != 0)
        return record_follows(j, file, 0) ? damaged(j, 0, "not the beginning of a journal")
                                          : not_a_journal(j);
    if (file->data[MAGIC_SIZE - 1] != RT__JOURNAL_VERSION)
        return other_format(j, file->data[MAGIC_SIZE - 1]);
    return RT_OK;
}

/* Checks the record at j->end and sets *size to its length with header, or to 0 for a torn tail. */
static rt_status check_record(rt__journal *j, const rt_bytes *file, size_t *size)
{
    size_t at = (size_t)j->end, left = file->len - at;
    const uint8_t *h = file->data + at;
    *size = 0;
    if (left < HEADER_SIZE)
        return RT_OK;
    if (get_le(h + 16, 8) != rt_hash64(h, 16))
        return torn_or_damaged(j, file, file->len, at,
                               "a record's header does not match its checksum");
    size_t len = get_le(h, 4);
    if (len > RECORD_MAX || get_le(h + 4, 4) != (uint32_t)j->count)
        return damaged(j, at, "records are missing or out of order");
    if (left - HEADER_SIZE < len)
        return RT_OK;
    if (get_le(h + 8, 8) != rt_hash64(h + HEADER_SIZE, len))
        return torn_or_damaged(j, file, at + HEADER_SIZE + len, at + HEADER_SIZE,
                               "a record does not match its checksum");
    *size = HEADER_SIZE + len;
    return RT_OK;
}

/* Reports why a record, sound by itself, cannot stand where it does. */
static rt_status refuse_place(const rt__journal *j)
{
    rt_saved_error why;
    rt_error_save(&why);
    return damaged(j, (size_t)j->end, why.text);
}

/* Reports which record the visitor did not understand. */
static rt_status refuse_record(rt__journal *j)
{
    rt_saved_error why;
    rt_error_save(&why);
    rt_status status = not_understood(j, why.text);
    if (!j->keep_going)
        return status;
    if (j->refused.code == RT_OK)
        rt_error_save(&j->refused);
    rt_error_clear();
    return RT_OK;
}

static rt_status visit_record(rt__journal *j, const char *payload, size_t len,
                              rt__journal_visit *visit, void *ctx)
{
    static const char not_an_object[] = "a record is not a JSON object";
    json_t *record = NULL;
    if (rt_json_parse(payload, len, j->path, &record) != RT_OK) {
        if (rt_error_code() == RT_E_NOMEM)
            return RT_E_NOMEM;
        rt_error_clear();
        return damaged(j, (size_t)j->end + HEADER_SIZE, not_an_object);
    }
    bool object = json_is_object(record);
    rt_status status = object ? visit(ctx, record) : RT_E_CORRUPT;
    json_decref(record);
    if (!object)
        return damaged(j, (size_t)j->end + HEADER_SIZE, not_an_object);
    return status == RT_E_CORRUPT  ? refuse_place(j)
           : status == RT_E_FORMAT ? refuse_record(j)
                                   : status;
}

static rt_status replay(rt__journal *j, const rt_bytes *file, rt__journal_visit *visit, void *ctx)
{
    RT_TRY(check_magic(j, file));
    size_t size = 0;
    for (j->end = MAGIC_SIZE; (size_t)j->end < file->len; j->end += (off_t)size, j->count++) {
        RT_TRY(check_record(j, file, &size));
        if (size == 0)
            return RT_OK;
        const char *payload = (const char *)file->data + j->end + HEADER_SIZE;
        RT_TRY(visit_record(j, payload, size - HEADER_SIZE, visit, ctx));
    }
    return RT_OK;
}

/* ---- writing ---- */

static rt_status system_error(const rt__journal *j, const char *doing)
{
    int e = errno;
    if (e == ENOSPC || e == EDQUOT)
        return RT_FAIL(NOSPACE, "%s: %s: %s: free some space", j->path, doing, strerror(e));
    if (e == EISDIR || e == ELOOP)
        return RT_FAIL(ARG, "%s: is a %s, expected the journal of a run: move it away", j->path,
                       e == EISDIR ? "directory" : "symbolic link");
    if (e == EROFS || e == EACCES || e == EPERM)
        return RT_FAIL(ARG, "%s: %s: %s: make the run directory writable, or choose another",
                       j->path, doing, strerror(e));
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
    j->end += (off_t)len;
    return RT_OK;
}

static rt_status sync_file(const rt__journal *j)
{
    return fsync(j->fd) == 0 ? RT_OK : system_error(j, "cannot fsync");
}

/* Writes a record without making it durable. */
static rt_status put_record(rt__journal *j, const json_t *record)
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
        j->count += status == RT_OK;
    }
    rt_mem_free(bytes);
    rt_mem_free(text);
    return status;
}

/* Makes the file's name durable: until then a power failure could bring back the previous file. */
static rt_status sync_name(rt__journal *j)
{
    if (j->unsynced)
        RT_TRY(rt_parent_sync(j->path));
    j->unsynced = false;
    return RT_OK;
}

/* Removes whatever a crash or another program has left under the name instead of writing into it: it may be a pipe. */
static int create_new(const char *path)
{
    const int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC;
    int fd = open(path, flags, 0600);
    if (fd < 0 && errno == EEXIST && unlink(path) == 0)
        fd = open(path, flags, 0600);
    return fd;
}

/* Writes a complete new file of these records at j->next, open in *fresh. */
static rt_status write_fresh(const rt__journal *j, json_t *const *records, size_t n,
                             rt__journal *fresh)
{
    *fresh = (rt__journal){.path = j->next};
    fresh->fd = create_new(j->next);
    if (fresh->fd < 0)
        return system_error(fresh, "cannot create");
    RT_TRY(write_at_end(fresh, magic, MAGIC_SIZE));
    for (size_t i = 0; i < n; i++)
        RT_TRY(put_record(fresh, records[i]));
    return sync_file(fresh);
}

/* The rename switches journals: before it the old one counts, after it the new one. */
static rt_status replace(rt__journal *j, json_t *const *records, size_t n)
{
    rt__journal fresh;
    rt_status status = write_fresh(j, records, n, &fresh);
    if (status == RT_OK && rename(j->next, j->path) != 0)
        status = system_error(j, "cannot be replaced");
    if (status != RT_OK) {
        if (fresh.fd >= 0)
            close(fresh.fd);
        unlink(j->next);
        return status;
    }
    if (j->fd >= 0)
        close(j->fd);
    j->fd = fresh.fd;
    j->count = fresh.count;
    j->end = fresh.end;
    j->half = false;
    j->unsynced = true;
    return sync_name(j);
}

/* ---- opening ---- */

/* Opens the existing file; j->fd stays -1 if there is none. Must not wait for a pipe. */
static rt_status open_file(rt__journal *j)
{
    struct stat st;
    j->fd = open(j->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (j->fd < 0)
        return errno == ENOENT ? RT_OK : system_error(j, "cannot open");
    if (fstat(j->fd, &st) != 0)
        return system_error(j, "cannot stat");
    if (!S_ISREG(st.st_mode))
        return RT_FAIL(ARG, "%s: is not a file, expected the journal of a run: move it away",
                       j->path);
    return RT_OK;
}

/* Returns whether a crash cut off the very first write. */
static bool is_unborn(const rt_bytes *file)
{
    size_t len = file->len;
    return len <= MAGIC_SIZE && (only_zeros(file->data, len) ||
                                 (len < MAGIC_SIZE && memcmp(file->data, magic, len) == 0));
}

static rt_status load(rt__journal *j, rt__journal_visit *visit, void *ctx)
{
    rt_bytes file = {0};
    RT_TRY(rt_file_read(j->path, FILE_LIMIT, &file));
    rt_status status;
    if (is_unborn(&file))
        status = replace(j, NULL, 0);
    else
        status = replay(j, &file, visit, ctx);
    if (status == RT_OK && (size_t)j->end < file.len && ftruncate(j->fd, j->end) != 0)
        status = system_error(j, "cannot drop the torn tail");
    rt_bytes_release(&file);
    return status;
}

rt_status rt__journal_open(const char *path, rt__journal_visit *visit, void *ctx, rt__journal **out)
{
    rt__journal *j = rt_calloc(1, sizeof *j);
    if (!j)
        return rt_error_code();
    *j =
        (rt__journal){.fd = -1, .path = rt_strdup(path), .next = rt_strdup_printf("%s.next", path)};
    rt_status status = j->path && j->next ? open_file(j) : rt_error_code();
    if (status == RT_OK)
        status = j->fd < 0 ? replace(j, NULL, 0) : load(j, visit, ctx);
    if (status == RT_OK) {
        unlink(j->next); /* left by a crash, perhaps */
        *out = j;
    } else {
        rt__journal_close(j);
    }
    return status;
}

rt_status rt__journal_read(const char *path, rt__journal_visit *visit, void *ctx, int64_t *torn)
{
    rt_bytes file = {0};
    rt__journal j = {.fd = -1, .path = (char *)path, .keep_going = true};
    *torn = 0;
    RT_TRY(rt_input_read(path, RT_INPUT_FILE, FILE_LIMIT, &file));
    rt_status status = RT_OK;
    if (!is_unborn(&file))
        status = replay(&j, &file, visit, ctx);
    *torn = (int64_t)file.len - j.end;
    rt_bytes_release(&file);
    return status == RT_OK ? rt_error_restore(&j.refused) : status;
}

/* ---- in use ---- */

int64_t rt__journal_count(const rt__journal *j)
{
    return j->count;
}

/* Removes a partial record: followed by others it would be damage. */
static void remove_partial(rt__journal *j, off_t end, int64_t count)
{
    j->end = end;
    j->count = count;
    j->half = ftruncate(j->fd, end) != 0;
}

rt_status rt__journal_append(rt__journal *j, const json_t *record)
{
    off_t end = j->end;
    int64_t count = j->count;
    if (j->half && ftruncate(j->fd, end) != 0)
        return system_error(j, "cannot remove a half-written record");
    j->half = false;
    RT_TRY(sync_name(j));
    rt_status status = put_record(j, record);
    if (status == RT_OK)
        status = sync_file(j);
    if (status != RT_OK)
        remove_partial(j, end, count);
    return status;
}

rt_status rt__journal_compact(rt__journal *j, json_t *const *records, size_t n)
{
    return replace(j, records, n);
}

void rt__journal_close(rt__journal *j)
{
    if (!j)
        return;
    if (j->fd >= 0)
        close(j->fd);
    rt_mem_free(j->path);
    rt_mem_free(j->next);
    rt_mem_free(j);
}

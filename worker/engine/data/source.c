/* Plain and gzip files as one stream of bytes. Uses zlib's inflate (RFC 1950 to 1952) directly,
 * because gzread copies everything once more. */
#include "worker/engine/data/source.h"

#include "common/base/error.h"
#include "common/base/file_error.h"
#include "common/base/input.h"
#include "common/base/mem.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum {
    IN_SIZE = 1 << 18,
    DEFLATE_RATIO = 1032, /* the best ratio that deflate can achieve (zlib's technical notes) */
};

struct rt__source {
    const char *path; /* a copy, stored after the struct */
    int fd;
    uint64_t file_size;
    uint64_t in_end;  /* bytes of the file read so far */
    uint64_t out_end; /* bytes of content handed out so far */
    bool gzip, ended;
    bool again; /* a gzip member has ended, and the next has produced no output yet */
    z_stream z; /* next_in, avail_in: the unused part of `in`, for plain files too */
    uint8_t in[IN_SIZE];
};

static void *zlib_alloc(void *opaque, unsigned items, unsigned size)
{
    (void)opaque;
    return rt_calloc(items, size);
}

static void zlib_free(void *opaque, void *p)
{
    (void)opaque;
    rt_mem_free(p);
}

/* Reads what one system call returns, at most n bytes; *got is 0 at the end of the file. */
static rt_status read_some(rt__source *s, void *to, size_t n, size_t *got)
{
    ssize_t r;
    do
        r = read(s->fd, to, n);
    while (r < 0 && errno == EINTR);
    if (r < 0)
        return RT__FAIL_ERRNO(s->path, "read");
    s->in_end += (uint64_t)r;
    *got = (size_t)r;
    return RT_OK;
}

static rt_status refill(rt__source *s)
{
    size_t got = 0;
    RT_TRY(read_some(s, s->in, IN_SIZE, &got));
    s->z.next_in = s->in;
    s->z.avail_in = (unsigned)got;
    return RT_OK;
}

/* Inflates up to n bytes; *got < n only at the end of the last gzip member. */
static rt_status inflate_some(rt__source *s, uint8_t *to, size_t n, size_t *got)
{
    *got = 0;
    while (*got < n && !s->ended) {
        if (s->z.avail_in == 0)
            RT_TRY(refill(s));
        size_t room = n - *got < 1u << 30 ? n - *got : 1u << 30;
        s->z.next_out = to + *got;
        s->z.avail_out = (unsigned)room;
        bool dry = s->z.avail_in == 0;
        int rc = inflate(&s->z, Z_NO_FLUSH);
        *got += room - s->z.avail_out;
        if (rc == Z_STREAM_END) {
            if (s->z.avail_in == 0)
                RT_TRY(refill(s));
            s->ended = s->z.avail_in == 0;
            inflateReset(&s->z); /* anything that follows must be another member */
            s->again = true;
        } else if (rc == Z_DATA_ERROR && s->again && s->z.total_out == 0) {
            return RT_FAIL(CORRUPT,
                           "%s: byte %llu: something that is not gzip follows the gzip data: fetch "
                           "the file again",
                           s->path,
                           (unsigned long long)(s->in_end - s->z.avail_in - s->z.total_in));
        } else if (rc == Z_MEM_ERROR) {
            return RT_FAIL(NOMEM, "%s: out of memory for inflating", s->path);
        } else if (rc != Z_OK && rc != Z_BUF_ERROR) {
            return RT_FAIL(CORRUPT, "%s: byte %llu: damaged gzip data (%s): fetch the file again",
                           s->path, (unsigned long long)(s->in_end - s->z.avail_in),
                           s->z.msg ? s->z.msg : "unknown reason");
        } else if (dry) {
            return RT_FAIL(CORRUPT,
                           "%s: gzip data ends at byte %llu before its end mark: the file is "
                           "truncated, fetch it again",
                           s->path, (unsigned long long)s->in_end);
        }
    }
    return RT_OK;
}

/* Reads up to n bytes of a plain file; *got < n only at its end. */
static rt_status copy_some(rt__source *s, uint8_t *to, size_t n, size_t *got)
{
    *got = n < s->z.avail_in ? n : s->z.avail_in;
    memcpy(to, s->z.next_in, *got);
    s->z.next_in += *got;
    s->z.avail_in -= (unsigned)*got;
    for (size_t more = 1; *got < n && more > 0; *got += more)
        RT_TRY(read_some(s, to + *got, n - *got, &more));
    return RT_OK;
}

static rt_status take(rt__source *s, void *to, size_t n, size_t *got)
{
    RT_TRY(s->gzip ? inflate_some(s, to, n, got) : copy_some(s, to, n, got));
    s->out_end += *got;
    return RT_OK;
}

static rt_status start(rt__source *s)
{
    int64_t bytes;
    RT_TRY(rt_input_open(s->path, RT_INPUT_FILE, &s->fd, &bytes));
    s->file_size = (uint64_t)bytes;
    RT_TRY(refill(s));
    s->gzip = s->z.avail_in >= 2 && s->in[0] == 0x1f && s->in[1] == 0x8b;
    if (s->gzip && inflateInit2(&s->z, 16 + MAX_WBITS) != Z_OK) {
        s->gzip = false;
        return RT_FAIL(NOMEM, "%s: out of memory for inflating", s->path);
    }
    return RT_OK;
}

rt_status rt__source_open(const char *path, rt__source **out)
{
    size_t path_size = strlen(path) + 1;
    rt__source *s = rt_malloc(sizeof *s + path_size);
    if (!s)
        return rt_error_code();
    memset(s, 0, offsetof(rt__source, in)); /* `in` need not be cleared */
    s->path = memcpy(s + 1, path, path_size);
    s->z.zalloc = zlib_alloc;
    s->z.zfree = zlib_free;
    s->fd = -1;
    rt_status status = start(s);
    if (status != RT_OK) {
        rt__source_close(s);
        s = NULL;
    }
    *out = s;
    return status;
}

const char *rt__source_path(const rt__source *s)
{
    return s->path;
}

bool rt__source_looks_like_text(const rt__source *s, bool *web_page)
{
    enum { ENOUGH = 64 };
    size_t n = s->z.avail_in < ENOUGH ? s->z.avail_in : ENOUGH, at = 0;
    while (at < n && isspace(s->in[at]))
        at++;
    *web_page = at < n && s->in[at] == '<';
    for (size_t i = 0; i < n; i++)
        if (s->in[i] < 0x20 && !isspace(s->in[i]))
            return false;
    return n > 0;
}

uint64_t rt__source_bound(const rt__source *s)
{
    return s->gzip ? s->file_size * DEFLATE_RATIO : s->file_size;
}

rt_status rt__source_read(rt__source *s, void *to, size_t n)
{
    size_t got = 0;
    uint64_t at = s->out_end;
    RT_TRY(take(s, to, n, &got));
    if (got < n)
        return RT_FAIL(
            CORRUPT,
            "%s: %scontent ends at byte %llu, expected at least %llu: the file is truncated, "
            "fetch it again",
            s->path, s->gzip ? "uncompressed " : "", (unsigned long long)s->out_end,
            (unsigned long long)(at + n));
    return RT_OK;
}

/* Enlarges the buffer, with room for a terminating zero. */
static rt_status grow(rt_bytes *b, size_t *room)
{
    size_t more = *room ? 2 * *room : IN_SIZE;
    uint8_t *data = rt_realloc(b->data, more + 1);
    if (!data)
        return rt_error_code();
    b->data = data;
    *room = more;
    return RT_OK;
}

static rt_status read_all(rt__source *s, size_t limit, rt_bytes *out)
{
    size_t room = 0, got = 0;
    do {
        if (out->len == room)
            RT_TRY(grow(out, &room));
        RT_TRY(take(s, out->data + out->len, room - out->len, &got));
        out->len += got;
        if (out->len > limit)
            return RT_FAIL(RANGE, "%s: %scontent has more than %zu bytes, the most that is read",
                           s->path, s->gzip ? "uncompressed " : "", limit);
    } while (got > 0);
    out->data[out->len] = 0;
    return RT_OK;
}

rt_status rt__source_read_file(const char *path, size_t limit, rt_bytes *out)
{
    rt__source *s;
    *out = (rt_bytes){0};
    RT_TRY(rt__source_open(path, &s));
    rt_status status = read_all(s, limit, out);
    rt__source_close(s);
    if (status != RT_OK)
        rt_bytes_release(out);
    return status;
}

rt_status rt__source_end(rt__source *s)
{
    uint8_t more;
    size_t got = 0;
    RT_TRY(take(s, &more, 1, &got));
    if (got > 0)
        return RT_FAIL(
            CORRUPT,
            "%s: %scontent goes on after byte %llu, where its header says it ends: fetch it again",
            s->path, s->gzip ? "uncompressed " : "", (unsigned long long)(s->out_end - 1));
    return RT_OK;
}

void rt__source_close(rt__source *s)
{
    if (!s)
        return;
    if (s->gzip)
        inflateEnd(&s->z);
    if (s->fd >= 0)
        close(s->fd);
    rt_mem_free(s);
}

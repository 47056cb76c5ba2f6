#include "common/state/snapshot_header.h"

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/file_error.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/os/os.h"
#include "common/state/snapshot_name.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char MAGIC[8] = "RTSNAP\r\n";
static const int64_t ELEMENTS_MAX = INT64_C(1) << 48; /* so that no file size overflows */

enum { KIND_ALIGNMENT = 64, SLOT_ALIGNMENT = 4096 };

static_assert(sizeof(rt_snapshot_header) <= RT_SNAPSHOT_DATA, "the header fits before the data");
static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a word in shared memory is atomic without a lock");

/* ---- sizes and checksums ---- */

static size_t round_up(size_t n, size_t unit)
{
    return (n + unit - 1) / unit * unit;
}

size_t rt_snapshot_kind_bytes(const rt_snapshot_about *a)
{
    return (size_t)(a->end - a->begin) * sizeof(float);
}

size_t rt_snapshot_offset(const rt_snapshot_about *a, int slot, int kind)
{
    const size_t stride = round_up(rt_snapshot_kind_bytes(a), KIND_ALIGNMENT);
    const size_t whole = round_up((size_t)a->kinds * stride, SLOT_ALIGNMENT);
    return RT_SNAPSHOT_DATA + (size_t)slot * whole + (size_t)kind * stride;
}

size_t rt_snapshot_file_bytes(const rt_snapshot_about *a)
{
    return rt_snapshot_offset(a, RT_SNAPSHOT_SLOTS, 0);
}

uint64_t rt_snapshot_checksum(uint64_t before, const void *data, size_t len)
{
    const uint64_t link[2] = {before, rt_hash64(data, len)};
    return rt_hash64(link, sizeof link);
}

static uint64_t header_checksum(const rt_snapshot_header *h)
{
    return rt_hash64(h, offsetof(rt_snapshot_header, checksum));
}

/* ---- writing ---- */

static rt_status write_header(int fd, const char *path, const rt_snapshot_about *a)
{
    rt_snapshot_header *h = rt_calloc(1, RT_SNAPSHOT_DATA);
    if (!h)
        return RT_E_NOMEM;
    memcpy(h->magic, MAGIC, sizeof h->magic);
    h->version = RT_SNAPSHOT_VERSION;
    h->file_bytes = (int64_t)rt_snapshot_file_bytes(a);
    h->about = *a;
    h->checksum = header_checksum(h);
    atomic_init(&h->mark.slice, -1);
    rt_status status = rt_file_write(fd, path, h, RT_SNAPSHOT_DATA);
    rt_mem_free(h);
    return status;
}

/* Locks the file. A clean-up may have found and removed it before it was locked, which fails with NOTFOUND. */
static rt_status lock(int fd, const char *path)
{
    struct stat st;
    while (flock(fd, LOCK_SH) != 0)
        if (errno != EINTR)
            return RT__FAIL_ERRNO(path, "lock");
    if (fstat(fd, &st) != 0 || st.st_nlink == 0)
        return RT_FAIL(NOTFOUND, "%s: was removed while it was being made", path);
    return RT_OK;
}

rt_status rt_snapshot_create(const char *path, const rt_snapshot_about *a, int *fd)
{
    *fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (*fd < 0)
        return RT__FAIL_ERRNO(path, "create");
    rt_status status = lock(*fd, path);
    if (status == RT_OK)
        status = write_header(*fd, path, a);
    if (status == RT_OK && ftruncate(*fd, (off_t)rt_snapshot_file_bytes(a)) != 0)
        status = RT__FAIL_ERRNO(path, "set its size");
    if (status != RT_OK) {
        unlink(path);
        close(*fd);
        *fd = -1;
    }
    return status;
}

rt_status rt_snapshot_allocate(int fd, const char *path, const rt_snapshot_about *a)
{
    const off_t bytes = (off_t)rt_snapshot_file_bytes(a);
    int error = rt_os_allocate(fd, bytes);
    if (error == 0)
        return RT_OK;
    char doing[64];
    snprintf(doing, sizeof doing, "reserve %.1f MB", (double)bytes / 1e6);
    errno = error;
    return RT__FAIL_ERRNO(path, doing);
}

void rt_snapshot_put_evaluation(rt_snapshot_header *h, const rt_evaluated *e)
{
    rt_snapshot_evaluation *oldest = &h->evaluation[0], put = {.figures = *e};
    for (int i = 1; i < RT_SNAPSHOT_EVALUATIONS; i++)
        if (h->evaluation[i].figures.step < oldest->figures.step)
            oldest = &h->evaluation[i];
    put.checksum = rt_hash64(&put.figures, sizeof put.figures);
    *oldest = put;
}

/* ---- reading ---- */

static rt_status read_at(int fd, const char *path, void *to, size_t len, size_t at)
{
    char *p = to;
    while (len > 0) {
        ssize_t n = pread(fd, p, len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return RT__FAIL_ERRNO(path, "read");
        if (n == 0)
            return RT_FAIL(CORRUPT, "%s: ends at byte %zu, in the middle of its data", path, at);
        p += n;
        at += (size_t)n;
        len -= (size_t)n;
    }
    return RT_OK;
}

/* Checks the file before anything is read: only a file that we made ourselves can be trusted. */
static rt_status check_file(const char *path, const struct stat *st)
{
    if (!S_ISREG(st->st_mode))
        return RT_FAIL(ARG, "%s: is not a plain file, so not a snapshot", path);
    if (st->st_uid != geteuid())
        return RT_FAIL(ARG, "%s: owner is user %u, expected %u: not used", path,
                       (unsigned)st->st_uid, (unsigned)geteuid());
    if (st->st_mode & 077)
        return RT_FAIL(ARG, "%s: mode is %03o, expected 600: others could have altered it", path,
                       (unsigned)(st->st_mode & 0777));
    if (st->st_size < RT_SNAPSHOT_DATA)
        return RT_FAIL(CORRUPT, "%s: size is %lld bytes, less than a header: truncated", path,
                       (long long)st->st_size);
    return RT_OK;
}

static bool is_text(const char *text, size_t room)
{
    return memchr(text, 0, room) != NULL;
}

static rt_status bad_field(const char *path, const char *field)
{
    return RT_FAIL(CORRUPT, "%s: header: the %s is not valid", path, field);
}

static rt_status check_about(const char *path, const rt_snapshot_about *a)
{
    if (!is_text(a->run, sizeof a->run) || !a->run[0])
        return bad_field(path, "run");
    if (!is_text(a->run_dir, sizeof a->run_dir) || a->run_dir[0] != '/')
        return bad_field(path, "run directory");
    if (a->generation < 0 || a->rank < 0)
        return bad_field(path, a->rank < 0 ? "rank" : "generation");
    if (a->count < 0 || a->count > ELEMENTS_MAX)
        return bad_field(path, "count");
    if (a->begin < 0 || a->begin > a->end || a->end > a->count)
        return bad_field(path, "range of elements");
    if (a->kinds < 1 || a->kinds > RT_SNAPSHOT_KINDS_MAX)
        return bad_field(path, "number of kinds");
    for (int64_t i = 0; i < a->kinds; i++)
        if (!is_text(a->kind[i], sizeof a->kind[i]) || !a->kind[i][0])
            return bad_field(path, "name of a kind");
    if (!is_text(a->layout_hash, sizeof a->layout_hash))
        return bad_field(path, "layout hash");
    if (!is_text(a->config_hash, sizeof a->config_hash))
        return bad_field(path, "configuration hash");
    return RT_OK;
}

/* Checks that the file's name, by which others find it, matches its header. */
static rt_status check_name(const char *path, const rt_snapshot_about *a)
{
    const char *slash = strrchr(path, '/');
    rt_snapshot_name n;
    if (!rt_snapshot_name_parse(slash ? slash + 1 : path, &n) || n.what >= RT_SNAPSHOT_MPI ||
        strcmp(n.run, a->run) != 0 || n.generation != a->generation || n.rank != a->rank)
        return RT_FAIL(MISMATCH,
                       "%s: name does not fit its header, which says run %s, generation %" PRId64
                       ", rank %" PRId64,
                       path, a->run, a->generation, a->rank);
    return RT_OK;
}

static rt_status check_header(const char *path, const rt_snapshot_header *h, int64_t size)
{
    if (memcmp(h->magic, MAGIC, sizeof h->magic) != 0)
        return RT_FAIL(CORRUPT, "%s: magic is not that of a snapshot", path);
    if (h->version != RT_SNAPSHOT_VERSION)
        return RT_FAIL(MISMATCH,
                       "%s: snapshot of format version %" PRId64
                       ", this program reads version %d: only the version of ringtorch that made "
                       "it can resume from it",
                       path, h->version, RT_SNAPSHOT_VERSION);
    if (h->checksum != header_checksum(h))
        return RT_FAIL(CORRUPT, "%s: header: checksum differs: altered", path);
    RT_TRY(check_about(path, &h->about));
    if (h->file_bytes != (int64_t)rt_snapshot_file_bytes(&h->about))
        return bad_field(path, "size of the file");
    if (size != h->file_bytes)
        return RT_FAIL(CORRUPT, "%s: size is %" PRId64 " bytes, its header says %" PRId64, path,
                       size, h->file_bytes);
    return check_name(path, &h->about);
}

static void take_slots(rt_snapshot *s, const rt_snapshot_header *h)
{
    for (int i = 0; i < RT_SNAPSHOT_SLOTS; i++) {
        int64_t commit = atomic_load(&h->slot[i].commit);
        s->slot[i].step = commit > 0 ? commit - 1 : -1;
        for (int k = 0; k < RT_SNAPSHOT_KINDS_MAX; k++)
            s->slot[i].checksum[k] = atomic_load(&h->slot[i].checksum[k]);
    }
    s->mark.step = atomic_load(&h->mark.step);
    s->mark.slice = atomic_load(&h->mark.slice);
    s->mark.phase = atomic_load(&h->mark.phase);
}

/* Copies the evaluations, without one that was being written when the rank was killed. */
static void take_evaluations(rt_snapshot *s, const rt_snapshot_header *h)
{
    for (int i = 0; i < RT_SNAPSHOT_EVALUATIONS; i++) {
        const rt_snapshot_evaluation *e = &h->evaluation[i];
        if (e->checksum == rt_hash64(&e->figures, sizeof e->figures) && e->figures.step > 0 &&
            rt_evaluated_is_possible(&e->figures))
            s->evaluation[s->evaluations++] = e->figures;
    }
}

static rt_status open_and_check(rt_snapshot *s, rt_snapshot_header *h)
{
    struct stat st;
    /* Must not wait if a pipe has this name. */
    s->fd = open(s->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (s->fd < 0)
        return RT__FAIL_ERRNO(s->path, "open");
    if (fstat(s->fd, &st) != 0)
        return RT__FAIL_ERRNO(s->path, "look at");
    RT_TRY(check_file(s->path, &st));
    RT_TRY(read_at(s->fd, s->path, h, sizeof *h, 0));
    RT_TRY(check_header(s->path, h, st.st_size));
    s->about = h->about;
    take_slots(s, h);
    take_evaluations(s, h);
    return RT_OK;
}

rt_status rt_snapshot_open(const char *path, rt_snapshot *out)
{
    *out = (rt_snapshot){.fd = -1, .path = rt_strdup(path)};
    rt_snapshot_header *h = rt_malloc_aligned(64, sizeof *h);
    rt_status status = out->path && h ? open_and_check(out, h) : RT_E_NOMEM;
    rt_mem_free(h);
    if (status != RT_OK)
        rt_snapshot_close(out);
    return status;
}

void rt_snapshot_close(rt_snapshot *s)
{
    if (s->fd >= 0)
        close(s->fd);
    rt_mem_free(s->path);
    *s = (rt_snapshot){.fd = -1};
}

int rt_snapshot_slot_at(const rt_snapshot *s, int64_t step)
{
    for (int i = 0; i < RT_SNAPSHOT_SLOTS; i++)
        if (step >= 0 && s->slot[i].step == step)
            return i;
    return -1;
}

int rt_snapshot_newest(const rt_snapshot *s)
{
    int best = -1;
    for (int i = 0; i < RT_SNAPSHOT_SLOTS; i++)
        if (s->slot[i].step >= 0 && (best < 0 || s->slot[i].step > s->slot[best].step))
            best = i;
    return best;
}

/* Checks that the slot still holds what it held when the file was opened; its writer may still be running. */
static rt_status check_unchanged(const rt_snapshot *s, int slot)
{
    int64_t commit;
    size_t at = offsetof(rt_snapshot_header, slot) + (size_t)slot * sizeof(rt_snapshot_slot);
    RT_TRY(read_at(s->fd, s->path, &commit, sizeof commit, at));
    if (commit != s->slot[slot].step + 1)
        return RT_FAIL(NOTFOUND, "%s: step %" PRId64 ": was overwritten while it was read", s->path,
                       s->slot[slot].step);
    return RT_OK;
}

static rt_status check_slot(const rt_snapshot *s, int slot)
{
    if (slot < 0 || slot >= RT_SNAPSHOT_SLOTS || s->slot[slot].step < 0)
        return RT_FAIL(CORRUPT, "%s: slot %d holds no step", s->path, slot);
    return RT_OK;
}

static rt_status kind_checksum(const rt_snapshot *s, int slot, int kind, void *piece, uint64_t *sum)
{
    const size_t bytes = rt_snapshot_kind_bytes(&s->about);
    const size_t from = rt_snapshot_offset(&s->about, slot, kind);
    *sum = 0;
    for (size_t at = 0; at < bytes; at += RT_SNAPSHOT_PIECE) {
        size_t len = bytes - at < RT_SNAPSHOT_PIECE ? bytes - at : RT_SNAPSHOT_PIECE;
        RT_TRY(read_at(s->fd, s->path, piece, len, from + at));
        *sum = rt_snapshot_checksum(*sum, piece, len);
    }
    return RT_OK;
}

static rt_status verify_kind(const rt_snapshot *s, int slot, int kind, void *piece)
{
    uint64_t sum, expected = s->slot[slot].checksum[kind];
    RT_TRY(kind_checksum(s, slot, kind, piece, &sum));
    RT_TRY(check_unchanged(s, slot));
    if (sum != expected)
        return RT_FAIL(CORRUPT,
                       "%s: step %" PRId64 ": %s has checksum %016" PRIx64 ", expected %016" PRIx64
                       ": altered",
                       s->path, s->slot[slot].step, s->about.kind[kind], sum, expected);
    return RT_OK;
}

rt_status rt_snapshot_verify(const rt_snapshot *s, int slot)
{
    RT_TRY(check_slot(s, slot));
    void *piece = rt_malloc(RT_SNAPSHOT_PIECE);
    rt_status status = piece ? RT_OK : RT_E_NOMEM;
    for (int kind = 0; status == RT_OK && kind < s->about.kinds; kind++)
        status = verify_kind(s, slot, kind, piece);
    rt_mem_free(piece);
    return status;
}

rt_status rt_snapshot_read(const rt_snapshot *s, int slot, int kind, int64_t begin, int64_t end,
                           float *to)
{
    const rt_snapshot_about *a = &s->about;
    RT_TRY(check_slot(s, slot));
    if (kind < 0 || kind >= a->kinds || begin < a->begin || begin > end || end > a->end)
        return RT_FAIL(CORRUPT,
                       "%s: step %" PRId64 ": elements [%" PRId64 ",%" PRId64
                       ") of kind %d are not in it: it holds [%" PRId64 ",%" PRId64 ") of %" PRId64
                       " kinds",
                       s->path, s->slot[slot].step, begin, end, kind, a->begin, a->end, a->kinds);
    size_t at = rt_snapshot_offset(a, slot, kind) + (size_t)(begin - a->begin) * sizeof(float);
    RT_TRY(read_at(s->fd, s->path, to, (size_t)(end - begin) * sizeof(float), at));
    return check_unchanged(s, slot);
}

/* The copy reads the source once. A piece is stored with instructions that bypass the caches; so the source stays in
 * the first-level cache, from which its checksum is computed, and the weights that the next step needs are not evicted.
 * Parts that have just been updated need not be read from memory either. */
#include "worker/snapshot.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include "common/base/clock.h"
#include "common/base/container.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/os/os.h"
#include "common/state/snapshot_list.h"

enum { LINE = 64 }; /* bytes of a cache line */

struct rt__snapshot {
    rt_snapshot_about about;
    rt__progress *progress;
    double keep_free, host_bytes;
    const float *from[RT_SNAPSHOT_KINDS_MAX]; /* first owned element of each kind */

    char *path;
    int fd;
    rt_snapshot_header *header; /* mapped; the slots follow it */
    char *data;                 /* the slots, once the thread is done; NULL if there is trouble */
    int next;                   /* slot to write: the older one */
    rt__snapshot_view part;     /* that slot, while it is filled in parts */
    int64_t filled;             /* the parts reach up to this element; -1 if there is none */

    pthread_t thread;
    bool joined;
    atomic_bool troubled; /* `trouble` is set */
    char trouble[512];

    int64_t taken;
    double seconds; /* spent copying */
};

/* ---- copying ---- */

#ifdef __SSE2__
static void stream(char *restrict to, const char *restrict from, size_t bytes)
{
    size_t at = 0;
    for (; at + LINE <= bytes; at += LINE)
        for (size_t i = 0; i < LINE; i += sizeof(__m128i))
            _mm_stream_si128((__m128i *)(to + at + i),
                             _mm_loadu_si128((const __m128i *)(from + at + i)));
    memcpy(to + at, from + at, bytes - at);
}

/* Stores that bypass the caches need a fence of their own. */
static void stream_end(void)
{
    _mm_sfence();
}
#else
static void stream(char *restrict to, const char *restrict from, size_t bytes)
{
    memcpy(to, from, bytes);
}

static void stream_end(void)
{
}
#endif

uint64_t rt__snapshot_copy(void *to, const void *from, size_t bytes, uint64_t checksum)
{
    for (size_t at = 0; at < bytes; at += RT_SNAPSHOT_PIECE) {
        size_t len = bytes - at < RT_SNAPSHOT_PIECE ? bytes - at : RT_SNAPSHOT_PIECE;
        stream((char *)to + at, (const char *)from + at, len);
        checksum = rt_snapshot_checksum(checksum, (const char *)from + at, len);
    }
    stream_end();
    return checksum;
}

/* ---- starting ---- */

static void set_trouble(rt__snapshot *s)
{
    snprintf(s->trouble, sizeof s->trouble, "%s", rt_error());
    rt_error_clear();
    rt_log_warn("no snapshots: %s: a lost worker is recovered from a checkpoint", s->trouble);
    atomic_store_explicit(&s->troubled, true, memory_order_release);
}

/* Returns the slots' memory to the system; keeps the header with the mark. */
static void free_slots(const rt__snapshot *s)
{
    if (ftruncate(s->fd, RT_SNAPSHOT_DATA) != 0 ||
        ftruncate(s->fd, (off_t)rt_snapshot_file_bytes(&s->about)) != 0)
        rt_log_warn("%s: its memory cannot be given back: %m", s->path);
}

/* Checks that there is room for `bytes` bytes besides the memory that others may need. */
static rt_status check_room(const rt__snapshot *s, size_t bytes)
{
    struct statvfs f;
    if (fstatvfs(s->fd, &f) != 0)
        return RT_FAIL(IO, "%s: cannot find out how much room its file system has: %m", s->path);
    double room = (double)f.f_bavail * (double)f.f_frsize;
    if (room >= (double)bytes + s->keep_free)
        return RT_OK;
    char advice[RT_CONTAINER_ADVICE];
    bool advised =
        strncmp(s->path, "/dev/shm/", 9) == 0 && rt_container_shm_advice("", s->host_bytes, advice);
    return RT_FAIL(NOSPACE,
                   "%s: %.1f MB are free, it needs %.1f MB and MPI may need %.1f MB: %s%ssee "
                   "snapshot.dir",
                   s->path, room / 1e6, (double)bytes / 1e6, s->keep_free / 1e6,
                   advised ? advice : "", advised ? ", or " : "");
}

static rt_status map_slots(rt__snapshot *s, size_t bytes)
{
    void *data = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | rt_os_map_now, s->fd,
                      RT_SNAPSHOT_DATA);
    if (data == MAP_FAILED)
        return RT_FAIL(NOMEM, "%s: cannot be mapped: %m", s->path);
    s->data = data;
    return RT_OK;
}

/* Runs on a thread of its own, because the system clears every page first, which takes a tenth of a second for 400 MB. */
static void *reserve(void *arg)
{
    rt__snapshot *s = arg;
    size_t bytes = rt_snapshot_file_bytes(&s->about) - RT_SNAPSHOT_DATA;
    rt_status status = check_room(s, bytes);
    if (status == RT_OK)
        status = rt_snapshot_allocate(s->fd, s->path, &s->about);
    if (status == RT_OK)
        status = check_room(s, 0); /* others reserve at the same time */
    if (status == RT_OK && bytes > 0)
        status = map_slots(s, bytes);
    if (status != RT_OK) {
        set_trouble(s);
        free_slots(s);
    }
    return NULL;
}

static rt_status make_file(rt__snapshot *s, const char *dir, rt_snapshot_what what)
{
    rt_snapshot_name name = {
        .what = what, .generation = s->about.generation, .rank = s->about.rank};
    memcpy(name.run, s->about.run, sizeof name.run);
    RT_TRY(rt_snapshot_tag_make(name.tag));
    s->path = rt_snapshot_path(dir, &name);
    if (!s->path)
        return RT_E_NOMEM;
    RT_TRY(rt_snapshot_create(s->path, &s->about, &s->fd));
    void *header =
        mmap(NULL, RT_SNAPSHOT_DATA, PROT_READ | PROT_WRITE, MAP_SHARED | rt_os_map_now, s->fd, 0);
    if (header == MAP_FAILED)
        return RT_FAIL(NOMEM, "%s: cannot be mapped: %m", s->path);
    s->header = header;
    return RT_OK;
}

/* Unmaps and frees; the thread must not be running. */
static void unmap_and_free(rt__snapshot *s)
{
    if (s->progress)
        rt__progress_mirror(s->progress, NULL, NULL, NULL);
    if (s->header)
        munmap(s->header, RT_SNAPSHOT_DATA);
    if (s->data)
        munmap(s->data, rt_snapshot_file_bytes(&s->about) - RT_SNAPSHOT_DATA);
    if (s->fd >= 0)
        close(s->fd);
    rt_mem_free(s->path);
    rt_mem_free(s);
}

static rt_status take_kinds(rt__snapshot *s, const rt__snapshot_args *a)
{
    for (int kind = 0; kind < s->about.kinds; kind++) {
        const rt_buf *b = &a->kind[kind];
        if (b->dtype != RT_F32 || b->device.kind != RT_CPU)
            return RT_FAIL(
                UNSUPPORTED,
                "snapshot: %s has type %s%s, but snapshots hold only float32 in host memory",
                s->about.kind[kind], rt_dtype_name(b->dtype),
                b->device.kind == RT_CPU ? "" : " on a device");
        s->from[kind] = b->data ? (const float *)b->data + s->about.begin : NULL;
    }
    return RT_OK;
}

rt_status rt__snapshot_start(const rt__snapshot_args *a, rt__snapshot **out)
{
    rt__snapshot *s = rt_calloc(1, sizeof *s);
    if (!s)
        return RT_E_NOMEM;
    s->fd = s->filled = -1;
    s->keep_free = a->keep_free;
    s->about = *a->about;
    s->host_bytes = a->keep_free + (double)a->files * (double)rt_snapshot_file_bytes(&s->about);
    rt_status status = take_kinds(s, a);
    if (status == RT_OK)
        status = make_file(s, a->dir, a->what);
    if (status == RT_OK && pthread_create(&s->thread, NULL, reserve, s) != 0)
        status = RT_FAIL(NOMEM, "snapshots: the system refuses another thread: raise the limit of "
                                "processes (ulimit -u)");
    if (status != RT_OK) {
        if (s->fd >= 0)
            unlink(s->path);
        unmap_and_free(s);
        return status;
    }
    s->progress = a->progress;
    if (s->progress)
        rt__progress_mirror(s->progress, &s->header->mark.step, &s->header->mark.slice,
                            &s->header->mark.phase);
    *out = s;
    return RT_OK;
}

/* ---- taking ---- */

static void join(rt__snapshot *s)
{
    if (!s->joined)
        pthread_join(s->thread, NULL);
    s->joined = true;
}

static size_t slot_bytes(const rt__snapshot *s)
{
    return rt_snapshot_offset(&s->about, 1, 0) - rt_snapshot_offset(&s->about, 0, 0);
}

/* Returns NULL for a rank that owns no elements. */
static char *slot_data(const rt__snapshot *s, int slot)
{
    return s->data ? s->data + (size_t)slot * slot_bytes(s) : NULL;
}

bool rt__snapshot_ready(rt__snapshot *s)
{
    join(s);
    return !atomic_load_explicit(&s->troubled, memory_order_relaxed);
}

bool rt__snapshot_begin(rt__snapshot *s, rt__snapshot_view *out)
{
    if (!rt__snapshot_ready(s))
        return false;
    atomic_store_explicit(&s->header->slot[s->next].commit, 0, memory_order_relaxed);
    atomic_thread_fence(
        memory_order_release); /* no byte may change before the slot is marked empty */
    *out = (rt__snapshot_view){.step = -1, .data = slot_data(s, s->next), .bytes = slot_bytes(s)};
    return true;
}

void rt__snapshot_commit(rt__snapshot *s, const rt__snapshot_view *v)
{
    rt_snapshot_slot *slot = &s->header->slot[s->next];
    for (int kind = 0; kind < s->about.kinds; kind++)
        atomic_store_explicit(&slot->checksum[kind], v->checksum[kind], memory_order_relaxed);
    atomic_store_explicit(&slot->commit, v->step + 1, memory_order_release);
    s->next = 1 - s->next;
    s->taken++;
}

bool rt__snapshot_last(const rt__snapshot *s, rt__snapshot_view *out)
{
    const int last = 1 - s->next;
    const rt_snapshot_slot *slot = &s->header->slot[last];
    if (s->taken == 0)
        return false;
    *out = (rt__snapshot_view){
        .step = atomic_load_explicit(&slot->commit, memory_order_relaxed) - 1,
        .data = slot_data(s, last),
        .bytes = slot_bytes(s),
    };
    for (int kind = 0; kind < s->about.kinds; kind++)
        out->checksum[kind] = atomic_load_explicit(&slot->checksum[kind], memory_order_relaxed);
    return true;
}

/* Copies the owned elements [begin,end) and extends the checksums. */
static void copy_elements(const rt__snapshot *s, rt__snapshot_view *v, int64_t begin, int64_t end)
{
    const size_t first = (size_t)(begin - s->about.begin), n = (size_t)(end - begin);
    if (n == 0)
        return;
    for (int kind = 0; kind < s->about.kinds; kind++) {
        size_t at = rt_snapshot_offset(&s->about, 0, kind) - RT_SNAPSHOT_DATA;
        v->checksum[kind] =
            rt__snapshot_copy((char *)v->data + at + first * sizeof(float), s->from[kind] + first,
                              n * sizeof(float), v->checksum[kind]);
    }
}

void rt__snapshot_part(rt__snapshot *s, int64_t begin, int64_t end)
{
    const rt_snapshot_about *a = &s->about;
    begin = begin > a->begin ? begin : a->begin;
    end = end < a->end ? end : a->end;
    if (begin >= end || !rt__snapshot_ready(s))
        return;
    double began = rt_clock();
    if (begin == a->begin) {
        rt__snapshot_begin(s, &s->part);
        s->filled = begin;
    }
    RT_ASSERT(begin == s->filled);
    copy_elements(s, &s->part, begin, end);
    s->filled = end;
    s->seconds += rt_clock() - began;
}

bool rt__snapshot_take(rt__snapshot *s, int64_t step)
{
    if (!rt__snapshot_ready(s))
        return false;
    double began = rt_clock();
    if (s->filled != s->about.end) {
        rt__snapshot_begin(s, &s->part);
        copy_elements(s, &s->part, s->about.begin, s->about.end);
    }
    s->filled = -1;
    s->part.step = step;
    rt__snapshot_commit(s, &s->part);
    s->seconds += rt_clock() - began;
    return true;
}

void rt__snapshot_evaluated(rt__snapshot *s, const rt_evaluated *e)
{
    rt_snapshot_put_evaluation(s->header, e);
}

const char *rt__snapshot_trouble(const rt__snapshot *s)
{
    return atomic_load_explicit(&s->troubled, memory_order_acquire) ? s->trouble : "";
}

void rt__snapshot_end(rt__snapshot *s)
{
    if (!s)
        return;
    join(s);
    if (s->taken > 0)
        rt_log_info("snapshots: %" PRId64 " of %.2f MB, %.3f ms each, mean", s->taken,
                    1e-6 * (double)((size_t)s->about.kinds * rt_snapshot_kind_bytes(&s->about)),
                    1e3 * s->seconds / (double)s->taken);
    unmap_and_free(s);
}

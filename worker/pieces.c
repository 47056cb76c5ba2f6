#include "worker/pieces.h"

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "worker/run_parts.h"
#include <inttypes.h>
#include <pthread.h>
#include <ringtorch/formats.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { NAME_MAX_BYTES = 512 };

struct rt__pieces {
    rt_run *run;
    rt_range owned; /* without the tail */
    int rank;
    int64_t generation;
    char *dir;
    void (*on_done)(void *ctx, const rt__piece_result *r);
    void *ctx;

    int buffers;    /* number of flat buffers */
    rt_buf *staged; /* [buffers] copies of the owned elements */

    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool full; /* the staging buffer holds a state not yet written */
    bool ending;
    int64_t step; /* of that state */
};

/* ---- the writing thread ---- */

static rt_status add_entry(const rt__pieces *p, rt_st_writer *w, const rt__run_part *part)
{
    int64_t begin = part->begin > p->owned.begin ? part->begin : p->owned.begin;
    int64_t end = part->end < p->owned.end ? part->end : p->owned.end;
    char name[NAME_MAX_BYTES];
    if (begin >= end)
        return RT_OK;
    snprintf(name, sizeof name, "%s/%s@%" PRId64, part->kind, part->tensor, begin - part->begin);
    const rt_buf staged = rt_buf_range(p->staged[part->number],
                                       (rt_range){begin - p->owned.begin, end - p->owned.begin});
    return rt_st_add(w, name, staged.dtype, rt_shape(staged.count), staged.data);
}

static rt_status fill(const rt__pieces *p, rt_st_writer *w, int64_t step)
{
    char text[24];
    rt__run_part part;
    snprintf(text, sizeof text, "%" PRId64, step);
    RT_TRY(rt_st_metadata(w, "step", text));
    for (int64_t i = 0; rt__run_part_at(p->run, i, &part); i++)
        RT_TRY(add_entry(p, w, &part));
    return RT_OK;
}

static rt_status write_piece(const rt__pieces *p, rt__piece_result *r)
{
    uint64_t bytes;
    rt_st_writer *w = NULL;
    char *path = NULL;
    char *dir =
        rt_strdup_printf("%s/.step-%08" PRId64 ".g%" PRId64 ".tmp", p->dir, r->step, p->generation);
    if (!dir)
        return RT_E_NOMEM;
    rt_status status;
    /* A run directory that is renamed while the run is in it must not come into being again. */
    RT_TRY_GOTO(rt_dir_make_in_place(p->dir, 0755), done);
    RT_TRY_GOTO(rt_dir_make_in_place(dir, 0755), done);
    path = rt_path_join(dir, r->file);
    RT_TRY_GOTO(path ? RT_OK : RT_E_NOMEM, done);
    RT_TRY_GOTO(rt_st_create(path, &w), done);
    status = fill(p, w, r->step);
    if (status != RT_OK) {
        rt_st_abandon(w);
        goto done;
    }
    status = rt_st_finish(w, &bytes, &r->checksum);
    r->bytes = (int64_t)bytes;
done:
    rt_mem_free(path);
    rt_mem_free(dir);
    return status;
}

static void write_and_report(rt__pieces *p)
{
    rt__piece_result r = {.step = p->step};
    snprintf(r.file, sizeof r.file, "piece-%05d.safetensors", p->rank);
    r.status = write_piece(p, &r);
    r.reason = rt_error();
    p->on_done(p->ctx, &r);
    rt_error_clear();
}

static void *write_pieces(void *arg)
{
    rt__pieces *p = arg;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (!p->full && !p->ending)
            pthread_cond_wait(&p->changed, &p->lock);
        if (!p->full)
            break;
        pthread_mutex_unlock(&p->lock);
        write_and_report(p);
        pthread_mutex_lock(&p->lock);
        p->full = false;
        pthread_cond_broadcast(&p->changed);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* ---- the computing thread ---- */

static bool make_staged(rt__pieces *p)
{
    p->buffers = rt__run_buffers(p->run);
    p->staged = rt_calloc((size_t)p->buffers, sizeof *p->staged);
    for (int i = 0; p->staged && i < p->buffers; i++) {
        p->staged[i] = rt_buf_range(rt__run_buffer(p->run, i, NULL), p->owned);
        p->staged[i].data = rt_calloc(1, rt_buf_bytes(p->staged[i]));
        if (!p->staged[i].data)
            return false;
    }
    return p->staged != NULL;
}

static void free_staged(rt__pieces *p)
{
    for (int i = 0; p->staged && i < p->buffers; i++)
        rt_mem_free(p->staged[i].data);
    rt_mem_free(p->staged);
}

rt_status rt__pieces_start(const rt__pieces_args *a, rt__pieces **out)
{
    rt__pieces *p = rt_calloc(1, sizeof *p);
    if (!p)
        return RT_E_NOMEM;
    *p = (rt__pieces){.run = a->run,
                      .owned = a->owned,
                      .rank = a->rank,
                      .generation = a->generation,
                      .on_done = a->on_done,
                      .ctx = a->ctx};
    int64_t tail = rt_run_flat(a->run)->tail;
    if (p->owned.end > tail)
        p->owned.end = tail;
    if (p->owned.begin > p->owned.end)
        p->owned.begin = p->owned.end;
    const bool staged = make_staged(p);
    p->dir = rt_strdup(a->dir);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    if (!staged || !p->dir || pthread_create(&p->thread, NULL, write_pieces, p) != 0) {
        free_staged(p);
        rt_mem_free(p->dir);
        rt_mem_free(p);
        return RT_FAIL(NOMEM, "cannot start the checkpoint thread: the system refuses memory or "
                              "another thread (ulimit -u)");
    }
    *out = p;
    return RT_OK;
}

void rt__pieces_wait(rt__pieces *p)
{
    pthread_mutex_lock(&p->lock);
    while (p->full)
        pthread_cond_wait(&p->changed, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

void rt__pieces_save(rt__pieces *p, int64_t step)
{
    rt__pieces_wait(p);
    for (int i = 0; i < p->buffers; i++)
        memcpy(p->staged[i].data, rt_buf_range(rt__run_buffer(p->run, i, NULL), p->owned).data,
               rt_buf_bytes(p->staged[i]));
    pthread_mutex_lock(&p->lock);
    p->step = step;
    p->full = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

void rt__pieces_end(rt__pieces *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->ending = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    free_staged(p);
    rt_mem_free(p->dir);
    rt_mem_free(p);
}

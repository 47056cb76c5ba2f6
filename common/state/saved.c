#include "common/state/saved.h"

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/input.h"
#include "common/base/mem.h"
#include "common/state/saved_cover.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char advice[] = "use another checkpoint";

/* ---- bytes ---- */

/* Called for each piece in turn. */
typedef rt_status visit_piece(rt_saved *s, const char *path, const rt_manifest_piece *p,
                              const rt_watch *watch);

static rt_status for_each_piece(rt_saved *s, visit_piece *visit, const rt_watch *watch)
{
    rt_status status = RT_OK;
    for (int64_t i = 0; i < s->manifest.world && status == RT_OK; i++) {
        rt_manifest_piece p = rt_manifest_piece_at(&s->manifest, i);
        char *path = rt_path_join(s->dir, p.file);
        status = path ? visit(s, path, &p, watch) : rt_error_code();
        rt_mem_free(path);
    }
    return status;
}

/* Opens a piece and checks its type and length. */
static rt_status open_whole(const char *path, const rt_manifest_piece *p, int *fd)
{
    int64_t length;
    bool there;
    RT_TRY(rt_path_look(path, &there));
    if (!there)
        return RT_FAIL(NOTFOUND, "%s: is missing: %s", path, advice);
    RT_TRY(rt_input_open(path, RT_INPUT_FILE, fd, &length));
    if (length == p->bytes)
        return RT_OK;
    close(*fd);
    return RT_FAIL(CORRUPT,
                   "%s: truncated or extended: %" PRId64 " bytes, expected %" PRId64 ": %s", path,
                   length, p->bytes, advice);
}

/* All pieces are measured before the first is read, so that missing ones are reported at once. */
static rt_status measure_piece(rt_saved *s, const char *path, const rt_manifest_piece *p,
                               const rt_watch *watch)
{
    (void)s, (void)watch;
    int fd;
    RT_TRY(open_whole(path, p, &fd));
    close(fd);
    return RT_OK;
}

static rt_status verify_piece(rt_saved *s, const char *path, const rt_manifest_piece *p,
                              const rt_watch *watch)
{
    (void)s;
    int fd;
    uint64_t sum, read;
    char hex[17];
    RT_TRY(open_whole(path, p, &fd));
    rt_status status = rt_hash64_input(fd, path, watch, &sum, &read);
    close(fd);
    RT_TRY(status);
    snprintf(hex, sizeof hex, "%016" PRIx64, sum);
    if (strcmp(hex, p->checksum) != 0)
        return RT_FAIL(CORRUPT, "%s: altered: its checksum is %s, expected %s: %s", path, hex,
                       p->checksum, advice);
    return RT_OK;
}

static rt_status open_piece(rt_saved *s, const char *path, const rt_manifest_piece *p,
                            const rt_watch *watch)
{
    (void)p, (void)watch;
    RT_TRY(rt_st_open(path, &s->piece[s->pieces]));
    s->pieces++;
    return RT_OK;
}

/* ---- the whole checkpoint ---- */

static int64_t all_bytes(const rt_manifest *m)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < m->world; i++)
        if (__builtin_add_overflow(sum, rt_manifest_piece_at(m, i).bytes, &sum))
            return INT64_MAX; /* measuring will refuse it */
    return sum;
}

static rt_status open_all(rt_saved *s, const rt_watch *watch)
{
    RT_TRY(rt_manifest_read(s->dir, &s->manifest));
    s->piece = rt_calloc((size_t)s->manifest.world, sizeof *s->piece);
    if (!s->piece)
        return rt_error_code();
    RT_TRY(for_each_piece(s, measure_piece, NULL));
    if (watch && watch->on_begin)
        watch->on_begin(watch->ctx, s->dir, all_bytes(&s->manifest));
    RT_TRY(for_each_piece(s, verify_piece, watch));
    RT_TRY(for_each_piece(s, open_piece, NULL));
    return rt__saved_check_cover(s);
}

rt_status rt_saved_open(const char *dir, const rt_watch *watch, rt_saved *out)
{
    *out = (rt_saved){.dir = rt_strdup(dir)};
    rt_status status = out->dir ? open_all(out, watch) : rt_error_code();
    if (status != RT_OK)
        rt_saved_close(out);
    return status;
}

void rt_saved_close(rt_saved *s)
{
    for (int i = 0; i < s->pieces; i++)
        rt_st_close(s->piece[i]);
    rt_mem_free(s->piece);
    rt_manifest_release(&s->manifest);
    rt_mem_free(s->dir);
    *s = (rt_saved){0};
}

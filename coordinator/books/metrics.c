#include "coordinator/books/metrics.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/file_error.h"
#include "common/base/input.h"
#include "common/base/mem.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- files ---- */

typedef struct mapping {
    const char *data;
    size_t size;
} mapping;
static const mapping nothing = {"", 0}; /* no file, or an empty one */

/* Maps the file. If it does not exist, it counts as empty. */
static rt_status map_file(const char *path, mapping *m)
{
    int fd;
    int64_t size;
    *m = nothing;
    if (!rt_path_exists(path))
        return RT_OK;
    RT_TRY(rt_input_open(path, RT_INPUT_FILE, &fd, &size));
    void *data = size > 0 ? mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    rt_status status = data == MAP_FAILED ? RT__FAIL_ERRNO(path, "map") : RT_OK;
    if (status == RT_OK && data)
        *m = (mapping){data, (size_t)size};
    close(fd);
    return status;
}

static void unmap(mapping *m)
{
    if (m->size > 0)
        munmap((void *)m->data, m->size);
    *m = nothing;
}

/* ---- lines ---- */

typedef struct line {
    const char *at;
    /* with its newline, if it has one; RT_INPUT_LINE_MAX + 1 of a line that is longer than lines may be */
    size_t len;
    int64_t step; /* -1: the line is no row */
} line;

/* Returns the number at `at`, or -1 if there are no digits, or more than a step can have. */
static int64_t digits(const char *at, const char *end)
{
    int64_t value = 0;
    int count = 0;
    for (; at < end && *at >= '0' && *at <= '9'; at++, count++)
        value = count < 18 ? 10 * value + (*at - '0') : -1;
    return count > 0 && count <= 18 ? value : -1;
}

static line line_at(const char *at, const char *end)
{
    static const char begins[] = "{\"step\":";
    const size_t head = sizeof begins - 1;
    size_t most = end - at > RT_INPUT_LINE_MAX ? RT_INPUT_LINE_MAX + 1 : (size_t)(end - at);
    const char *newline = memchr(at, '\n', most);
    line l = {at, newline ? (size_t)(newline + 1 - at) : most, -1};
    if (newline && l.len > head + 2 && newline[-1] == '}' && memcmp(at, begins, head) == 0)
        l.step = digits(at + head, newline);
    l.step = l.step > 0 ? l.step : -1; /* the first step is 1 */
    return l;
}

/* Returns the line that ends at offset `at`, which must not be 0. */
static line line_before(const mapping *m, size_t at)
{
    const char *newline = memrchr(m->data, '\n', at - 1);
    return line_at(newline ? newline + 1 : m->data, m->data + m->size);
}

static int64_t generation_of(const line *l)
{
    static const char key[] = "\"generation\":";
    const char *at = memmem(l->at, l->len, key, sizeof key - 1);
    return at ? digits(at + sizeof key - 1, l->at + l->len) : -1;
}

/* ---- moving rows ---- */

/* Returns how many of the block's first bytes the file already ends with: a process may have appended them and died
 * before it removed them from the other file. No row is ever written twice, so equal rows are the same row. */
static size_t bytes_at_end(const mapping *file, const char *block, size_t len)
{
    const char *end = file->data + file->size;
    size_t most = file->size < len ? file->size : len;
    for (const char *at = end - most; file->data && at < end;) {
        bool begins = at == file->data || at[-1] == '\n';
        if (begins && memcmp(at, block, (size_t)(end - at)) == 0)
            return (size_t)(end - at);
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline ? newline + 1 : end;
    }
    return 0;
}

/* Appends a block of whole lines, except those that the file already has. */
static rt_status append_once(const char *path, const char *block, size_t len)
{
    mapping file;
    int fd;
    RT_TRY(rt_file_open_lines(path, &fd));
    rt_status written = map_file(path, &file);
    if (written == RT_OK) {
        size_t done = bytes_at_end(&file, block, len);
        unmap(&file);
        written = rt_file_write(fd, path, block + done, len - done);
    }
    rt_status finished = rt_file_finish(fd, path);
    return written != RT_OK ? written : finished;
}

/* ---- opening ---- */

/* *increasing: whether the file holds only rows whose steps increase. Only then *newest, the last step, is valid. */
static rt_status read_history(const rt__metrics *files, const mapping *m, bool *increasing,
                              int64_t *newest)
{
    const char *end = m->data + m->size, *reported = m->data;
    *newest = -1;
    *increasing = true;
    for (const char *at = m->data; at < end;) {
        line l = line_at(at, end);
        if (files->reading && at - reported >= files->reading_step) {
            files->reading(at - m->data, (int64_t)m->size);
            reported = at;
        }
        if (l.len > RT_INPUT_LINE_MAX)
            return rt_input_line_too_long(files->path, at - m->data);
        *increasing &= l.step > *newest;
        *newest = l.step;
        at += l.len;
    }
    return RT_OK;
}

typedef struct rows {
    line *list; /* owned */
    size_t count, room;
} rows;

static rt_status append(rows *r, const line *l)
{
    if (r->count == r->room) {
        size_t room = r->room ? 2 * r->room : 1024;
        line *more = rt_realloc(r->list, room * sizeof *more);
        if (!more)
            return rt_error_code();
        r->list = more;
        r->room = room;
    }
    r->list[r->count++] = *l;
    return RT_OK;
}

/* Adds a row to those to keep. If its step is not beyond that of a row before it, the run had gone back: the later row wins. */
static rt_status push(rows *r, const line *l)
{
    while (r->count > 0 && r->list[r->count - 1].step >= l->step)
        r->count--;
    return append(r, l);
}

static rt_status find_rows(const mapping *m, rows *r)
{
    const char *end = m->data + m->size;
    for (const char *at = m->data; at < end;) {
        line l = line_at(at, end);
        if (l.step >= 0)
            RT_TRY(push(r, &l));
        at += l.len;
    }
    return RT_OK;
}

typedef struct block {
    char *data; /* owned */
    size_t len;
} block;

static void add_line(block *b, const line *l)
{
    memcpy(b->data + b->len, l->at, l->len);
    b->len += l->len;
    if (l->at[l->len - 1] != '\n')
        b->data[b->len++] = '\n';
}

/* Returns how many whole lines are moved. Both blocks must have room for the whole file and a newline. */
static int64_t split(const mapping *m, const rows *r, block *kept, block *moved)
{
    const char *end = m->data + m->size;
    int64_t count = 0;
    size_t next = 0;
    for (const char *at = m->data; at < end;) {
        line l = line_at(at, end);
        bool holds = next < r->count && r->list[next].at == at;
        next += holds;
        add_line(holds ? kept : moved, &l);
        count += !holds && l.at[l.len - 1] == '\n';
        at += l.len;
    }
    return count;
}

static rt_status mend(const rt__metrics *m, const mapping *file)
{
    rows r = {0};
    int64_t count = 0;
    block kept = {rt_malloc(file->size + 1), 0}, moved = {rt_malloc(file->size + 1), 0};
    rt_status status = kept.data && moved.data ? find_rows(file, &r) : rt_error_code();
    if (status == RT_OK) {
        count = split(file, &r, &kept, &moved);
        status = append_once(m->abandoned, moved.data, moved.len);
    }
    if (status == RT_OK)
        status = rt_file_replace(m->path, kept.data, kept.len);
    if (status == RT_OK && m->moved)
        *m->moved += count;
    rt_mem_free(r.list);
    rt_mem_free(kept.data);
    rt_mem_free(moved.data);
    return status;
}

rt_status rt__metrics_open(const rt__metrics *m, int64_t *newest)
{
    mapping file;
    bool increasing;
    *newest = -1;
    RT_TRY(map_file(m->path, &file));
    rt_status status = read_history(m, &file, &increasing, newest);
    if (status == RT_OK && !increasing) {
        status = mend(m, &file);
        unmap(&file);
        if (status == RT_OK)
            status = map_file(m->path, &file);
        if (status == RT_OK)
            status = read_history(m, &file, &increasing, newest);
    }
    unmap(&file);
    return status;
}

/* ---- going back ---- */

rt_status rt__metrics_rewind(const rt__metrics *m, int64_t step, int64_t *newest)
{
    mapping file;
    RT_TRY(map_file(m->path, &file));
    size_t at = file.size;
    *newest = -1;
    while (at > 0 && *newest < 0) {
        line l = line_before(&file, at);
        if (l.step >= 0 && l.step <= step)
            *newest = l.step;
        else
            at = (size_t)(l.at - file.data);
    }
    rt_status status = RT_OK;
    if (at < file.size)
        status = append_once(m->abandoned, file.data + at, file.size - at);
    if (status == RT_OK && at < file.size && truncate(m->path, (off_t)at) != 0)
        status = RT__FAIL_ERRNO(m->path, "shorten");
    unmap(&file);
    return status;
}

/* ---- going forward ---- */

static bool is_evaluated(const line *l)
{
    static const char key[] = "\"eval_loss\":";
    return memmem(l->at, l->len, key, sizeof key - 1) != NULL;
}

static bool is_wanted(const line *l, int64_t after, const rt__rows_wanted *want)
{
    if (l->step <= after || l->step > want->step)
        return false;
    if (want->evaluated && l->step == want->step && !is_evaluated(l))
        return false;
    int64_t generation = generation_of(l);
    return generation >= want->since && !rt__doubts_include(want->doubts, generation, l->step);
}

/* Sorts by step; of equal steps the row to prefer comes last. */
static int by_step(const void *a, const void *b)
{
    const line *x = a, *y = b;
    if (x->step != y->step)
        return x->step < y->step ? -1 : 1;
    bool evaluated = is_evaluated(x);
    if (evaluated != is_evaluated(y))
        return evaluated ? 1 : -1;
    return x->at < y->at ? -1 : 1;
}

static int by_place(const void *a, const void *b)
{
    const line *x = a, *y = b;
    return x->at < y->at ? -1 : 1;
}

/* Finds the wanted rows of steps after `after`, in the order of their steps. */
static rt_status find_wanted(const char *path, const mapping *m, int64_t after,
                             const rt__rows_wanted *want, rows *r)
{
    const char *end = m->data + m->size;
    for (const char *at = m->data; at < end;) {
        line l = line_at(at, end);
        if (l.len > RT_INPUT_LINE_MAX)
            return rt_input_line_too_long(path, at - m->data);
        if (is_wanted(&l, after, want))
            RT_TRY(append(r, &l));
        at += l.len;
    }
    if (r->count == 0)
        return RT_OK;
    qsort(r->list, r->count, sizeof *r->list, by_step);
    size_t kept = 0;
    for (size_t i = 0; i < r->count; i++)
        if (i + 1 == r->count || r->list[i + 1].step != r->list[i].step)
            r->list[kept++] = r->list[i];
    r->count = kept;
    return RT_OK;
}

/* The rows first get to the one file, so that none is lost if the process dies before they leave the other. */
static rt_status move_back(const rt__metrics *m, const mapping *file, rows *r)
{
    block back = {rt_malloc(file->size + 1), 0}, left = {rt_malloc(file->size + 1), 0};
    rt_status status = back.data && left.data ? RT_OK : rt_error_code();
    if (status == RT_OK) {
        for (size_t i = 0; i < r->count; i++)
            add_line(&back, &r->list[i]);
        status = append_once(m->path, back.data, back.len);
    }
    if (status == RT_OK) {
        qsort(r->list, r->count, sizeof *r->list, by_place);
        back.len = 0;
        split(file, r, &back, &left);
        status = rt_file_replace(m->abandoned, left.data, left.len);
    }
    rt_mem_free(back.data);
    rt_mem_free(left.data);
    return status;
}

/* Writes the step of the last row, or -1 if there are no rows. */
static rt_status last_step(const rt__metrics *m, int64_t *step)
{
    mapping file;
    *step = -1;
    RT_TRY(map_file(m->path, &file));
    if (file.size > 0)
        *step = line_before(&file, file.size).step;
    unmap(&file);
    return RT_OK;
}

rt_status rt__metrics_bring_back(const rt__metrics *m, const rt__rows_wanted *want, int64_t *newest)
{
    mapping file;
    rows r = {0};
    int64_t last;
    RT_TRY(last_step(m, &last));
    RT_TRY(map_file(m->abandoned, &file));
    rt_status status = find_wanted(m->abandoned, &file, last, want, &r);
    if (status == RT_OK && r.count > 0) {
        last = r.list[r.count - 1].step;
        status = move_back(m, &file, &r);
    }
    if (status == RT_OK)
        *newest = last;
    rt_mem_free(r.list);
    unmap(&file);
    return status;
}

rt_status rt__metrics_last_generation(const rt__metrics *m, int64_t *generation)
{
    mapping file;
    *generation = -1;
    RT_TRY(map_file(m->path, &file));
    if (file.size > 0) {
        line l = line_before(&file, file.size);
        *generation = generation_of(&l);
    }
    unmap(&file);
    return RT_OK;
}

/* Text files as windows of tokens. The file becomes an array of token ids; each part, training or held out, is a list of runs of
 * tokens, and windows lie in the runs at a fixed stride. */
#include <string.h>
#include "common/error.h"
#include "common/mem.h"
#include "common/text.h"
#include "common/unicode.h"
#include "worker/engine/data/datasets.h"
#include "worker/engine/data/held_out.h"
#include "worker/engine/data/source.h"

enum {
    TOKENS, /* the fields */
    TARGETS,
    MASK,
    BYTES_MAX = 1 << 30,
    CODES = 0x110000, /* Unicode's */
    PIECES = 200,     /* of a file, each drawn by itself */
    SEPARATOR_MAX = 16,
};

/* Tokens [begin, ...) of the file, of which windows [first, ...) of the set are made. */
typedef struct run {
    int64_t begin, first;
} run;

typedef struct text {
    rt_dataset set;
    uint32_t *token; /* [tokens] */
    int64_t tokens, vocabulary;
    uint8_t *counts; /* [tokens]: the token is a target that counts; NULL: all are */
    run *runs;       /* ascending */
    int64_t n_runs, context, stride;
} text;

static void text_destroy(rt_dataset *set)
{
    text *d = (text *)set;
    rt_mem_free(d->token);
    rt_mem_free(d->counts);
    rt_mem_free(d->runs);
}

/* The token that a window begins with. */
static int64_t window_begin(const text *d, int64_t id)
{
    int64_t low = 0, high = d->n_runs;
    while (high - low > 1) {
        int64_t middle = (low + high) / 2;
        if (d->runs[middle].first <= id)
            low = middle;
        else
            high = middle;
    }
    return d->runs[low].begin + (id - d->runs[low].first) * d->stride;
}

static void text_read(const rt_dataset *set, int64_t id, void *const *to)
{
    const text *d = (const text *)set;
    int64_t begin = window_begin(d, id), *tokens = to[TOKENS], *targets = to[TARGETS];
    for (int64_t i = 0; i < d->context; i++) {
        tokens[i] = d->token[begin + i];
        targets[i] = d->token[begin + i + 1];
    }
    for (int64_t i = 0; d->counts && i < d->context; i++)
        ((float *)to[MASK])[i] = d->counts[begin + i + 1];
}

static const rt__data_kind text_kind = {.destroy = text_destroy, .read = text_read};

/* ---- tokens ---- */

/* Reads the next token, which there is; *length: its bytes, 0: they are no UTF-8. */
static uint32_t next_code(const rt_bytes *file, size_t at, rt_text_unit unit, size_t *length)
{
    uint32_t code = file->data[at];
    *length = 1;
    if (unit == RT_TEXT_CHARACTERS && code >= 0x80)
        *length = rt_utf8_decode((const char *)file->data + at, &code);
    return code;
}

static rt_status read_codes(text *d, const rt_data_text_args *a, const rt_bytes *file)
{
    d->token = rt_malloc((file->len + 1) * sizeof *d->token);
    if (!d->token)
        return rt_error_code();
    size_t length;
    for (size_t at = 0; at < file->len; at += length) {
        d->token[d->tokens++] = next_code(file, at, a->unit, &length);
        if (length == 0)
            return RT_FAIL(FORMAT,
                           "%s: byte %zu: 0x%02x is no UTF-8: convert the file, or read it as "
                           "bytes",
                           a->path, at, file->data[at]);
    }
    return RT_OK;
}

/* Replaces codes by their place among those that occur. */
static rt_status number_codes(text *d)
{
    uint32_t *id = rt_calloc(CODES, sizeof *id);
    if (!id)
        return rt_error_code();
    for (int64_t i = 0; i < d->tokens; i++)
        id[d->token[i]] = 1;
    for (int64_t code = 0; code < CODES; code++)
        if (id[code])
            id[code] = (uint32_t)d->vocabulary++;
    for (int64_t i = 0; i < d->tokens; i++)
        d->token[i] = id[d->token[i]];
    rt_mem_free(id);
    return RT_OK;
}

/* ---- which targets count; before codes are numbered ---- */

static rt_status read_separator(const rt_data_text_args *a, uint32_t *code, int64_t *count)
{
    const char *s = a->separator ? a->separator : "";
    rt_bytes bytes = {(uint8_t *)s, strlen(s)};
    size_t length = 1;
    *count = 0;
    for (size_t at = 0; at < bytes.len && *count < SEPARATOR_MAX && length > 0; at += length)
        code[(*count)++] = next_code(&bytes, at, a->unit, &length);
    if (bytes.len == 0 || bytes.len > SEPARATOR_MAX || length == 0)
        return RT_FAIL(ARG, "separator '%s': expected 1 to %d bytes of UTF-8", s, SEPARATOR_MAX);
    return RT_OK;
}

static rt_status mark_after(text *d, const rt_data_text_args *a)
{
    uint32_t code[SEPARATOR_MAX];
    int64_t n, begin = 0; /* of what of the line may still be part of a separator */
    bool after = false, any = false;
    RT_TRY(read_separator(a, code, &n));
    for (int64_t i = 0; i < d->tokens; i++) {
        d->counts[i] = after;
        bool end = d->token[i] == '\n';
        if (!after && i + 1 - begin >= n &&
            memcmp(d->token + i + 1 - n, code, (size_t)n * sizeof *code) == 0)
            after = any = true;
        if (end) {
            after = false;
            begin = i + 1;
        }
    }
    if (!any)
        return RT_FAIL(FORMAT, "%s: no line has the separator '%s', after which targets count",
                       a->path, a->separator);
    return RT_OK;
}

static rt_status mark(text *d, const rt_data_text_args *a)
{
    if (a->mask == RT_TEXT_ALL)
        return RT_OK;
    d->counts = rt_calloc((size_t)d->tokens + 1, 1);
    if (!d->counts)
        return rt_error_code();
    if (a->mask == RT_TEXT_AFTER)
        return mark_after(d, a);
    for (int64_t i = 0; i < d->tokens; i++)
        d->counts[i] = rt__counts(a->seed, i, a->mask_share);
    return RT_OK;
}

/* ---- windows ---- */

/* Adds the run [begin,end) with as many windows as have a target for each token. */
static void add_run(text *d, int64_t begin, int64_t end)
{
    if (end - begin <= d->context)
        return;
    d->runs[d->n_runs++] = (run){begin, d->set.count};
    d->set.count += (end - begin - d->context - 1) / d->stride + 1;
}

/* Is piece i held out? */
static bool is_held_out(const rt_data_text_args *a, int i)
{
    return rt__held_out(a->seed, i, a->share);
}

static rt_status find_runs(text *d, const rt_data_text_args *a)
{
    d->runs = rt_calloc(PIECES, sizeof *d->runs);
    if (!d->runs)
        return rt_error_code();
    if (a->split == RT_TEXT_LAST) {
        int64_t border = d->tokens - (int64_t)((double)d->tokens * a->share);
        add_run(d, a->train ? 0 : border, a->train ? border : d->tokens);
    } else {
        for (int i = 0, begin = 0; begin < PIECES; begin = i) {
            bool held_out = is_held_out(a, begin);
            for (i = begin; i < PIECES && is_held_out(a, i) == held_out; i++)
                continue;
            if (held_out != a->train)
                add_run(d, d->tokens * begin / PIECES, d->tokens * i / PIECES);
        }
    }
    if (d->set.count == 0)
        return RT_FAIL(
            RANGE,
            "%s: %lld tokens: none of the %s part of it has the %lld of a sample and its "
            "last target: shorten the context or change the share",
            a->path, (long long)d->tokens, a->train ? "training" : "held-out",
            (long long)d->context + 1);
    return RT_OK;
}

/* ---- making ---- */

static rt_status check_args(const rt_data_text_args *a)
{
    if (a->context < 1 || a->context > BYTES_MAX || a->stride < 0 || a->limit < 1)
        return RT_FAIL(
            RANGE,
            "context %lld, stride %lld and limit %lld: expected a context of at least 1, "
            "a stride of at least 0 and a limit of at least 1",
            (long long)a->context, (long long)a->stride, (long long)a->limit);
    if (!(a->share > 0 && a->share < 1))
        return RT_FAIL(RANGE, "share %g: expected one above 0 and below 1", a->share);
    if (a->mask == RT_TEXT_RANDOM && !(a->mask_share > 0 && a->mask_share <= 1))
        return RT_FAIL(RANGE, "mask_share %g: expected one above 0 and at most 1", a->mask_share);
    if ((unsigned)a->unit > RT_TEXT_BYTES || (unsigned)a->split > RT_TEXT_KEYED ||
        (unsigned)a->mask > RT_TEXT_RANDOM)
        return RT_FAIL(ARG, "unit %d, split %d or mask %d is none that there is", (int)a->unit,
                       (int)a->split, (int)a->mask);
    return RT_OK;
}

static rt_status add_fields(text *d)
{
    rt_data_field field = {.dtype = RT_I64, .dims = rt_shape(d->context), .classes = d->vocabulary};
    field.name = "tokens";
    RT_TRY(rt__dataset_add(&d->set, field));
    field.name = "targets";
    RT_TRY(rt__dataset_add(&d->set, field));
    if (!d->counts)
        return RT_OK;
    return rt__dataset_add(&d->set, (rt_data_field){.name = "mask", .dims = rt_shape(d->context)});
}

static rt_status make(text *d, const rt_data_text_args *a, const rt_bytes *file)
{
    d->context = a->context;
    RT_TRY(rt__dataset_add_file(&d->set, a->path));
    d->stride = a->train && a->stride > 0 ? a->stride : a->context;
    RT_TRY(read_codes(d, a, file));
    RT_TRY(mark(d, a));
    RT_TRY(number_codes(d));
    RT_TRY(find_runs(d, a));
    d->set.count = a->limit < d->set.count ? a->limit : d->set.count;
    return add_fields(d);
}

rt_dataset *rt_data_text_(rt_data_text_args a)
{
    if (rt_failed() || !rt__given(a.path, "data_text", "path"))
        return NULL;
    if (check_args(&a) != RT_OK) {
        rt_error_prefix("data_text");
        return NULL;
    }
    rt_scope s = rt_scope_begin();
    text *d = rt__dataset_new(&text_kind, sizeof *d);
    rt_bytes file = {0};
    rt_status status = d ? rt__source_read_file(a.path, BYTES_MAX, &file) : rt_error_code();
    if (status == RT_OK)
        status = make(d, &a, &file);
    rt_bytes_release(&file);
    return rt_scope_return(s, status == RT_OK ? &d->set : NULL);
}

rt_dataset *rt__open_text(const rt_data_text_values *v, const rt__data_part *part)
{
    return rt_data_text(v->path, .train = part->train, .context = v->context, .stride = v->stride,
                        .unit = (rt_text_unit)v->unit, .share = v->share,
                        .split = (rt_text_split)v->split, .mask = (rt_text_mask)v->mask,
                        .separator = v->separator, .mask_share = v->mask_share,
                        .seed = (uint64_t)v->seed, .limit = part->limit);
}

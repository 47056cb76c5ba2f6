/* x[items] by name: the items are a text, "3, 1:-1, t0, ..., None", and the tensors in it follow x in the list of inputs. */
#include "worker/engine/ops/index/subscript.h"

#include <stdlib.h>
#include <string.h>

/* ---- the text ---- */

typedef struct reader {
    const char *at;
    rt_tensor *const *tensors;
    int count;
} reader;

static void skip_blanks(reader *r)
{
    r->at += strspn(r->at, " \t");
}

static bool take(reader *r, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(r->at, word, n) != 0)
        return false;
    r->at += n;
    skip_blanks(r);
    return true;
}

/* Reads an integer of at most 18 digits, if there is one. */
static bool take_number(reader *r, int64_t *out)
{
    const char *begin = r->at + (*r->at == '-');
    size_t n = strspn(begin, "0123456789");
    if (n == 0 || n > 18)
        return false;
    *out = strtoll(r->at, NULL, 10);
    r->at = begin + n;
    skip_blanks(r);
    return true;
}

/* Reads what follows the start of a slice and its colon. */
static bool take_slice(reader *r, rt_subscript *s, int64_t start)
{
    int64_t end = RT_END, step = 1;
    take_number(r, &end);
    if (take(r, ":") && !take_number(r, &step) && *r->at != ',' && *r->at != '\0')
        return false;
    *s = RT_SLICE_BY(start, end, step);
    return true;
}

static bool take_tensor(reader *r, rt_subscript *s)
{
    int64_t i;
    if (!take_number(r, &i) || i < 0 || i >= r->count)
        return false;
    *s = RT_PICK(r->tensors[i]);
    return true;
}

static bool take_item(reader *r, rt_subscript *s)
{
    int64_t start = 0;
    if (take(r, "...")) {
        *s = RT_REST;
        return true;
    }
    if (take(r, "None")) {
        *s = RT_NEW_AXIS;
        return true;
    }
    if (take(r, "t"))
        return take_tensor(r, s);
    bool number = take_number(r, &start);
    if (take(r, ":"))
        return take_slice(r, s, start);
    *s = RT_AT(start);
    return number;
}

rt_status rt__subscripts_parse(const char *what, const char *text, rt_tensor *const *tensors,
                               int count, rt_subscripts *out)
{
    enum { MOST = sizeof out->item / sizeof *out->item };
    reader r = {text ? text : "", tensors, count};
    out->n = 0;
    skip_blanks(&r);
    if (*r.at == '\0')
        return RT_OK;
    do {
        const char *begin = r.at;
        if (out->n == MOST)
            return RT_FAIL(ARG, "%s: there are more than %d items", what, MOST);
        if (!take_item(&r, &out->item[out->n]) || (*r.at != ',' && *r.at != '\0'))
            return RT_FAIL(ARG,
                           "%s: item %d, '%.*s', is none: expected a number, a slice (1:-1), "
                           "t0 to t%d for the tensors that are given, ... or None",
                           what, out->n, (int)strcspn(begin, ","), begin, count - 1);
        out->n++;
    } while (take(&r, ","));
    return RT_OK;
}

/* ---- operations ---- */

#define INDEX_FIELDS(F)                                                                            \
    F(INPUTS, xs, RT_NEEDED, RT_ANY_TYPE, "x, then the tensors t0, t1, ... among the items")       \
    F(TEXT, items, NULL, RT_MAYBE(RT_FROM(0)), "as in Python: numbers, slices, tensors, ..., None")
typedef struct RT_DESIGNATED index_args {
    RT_STRUCT(INDEX_FIELDS)
} index_args;

RT_COMPOSITE(index, index_args, INDEX_FIELDS,
             "y = x[items], by PyTorch's rules; a view if there are no tensors among the items")
{
    rt_subscripts items;
    if (rt__subscripts_parse("index", a->items, c->in + 1, c->n_in - 1, &items) != RT_OK)
        return NULL;
    return rt_index_(c->in[0], items);
}

#define INDEX_PUT_FIELDS(F)                                                                        \
    F(INPUTS, xs, RT_NEEDED, RT_ANY_TYPE, "x, the values, then t0, t1, ... among the items")       \
    F(TEXT, items, NULL, RT_MAYBE(RT_FROM(0)),                                                     \
      "as in Python: numbers, slices, tensors, ..., None")                                         \
    F(FLAG, accumulate, false, RT_ANY, "add to x instead of replacing it")
typedef struct RT_DESIGNATED index_put_args {
    RT_STRUCT(INDEX_PUT_FIELDS)
} index_put_args;

RT_COMPOSITE(index_put, index_put_args, INDEX_PUT_FIELDS,
             "y = x with y[items] = values, or += values in the order of the index; of values for "
             "one place the last stays")
{
    rt_subscripts items;
    if (c->n_in < 2)
        return RT_FAIL_NULL(ARG, "index_put: expected x and the values, only x is given");
    if (rt__subscripts_parse("index_put", a->items, c->in + 2, c->n_in - 2, &items) != RT_OK)
        return NULL;
    return a->accumulate ? rt_index_accumulate_(c->in[0], c->in[1], items)
                         : rt_index_put_(c->in[0], c->in[1], items);
}

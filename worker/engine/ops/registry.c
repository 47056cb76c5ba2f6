/* Every operation by name. Those with files of their own are gathered when the library is built: gather.awk makes ops.def with one
 * OP(<name>) for each. Those of kernels/elementwise.def add themselves. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/autograd/schema.h"
#include "worker/engine/ops/elementwise.h"
#include "worker/engine/ops/ops.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define OP(name) extern const rt_op rt__op_##name;
#include "worker/engine/ops/ops.def"
#undef OP

static const rt_op *const listed[] = {
#define OP(name) &rt__op_##name,
#include "worker/engine/ops/ops.def"
#undef OP
};
enum { LISTED = sizeof listed / sizeof *listed, OWN = LISTED + RT_ELEMENTWISE_OPS };

/* All operations, sorted by name. At first this is a static list of the library's own, collected at the first query, which cannot
 * run out of memory; the first registration replaces it by an allocated list. */
static const rt_op *own[OWN];
static struct {
    const rt_op **op;
    int count;
} known = {own, OWN};

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const rt_op *const *)a)->name, (*(const rt_op *const *)b)->name);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void collect(void)
{
    memcpy(own, listed, sizeof listed);
    memcpy(own + LISTED, rt__elementwise_ops, sizeof rt__elementwise_ops);
    qsort(own, OWN, sizeof *own, by_name);
}

const rt_op *rt_op_find(const char *name)
{
    pthread_once(&once, collect);
    if (!name)
        return NULL;
    const rt_op *key = &(const rt_op){.name = name};
    const rt_op **found =
        bsearch(&key, known.op, (size_t)known.count, sizeof(const rt_op *), by_name);
    return found ? *found : NULL;
}

const rt_op *rt_op_at(int i)
{
    pthread_once(&once, collect);
    return i >= 0 && i < known.count ? known.op[i] : NULL;
}

/* Returns whether op has the parts of exactly one kind, within the limits of a call. */
static bool is_whole(const rt_op *op)
{
    bool one_kind = !op->compose || (!op->infer && !op->run && !op->backward);
    return op->name && op->name[0] && rt__op_fits(op) && one_kind && op->defaults &&
           op->n_in <= op->n_fields;
}

static rt_status check(const rt_op *op)
{
    if (!op || !is_whole(op))
        return RT_FAIL(ARG,
                       "op_register: %s is incomplete: expected a name, RT_ARGS, and either .infer "
                       "(with .run, or without for a view of one tensor) or .compose",
                       op && op->name ? op->name : "the operation");
    if (rt__check_rows(op) != RT_OK)
        return rt_error_prefix("op_register");
    if (rt_op_find(op->name))
        return RT_FAIL(EXISTS, "op_register: there is already an operation '%s'", op->name);
    return RT_OK;
}

rt_status rt__ops_check(const rt_op *const *ops)
{
    for (int i = 0; ops && ops[i]; i++) {
        RT_TRY(check(ops[i]));
        for (int k = 0; k < i; k++)
            if (strcmp(ops[k]->name, ops[i]->name) == 0)
                return RT_FAIL(EXISTS, "op_register: two operations are called '%s'", ops[i]->name);
    }
    return RT_OK;
}

rt_status rt__ops_register(const rt_op *const *ops)
{
    int n = 0;
    while (ops && ops[n])
        n++;
    if (n == 0)
        return RT_OK;
    RT_TRY(rt__ops_check(ops));
    const rt_op **more = rt_malloc((size_t)(known.count + n) * sizeof *more);
    if (!more)
        return rt_error_code();
    memcpy(more, known.op, (size_t)known.count * sizeof *more);
    memcpy(more + known.count, ops, (size_t)n * sizeof *more);
    if (known.op != own)
        rt_mem_free(known.op);
    known.op = more;
    known.count += n;
    qsort(known.op, (size_t)known.count, sizeof *known.op, by_name);
    return RT_OK;
}

rt_status rt_op_register(const rt_op *op)
{
    RT_TRY(check(op));
    return rt__ops_register((const rt_op *const[]){op, NULL});
}

/* Calls whose inputs have several element types, or one that the operation does not compute in. The rows say what may be converted
 * (RT_PROMOTE). The conversions are recorded operations, so gradients come back in the types of the inputs. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/autograd/graph.h"
#include "worker/engine/autograd/schema.h"
#include <string.h>

static bool is_promoted(const rt_call *c, int i)
{
    return c->in[i] && rt__is_promoted(rt__input_row(c->op, i));
}

/* Chooses the type to compute in: the common type, or the nearest one that the operation has. Integers are never computed in a
 * smaller type, and floats only in their own. */
static bool choose(rt_dtype common, uint32_t allowed, rt_dtype *type)
{
    const rt_dtype instead[] = {common, RT_I64, RT_F32};
    int n = rt__dtype_is_whole(common) ? 3 : 1;
    for (int i = 0; i < n; i++)
        if (allowed >> instead[i] & 1) {
            *type = instead[i];
            return true;
        }
    return false;
}

rt_status rt__common_type(const rt_call *c, rt_dtype *type)
{
    rt_tensor **voters = rt_calloc((size_t)c->n_in, sizeof *voters);
    uint32_t allowed = RT_ANY_TYPE;
    for (int i = 0; i < c->n_in && voters; i++)
        if (is_promoted(c, i)) {
            voters[i] = c->in[i];
            allowed &= rt__input_row(c->op, i)->dtypes;
        }
    rt_dtype common = voters ? rt__result_type(voters, c->n_in) : RT_F32;
    rt_mem_free(voters);
    if (rt_failed())
        return rt_error_code();
    if (choose(common, allowed, type))
        return RT_OK;
    char types[RT_TYPES_TEXT];
    rt__list_types(allowed, types);
    return RT_FAIL(DTYPE, "%s: %s is not supported, expected %s: convert it with rt_to",
                   c->op->name, rt_dtype_name(common), types);
}

void *rt__args_converted(const rt_call *c, rt_dtype type)
{
    size_t in = (size_t)c->n_in * sizeof(rt_tensor *);
    size_t list = c->op->n_in == RT_MANY ? in : 0;
    char *args = rt_malloc(c->op->args_size + list);
    if (!args)
        return NULL;
    memcpy(args, c->args, c->op->args_size);
    rt_tensor **to = (rt_tensor **)args;
    if (list) {
        to = (rt_tensor **)(args + c->op->args_size);
        memcpy(to, c->in, in);
        ((rt__input_list *)args)->in = to;
    }
    for (int i = 0; i < c->n_in; i++)
        if (is_promoted(c, i))
            to[i] = rt_to(to[i], type);
    if (rt_failed()) {
        rt_mem_free(args);
        return NULL;
    }
    return args;
}

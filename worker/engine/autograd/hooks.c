/* Functions of users that see the gradients of a tensor. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/autograd/graph.h"
#include <stdatomic.h>

int64_t rt_on_grad(rt_tensor *x, rt_grad_hook hook, void *context)
{
    static _Atomic int64_t last;
    if (!rt__takes("on_grad", x) || !rt__given((const void *)hook, "on_grad", "hook") ||
        rt__view_refresh(x) != RT_OK)
        return 0;
    rt_node *n = rt__node_of(x);
    if (!n)
        return RT_FAIL(ARG, "on_grad: %s wants no gradient", rt_describe(x)), 0;
    rt_hook *h = rt_calloc(1, sizeof *h), **end = &n->hooks;
    if (!h)
        return 0;
    *h = (rt_hook){NULL, hook, context, ++last, x->result};
    while (*end)
        end = &(*end)->next;
    *end = h;
    return h->number;
}

rt_status rt_off_grad(rt_tensor *x, int64_t number)
{
    if (!rt__takes("off_grad", x))
        return rt_error_code();
    rt_node *n = rt__node_of(x);
    rt_hook **at = n ? &n->hooks : NULL;
    while (at && *at && ((*at)->number != number || !(*at)->function))
        at = &(*at)->next;
    if (!at || !*at)
        return RT_FAIL(NOTFOUND, "off_grad: %s has no hook %lld", rt_describe(x),
                       (long long)number);
    if (n->in_hooks) {
        (*at)->function = NULL;
        return RT_OK;
    }
    rt_hook *h = *at;
    *at = h->next;
    rt_mem_free(h);
    return RT_OK;
}

/* Puts what a hook returned in the place of the gradient. */
static rt_status replace(rt_tensor **dy, rt_tensor *by)
{
    if (!by || by == *dy)
        return RT_OK;
    if (!rt__object_is(by, &rt__tensor_type, "backward: what a hook returned", 1))
        return rt_error_code();
    if (!rt__dims_same(&by->dims, &(*dy)->dims) || by->dtype != (*dy)->dtype ||
        !rt__same_device(by, *dy))
        return RT_FAIL(SHAPE, "backward: a hook made %s of the gradient %s: expected the same kind",
                       rt_describe(by), rt_describe(*dy));
    rt_keep(by);
    rt_free(*dy);
    *dy = by;
    return RT_OK;
}

static void free_removed(rt_node *n)
{
    for (rt_hook **at = &n->hooks, *h; (h = *at);)
        if (h->function) {
            at = &h->next;
        } else {
            *at = h->next;
            rt_mem_free(h);
        }
}

rt_status rt__hooks_call(rt_node *n)
{
    /* A hook may remove any, and add some, which wait for the next pass. */
    rt_hook *last = n->hooks;
    while (last && last->next)
        last = last->next;
    n->in_hooks = true;
    for (rt_hook *h = n->hooks; h && !rt_failed(); h = h == last ? NULL : h->next) {
        rt_tensor **dy = &n->dy[h->out];
        rt_tensor *by = *dy && h->function ? h->function(*dy, h->context) : NULL;
        if (!rt_failed())
            replace(dy, by);
    }
    n->in_hooks = false;
    free_removed(n);
    return rt_error_code();
}

void rt__hooks_free(rt_node *n)
{
    for (rt_hook *h = n->hooks, *next; h; h = next) {
        next = h->next;
        rt_mem_free(h);
    }
    n->hooks = NULL;
}

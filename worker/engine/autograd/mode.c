/* Recording on and off. */
#include "worker/engine/base/thread.h"
#include <ringtorch/autograd.h>

bool rt_no_grad_begin(void)
{
    bool former = rt__thread.no_grad;
    rt__thread.no_grad = true;
    return former;
}

void rt_no_grad_end(bool former)
{
    rt__thread.no_grad = former;
}

rt_grad_mode rt_set_grad_mode(rt_grad_mode mode)
{
    rt_thread *t = &rt__thread;
    rt_grad_mode former = t->inference ? RT_GRAD_INFERENCE : t->no_grad ? RT_GRAD_OFF : RT_GRAD_ON;
    t->inference = mode == RT_GRAD_INFERENCE;
    t->no_grad = mode != RT_GRAD_ON;
    return former;
}

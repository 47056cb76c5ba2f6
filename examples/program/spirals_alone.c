/* Trains the net of spirals.h in one process, in a loop of our own. spirals_worker.c trains the same, in any number of processes.
 *
 *     cc -std=gnu17 -O2 spirals_alone.c -o spirals_alone $(pkg-config --cflags --libs ringtorch) && ./spirals_alone */
#include "spirals.h"
#include <stdio.h>

int main(void)
{
    enum { STEPS = 300, BATCH = 64, SEED = 1337 };
    rt_init("cpu", .seed = SEED);
    rt_random_seek(SEED, UINT32_MAX, 0); /* a run draws its initial weights here */
    rt_module *net = spiral_net_new();
    rt_optim *opt = rt_optim_adam(net, .lr = 1e-3);
    rt_loader *data =
        rt_data_loader(spiral_points(512, 1.5, true), .batch = BATCH, .shuffle = true);

    rt_batch b;
    for (int step = 1; step <= STEPS && !rt_failed(); step++) {
        rt_scope s = rt_scope_begin();
        if (!rt_data_next(data, &b)) /* the end of an epoch: the next one begins */
            rt_data_next(data, &b);
        rt_tensor *score = rt_forward(net, rt_batch_field(&b, "x"));
        rt_tensor *loss =
            rt_mul_scalar(spiral_loss(score, rt_batch_field(&b, "side")), 1.0 / BATCH);
        rt_backward(loss);
        rt_optim_step(opt);
        if (step % 50 == 0)
            printf("step %d loss %.9g\n", step, rt_item(loss));
        rt_scope_end(s);
    }
    return rt_shutdown();
}

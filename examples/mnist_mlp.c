/* Trains a two-layer perceptron on Fashion-MNIST, or any data set in MNIST's format, and prints the
 * loss.
 *
 *     mnist_mlp [FOLDER [SAMPLES]] */
#include <ringtorch/ringtorch.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist";
    rt_init("auto", .seed = 1337);

    rt_module *net = rt_nn_sequential(rt_nn_flatten(), rt_nn_linear(784, 128), rt_nn_relu(),
                                      rt_nn_dropout(0.1), rt_nn_linear(128, 10, .bias = false));
    rt_optim *opt = rt_optim_adamw(net, .lr = 1e-3, .weight_decay = 0.01);
    rt_dataset *train = rt_data_mnist(folder, .train = true,
                                      .limit = argc > 2 ? strtoll(argv[2], NULL, 10) : INT64_MAX);
    rt_loader *data = rt_data_loader(train, .batch = 64, .shuffle = true);

    rt_batch b;
    for (int step = 0; rt_data_next(data, &b);
         step++) {                     /* false at the end of the epoch, and on error */
        rt_scope s = rt_scope_begin(); /* frees everything made below at its end */
        rt_tensor *logits = rt_forward(net, rt_batch_field(&b, "x")); /* [64, 10] */
        rt_tensor *loss =
            rt_cross_entropy(logits, rt_batch_field(&b, "y"), .label_smoothing = 0.1f);

        rt_backward(loss);
        rt_optim_step(opt); /* updates, then clears the gradients */
        if (step % 100 == 0)
            printf("step %4d  loss %.4f\n", step, rt_item(loss));
        rt_scope_end(s);
    }
    return rt_shutdown(); /* frees the rest; on error prints the first one and returns 1 */
}

// Learns exclusive or, in C++20: arguments by name, results freed at the end of a scope.
//
//     c++ -std=c++20 xor.cpp $(pkg-config --cflags --libs ringtorch) && ./a.out
#include <cstdio>
#include <ringtorch/ringtorch.h>

int main()
{
    rt_init(.device = "cpu", .seed = 1);
    const float inputs[] = {0, 0, 0, 1, 1, 0, 1, 1}, targets[] = {0, 1, 1, 0};
    rt_tensor *x = rt_from(inputs, rt_shape(4, 2), RT_F32);
    rt_tensor *y = rt_from(targets, rt_shape(4, 1), RT_F32);
    rt_module *net =
        rt_nn_sequential(rt_nn_linear(2, 8), rt_nn_tanh(), rt_nn_linear(8, 1));
    rt_optim *optimiser = rt_optim_adamw(.net = net, .lr = 0.05);

    double last = 0;
    for (int step = 0; step < 300 && !rt_failed(); step++) {
        rt_scope scope = rt_scope_begin();
        rt_tensor *loss = rt_mse_loss(.x = rt_forward(net, x), .target = y);
        rt_backward(.loss = loss);
        rt_optim_step(optimiser);
        last = rt_item(loss);
        rt_scope_end(scope);
    }
    std::printf("ringtorch %s, loss %.4f\n", rt_version(), last);
    return rt_shutdown() || last > 0.01;
}

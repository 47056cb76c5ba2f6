/* One step of recurrent nets.
 *
 *     rt_tensor *x = rt_randn(rt_shape(8, 5, 10));                      // [8,5,10]: [n, steps, in]
 *     rt_tensor *w = rt_randn(rt_shape(80, 10)), *u = rt_randn(rt_shape(80, 20));
 *     rt_lstm_cell_results s = {rt_zeros(rt_shape(8, 20)), rt_zeros(rt_shape(8, 20))};
 *     for (int64_t i = 0; i < 5; i++)
 *         s = rt_lstm_cell(rt_select(x, 1, i), s.h, s.c, w, u);
 *     printf("%s\n", rt_describe(s.h));                                 // float32[8,20] cpu
 *
 * Weights and biases are stored as PyTorch's: those of the gates one after the other. 16-bit types are computed in float32, and each
 * result is rounded once.
 *
 * Lifetime: the current scope owns every result. */
#ifndef RINGTORCH_OPS_RECURRENT_H
#define RINGTORCH_OPS_RECURRENT_H

#include <ringtorch/op.h>

RT_BEGIN_DECLS

#define RT_CELL_STATE(F)                                                                           \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_FLOATS, "[n, in] or [in]")                                 \
    F(INPUT, h, RT_NEEDED, RT_SAME | RT_FLOATS, "[n, hidden] or [hidden], of the step before")
#define RT_CELL_WEIGHTS(F)                                                                         \
    F(INPUT, w_ih, RT_NEEDED, RT_SAME | RT_FLOATS, "[gates * hidden, in]")                         \
    F(INPUT, w_hh, RT_NEEDED, RT_SAME | RT_FLOATS, "[gates * hidden, hidden]")                     \
    F(INPUT, b_ih, RT_OPTIONAL, RT_SAME | RT_FLOATS, "[gates * hidden]")                           \
    F(INPUT, b_hh, RT_OPTIONAL, RT_SAME | RT_FLOATS, "[gates * hidden]")

#define RT_RNN_CELL_FIELDS(F)                                                                      \
    RT_CELL_STATE(F) RT_CELL_WEIGHTS(F) F(FLAG, relu, false, RT_ANY, "relu in the place of tanh")
/* The arguments of rt_rnn_cell. */
typedef struct rt_rnn_cell_args {
    RT_STRUCT(RT_RNN_CELL_FIELDS)
} rt_rnn_cell_args;
/* Returns h' = tanh(w_ih x + b_ih + w_hh h + b_hh) (Elman 1990), of the shape of h. There is one gate. */
#define rt_rnn_cell(...)                                                                           \
    RT_OP_CALL(rt_rnn_cell_, rt_rnn_cell_args, RT_RNN_CELL_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_rnn_cell_(rt_rnn_cell_args a);

#define RT_LSTM_CELL_FIELDS(F)                                                                     \
    RT_CELL_STATE(F)                                                                               \
    F(INPUT, c, RT_NEEDED, RT_SAME | RT_FLOATS, "[n, hidden] or [hidden], of the step before")     \
    RT_CELL_WEIGHTS(F)
/* The arguments of rt_lstm_cell. */
typedef struct rt_lstm_cell_args {
    RT_STRUCT(RT_LSTM_CELL_FIELDS)
} rt_lstm_cell_args;
/* The results of rt_lstm_cell. */
typedef struct rt_lstm_cell_results {
    rt_tensor *h, *c; /* of the shape of the former ones */
} rt_lstm_cell_results;
/* Returns c' = f * c + i * g and h' = o * tanh(c'), with the gates i, f, g and o of w_ih x + b_ih + w_hh h + b_hh in this order, g by
 * tanh and the others by sigmoid (Hochreiter and Schmidhuber 1997; Gers et al. 2000). */
#define rt_lstm_cell(...)                                                                          \
    RT_OP_CALL(rt_lstm_cell_, rt_lstm_cell_args, RT_LSTM_CELL_FIELDS, x, __VA_ARGS__)
RT_API rt_lstm_cell_results rt_lstm_cell_(rt_lstm_cell_args a);

#define RT_GRU_CELL_FIELDS(F) RT_CELL_STATE(F) RT_CELL_WEIGHTS(F)
/* The arguments of rt_gru_cell. */
typedef struct rt_gru_cell_args {
    RT_STRUCT(RT_GRU_CELL_FIELDS)
} rt_gru_cell_args;
/* Returns h' = (1 - z) * n + z * h, of the shape of h, with the gates r, z and n in this order: with a = w_ih x + b_ih and
 * b = w_hh h + b_hh, r and z are the sigmoid of a + b, and n = tanh(a + r * b) (Cho et al. 2014, as cuDNN has it). */
#define rt_gru_cell(...)                                                                           \
    RT_OP_CALL(rt_gru_cell_, rt_gru_cell_args, RT_GRU_CELL_FIELDS, x, __VA_ARGS__)
RT_API rt_tensor *rt_gru_cell_(rt_gru_cell_args a);

RT_END_DECLS

#endif

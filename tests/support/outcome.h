/* Checks that calls succeed or fail as a test expects:
 *
 *     must(rt_nn_load(net, path));                         // a failure is told with its message
 *     assert_null(rt_optim_sgd(net, .lr = -1));
 *     expect_error(RT_E_ARG, "sgd: lr is -1");             // of the call before; empties the slot */
#ifndef RINGTORCH_TESTS_SUPPORT_OUTCOME_H
#define RINGTORCH_TESTS_SUPPORT_OUTCOME_H

#include <ringtorch/status.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define must(call)                                                                                 \
    do {                                                                                           \
        if ((call) != RT_OK)                                                                       \
            fail_msg("%s: %s", #call, rt_error());                                                 \
    } while (0)

static inline void expect_error(rt_status code, const char *says)
{
    if (rt_error_code() != code || !strstr(rt_error(), says))
        fail_msg("got %s: \"%s\", expected %s saying \"%s\"", rt_status_name(rt_error_code()),
                 rt_error(), rt_status_name(code), says);
    rt_error_clear();
}

#endif

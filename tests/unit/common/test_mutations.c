/* Runs the fuzz targets on mutations of valid input, for a bounded time and with a printed seed. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/control/messages.h"
#include "common/control/wire_frame.h"
#include "tests/support/random_message.h"
#include "tests/unit/common/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define LLVMFuzzerTestOneInput fuzz_config
#include "tests/fuzz/fuzz_config.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_message
#include "tests/fuzz/fuzz_message.c"
#undef LLVMFuzzerTestOneInput

static uint64_t rng;

/* Changes a few bytes, or cuts, doubles or moves a part. Returns the new length, at most 2 * len.
 */
static size_t mutate(uint8_t *data, size_t len)
{
    for (int64_t changes = random_below(&rng, 4); changes >= 0 && len > 0; changes--) {
        size_t at = (size_t)random_below(&rng, (int64_t)len);
        switch (random_below(&rng, 6)) {
        case 0:
            data[at] = (uint8_t)random_below(&rng, 256);
            break;
        case 1:
            data[at] ^= (uint8_t)(1 << random_below(&rng, 8));
            break;
        case 2:
            len = at;
            break;
        case 3:
            memmove(data + at, data + at + 1, len - at - 1);
            len--;
            break;
        case 4: /* bytes with a meaning in YAML and msgpack have most effect */
            data[at] =
                (uint8_t) "{}[]:,-#&*!|>'\"%@`\n\t \xc1\xdc\xdd\xdb\xff"[random_below(&rng, 27)];
            break;
        default: {
            size_t from = (size_t)random_below(&rng, (int64_t)len),
                   n = len - (at > from ? at : from);
            memmove(data + at, data + from, n);
        }
        }
    }
    return len;
}

/* Calls the target on `rounds` mutations, each in a block of its exact size. */
static void hammer(int (*target)(const uint8_t *, size_t), const void *good, size_t len, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        uint8_t *data = rt_malloc(len);
        memcpy(data, good, len);
        size_t changed = mutate(data, len);
        uint8_t *exact = rt_malloc(changed);
        memcpy(exact, data, changed);
        target(exact, changed);
        rt_mem_free(exact);
        rt_mem_free(data);
    }
}

static void mutated_configurations(void **state)
{
    (void)state;
    const char *good[] = {
        "run: {name: x, seed: 1337, steps: 2000}\nmodel: {preset: cnn}\noptimizer: {name: adamw, "
        "lr: 1.0e-3}\n",
        "model:\n  layers:\n  - conv2d: {out: 32, kernel: 3, padding: same}\n  - relu\n  - {x: "
        "'y', z: [1, 2.5, ~]}\n",
        "parallel: {workers: 2, slices: auto, reduction: exact}\nprecision: float32\ncheckpoint:\n "
        " every: 5\n",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        hammer(fuzz_config, good[i], strlen(good[i]), 2000);
}

static void mutated_messages(void **state)
{
    (void)state;
    uint64_t seed = rng;
    for (int i = 0; i < 4 * RT_MSG_TYPES; i++) {
        rt_msg_type type = rt_msg_type_at(i % RT_MSG_TYPES);
        rt_msg_body body;
        rt_bytes frame, bytes;
        rt__frame_head head = {.run = "run", .sender = "me", .talk = 1, .seq = 1, .type = type};
        assert_int_equal(random_message(type, &seed, &body), RT_OK);
        assert_int_equal(rt_msg_encode(type, &body, &bytes), RT_OK);
        assert_int_equal(rt__frame_pack(&head, &bytes, &frame), RT_OK);
        hammer(fuzz_message, frame.data, frame.len, 100);
        hammer(fuzz_message, bytes.data, bytes.len, 100);
        rt_bytes_release(&frame);
        rt_bytes_release(&bytes);
        rt_msg_body_release(type, &body);
    }
}

static void random_bytes(void **state)
{
    (void)state;
    for (int i = 0; i < 3000; i++) {
        uint8_t data[64];
        size_t len = (size_t)random_below(&rng, sizeof data);
        for (size_t k = 0; k < len; k++)
            data[k] = (uint8_t)random_below(&rng, 256);
        fuzz_config(data, len);
        fuzz_message(data, len);
    }
}

int main(void)
{
    rng = random_seed("test_mutations");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mutated_configurations),
        cmocka_unit_test(mutated_messages),
        cmocka_unit_test(random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Any bytes as a frame and as the body of every message: refused with a reason, or decoded into
 * what encodes again to something that decodes to the same.
 *
 *     clang -fsanitize=fuzzer,address,undefined ... fuzz_message.c -o fuzz_message &&
 * ./fuzz_message */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/error.h"
#include "common/mem.h"
#include "common/wire_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Encodes, decodes and encodes again: the bytes must agree. */
static void survives_a_round(rt_msg_type type, const rt_msg_body *body)
{
    rt_bytes one, two;
    rt_msg_body again;
    RT_ASSERT(rt_msg_encode(type, body, &one) == RT_OK);
    RT_ASSERT(rt_msg_decode(type, one.data, one.len, &again) == RT_OK);
    RT_ASSERT(rt_msg_encode(type, &again, &two) == RT_OK);
    RT_ASSERT(one.len == two.len && memcmp(one.data, two.data, one.len) == 0);
    rt_bytes_release(&one);
    rt_bytes_release(&two);
    rt_msg_body_release(type, &again);
}

static void try_as_body(int64_t type, const uint8_t *data, size_t size)
{
    rt_msg_body body;
    if (rt_msg_decode(type, data, size, &body) == RT_OK) {
        survives_a_round((rt_msg_type)type, &body);
        rt_msg_body_release((rt_msg_type)type, &body);
    } else {
        RT_ASSERT(rt_error_code() == RT_E_PROTOCOL);
        rt_error_clear();
    }
}

static void try_as_frame(const uint8_t *data, size_t size)
{
    rt__frame_head head;
    rt_frame frame;
    if (rt__frame_decode(data, size, "run", &head, &frame) == RT_OK) {
        if (head.type > 0)
            survives_a_round(frame.type, &frame.body);
        rt_frame_release(&frame);
    } else {
        RT_ASSERT(rt_error_code() == RT_E_PROTOCOL);
        rt_error_clear();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t live = rt_mem_live();
    rt_error_clear();
    try_as_frame(data, size);
    for (int i = 0; i < RT_MSG_TYPES; i++)
        try_as_body(rt_msg_type_at(i), data, size);
    try_as_body(-1, data, size);
    RT_ASSERT(rt_mem_live() == live);
    return 0;
}

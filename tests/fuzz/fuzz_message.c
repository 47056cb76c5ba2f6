/* Reads any bytes as a whole frame, as part of a conversation and as the body of every message: they are refused with a
 * reason, or decoded to a message that survives encoding and decoding.
 *
 *     clang -g -O1 -D_GNU_SOURCE -DRT_FUZZ_MUTATOR -fsanitize=fuzzer,address,undefined -I. -Iinclude \
 *         tests/fuzz/fuzz_message.c common/{status,error,mem,log,clock,hash,codec,messages}.c \
 *         common/{file,directory,wire_frame,wire_session,wire_peers,wire_end}.c \
 *         -lmsgpackc -lxxhash -lcrypto -o /tmp/fuzz_message
 *     ASAN_OPTIONS=malloc_context_size=0 /tmp/fuzz_message -runs=10000000 -max_len=1024     # ten million: half an hour
 *
 * With RT_FUZZ_MUTATOR most inputs are made from valid frames of random messages, since random bytes hardly ever get
 * past the head of a frame. */
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/control/wire_end.h"
#include "tests/support/random_message.h"
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Packing the decoded head and body again must give the same frame. */
static void try_as_frame(const uint8_t *data, size_t size)
{
    rt__frame_head head, again;
    rt_frame frame, same;
    rt_bytes body = {0}, bytes;
    if (rt__frame_decode(data, size, "run", &head, &frame) != RT_OK) {
        RT_ASSERT(rt_error_code() == RT_E_PROTOCOL);
        rt_error_clear();
        return;
    }
    if (head.type > 0) {
        survives_a_round(frame.type, &frame.body);
        RT_ASSERT(rt_msg_encode(frame.type, &frame.body, &body) == RT_OK);
    }
    head.run = "run";
    head.sender = frame.sender;
    RT_ASSERT(rt__frame_pack(&head, head.type > 0 ? &body : NULL, &bytes) == RT_OK);
    RT_ASSERT(rt__frame_decode(bytes.data, bytes.len, "run", &again, &same) == RT_OK);
    RT_ASSERT(again.talk == head.talk && again.seq == head.seq && again.ack == head.ack &&
              again.type == head.type && again.generation == head.generation &&
              strcmp(same.sender, frame.sender) == 0);
    rt_bytes_release(&bytes);
    rt_bytes_release(&body);
    rt_frame_release(&frame);
    rt_frame_release(&same);
}

static rt_status drop(void *ctx, const char *peer, const rt_bytes *frame)
{
    (void)ctx, (void)peer;
    return frame->len % 3 == 0 ? RT_E_TIMEOUT : frame->len % 5 == 0 ? RT_E_CLOSED : RT_OK;
}

/* Gives the frame twice to a router or a dealer, which sends a message of its own in between. */
static void try_as_conversation(bool is_router, const uint8_t *data, size_t size)
{
    rt__end e;
    rt_frame f;
    rt_msg_committed m = {.step = 1};
    rt__end_options o = {.is_router = is_router, .run = "run", .name = "me", .give = drop};
    RT_ASSERT(rt__end_init(&e, &o) == RT_OK);
    for (int i = 0; i < 2; i++) {
        if (rt__end_send(&e, "peer", RT_MSG_COMMITTED, &m, 1) != RT_OK)
            rt_error_clear();
        if (rt__end_take(&e, "peer", data, size, 1, &f))
            rt_frame_release(&f);
        rt__end_settle(&e, 2);
        RT_ASSERT(!rt_failed());
    }
    rt__end_release(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t live = rt_mem_live();
    rt_error_clear();
    rt_log_set_level(RT_LOG_ERROR + 1);
    try_as_frame(data, size);
    try_as_conversation(size % 2 == 0, data, size);
    if (size % 8 < 2) { /* trying all types takes as long as everything else */
        for (int i = 0; i < RT_MSG_TYPES; i++)
            try_as_body(rt_msg_type_at(i), data, size);
        try_as_body(-1, data, size);
    }
    RT_ASSERT(rt_mem_live() == live);
    return 0;
}

#ifdef RT_FUZZ_MUTATOR
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* Sometimes starts with a new frame of a random message, usually changed in places; otherwise changes an earlier input
 * further. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    if (seed % 8 != 0)
        return LLVMFuzzerMutate(data, size, max_size);
    uint64_t state = seed;
    rt_msg_type type = rt_msg_type_at((int)(seed / 8 % RT_MSG_TYPES));
    rt__frame_head head = {.run = "run",
                           .sender = "me",
                           .talk = 1 + seed / 8 % 2,
                           .seq = 1 + seed / 8 % 3,
                           .ack = seed / 8 % 5,
                           .type = type};
    rt_msg_body body;
    rt_bytes packed = {0}, frame = {0};
    RT_ASSERT(random_message(type, &state, &body) == RT_OK);
    RT_ASSERT(rt_msg_encode(type, &body, &packed) == RT_OK);
    RT_ASSERT(rt__frame_pack(&head, &packed, &frame) == RT_OK);
    size = frame.len < max_size ? frame.len : max_size; /* cut off if too long */
    memcpy(data, frame.data, size);
    rt_bytes_release(&frame);
    rt_bytes_release(&packed);
    rt_msg_body_release(type, &body);
    for (unsigned i = seed / 8 % 3; i > 0; i--)
        size = LLVMFuzzerMutate(data, size, max_size);
    return size;
}
#endif

/* Random control messages: mostly short, sometimes as long as messages.def allows.
 *
 *     uint64_t seed = 17;
 *     rt_msg_body body;
 *     assert_int_equal(random_message(RT_MSG_PLAN, &seed, &body), RT_OK);
 *     ...
 *     rt_msg_body_release(RT_MSG_PLAN, &body); */
#ifndef RINGTORCH_TESTS_SUPPORT_RANDOM_MESSAGE_H
#define RINGTORCH_TESTS_SUPPORT_RANDOM_MESSAGE_H

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/control/messages_codec.h"
#include "common/control/messages_table.h"
#include "tests/unit/common/random.h"
#include <string.h>

enum { SHORT = 20, ONE_IN_LONG = 16 };
#ifdef __SANITIZE_THREAD__ /* ZeroMQ takes minutes there for millions of bytes, and short messages show the same races */
static const int64_t LONG_MOST = 1000;
#else
static const int64_t LONG_MOST = INT64_MAX;
#endif

/* Returns a length from 0 to most. */
static inline int64_t random_length(uint64_t *state, int64_t most)
{
    if (random_bits(state) % ONE_IN_LONG == 0)
        return most < LONG_MOST ? most : LONG_MOST;
    int64_t usual = most < SHORT ? most : SHORT;
    return (int64_t)(random_bits(state) % (uint64_t)(usual + 1));
}

/* Returns an integer of random magnitude, so that every width on the wire occurs. */
static inline int64_t random_int(uint64_t *state)
{
    unsigned shift = (unsigned)(random_bits(state) % 64);
    return (int64_t)random_bits(state) >> shift;
}

/* Returns one of the values that have a name. */
static inline int random_value(uint64_t *state, const rt__named *named)
{
    for (;;) {
        uint64_t range = (uint64_t)(named->most - named->least + 1);
        int64_t value = named->least + (int64_t)(random_bits(state) % range);
        if (named->name(value))
            return (int)value;
    }
}

static inline rt_status random_string(uint64_t *state, int64_t len, char **out)
{
    *out = rt_malloc((size_t)len + 1);
    if (!*out)
        return rt_error_code();
    for (int64_t i = 0; i < len; i++)
        (*out)[i] = (char)(1 + random_bits(state) % 255); /* any byte but zero */
    (*out)[len] = 0;
    return RT_OK;
}

static inline rt_status random_strings(uint64_t *state, const rt__field *f, char ***out,
                                       int64_t *count)
{
    int64_t n = random_length(state, f->most);
    *out = rt_calloc((size_t)n, sizeof **out);
    if (!*out)
        return rt_error_code();
    *count = n;
    const uint64_t lengths = f->longest < SHORT ? f->longest + 1 : SHORT;
    for (int64_t i = 0; i < n; i++)
        RT_TRY(random_string(state, (int64_t)(random_bits(state) % lengths), &(*out)[i]));
    return RT_OK;
}

static inline rt_status random_ints(uint64_t *state, const rt__field *f, int64_t **out,
                                    int64_t *count)
{
    int64_t n = random_length(state, f->most);
    *out = rt_calloc((size_t)(n * f->per), sizeof **out);
    if (!*out)
        return rt_error_code();
    *count = n;
    for (int64_t i = 0; i < n * f->per; i++)
        (*out)[i] = random_int(state);
    return RT_OK;
}

static inline rt_status random_field(uint64_t *state, const rt__field *f, rt_msg_body *body)
{
    void *at = (char *)body + f->offset;
    int64_t *count = (int64_t *)(void *)((char *)body + f->count_offset);
    switch (f->kind) {
    case RT__FIELD_I64:
        *(int64_t *)at = random_int(state);
        return RT_OK;
    case RT__FIELD_FLAG:
        *(bool *)at = random_bits(state) % 2;
        return RT_OK;
    case RT__FIELD_ENUM:
        *(int *)at = random_value(state, f->named);
        return RT_OK;
    case RT__FIELD_F64:
        *(double *)at = (double)random_int(state) / 1024;
        return RT_OK;
    case RT__FIELD_STR:
        return random_string(state, random_length(state, (int64_t)f->longest), at);
    case RT__FIELD_I64S:
        return random_ints(state, f, at, count);
    case RT__FIELD_STRS:
        return random_strings(state, f, at, count);
    }
    return RT_OK;
}

/* Fills *out with a random body within the limits of messages.def; *state is the seed and is advanced. */
static inline rt_status random_message(rt_msg_type type, uint64_t *state, rt_msg_body *out)
{
    rt__message m;
    RT_ASSERT(rt__message_find(type, &m));
    memset(out, 0, sizeof *out);
    rt_status status = RT_OK;
    for (int i = 0; i < m.n_fields && status == RT_OK; i++)
        status = random_field(state, &m.fields[i], out);
    if (status != RT_OK)
        rt_msg_body_release(type, out);
    return status;
}

#endif

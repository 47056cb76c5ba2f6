/* A snapshot that a HELLO offers, from the five numbers of a table in a test. */
#ifndef RINGTORCH_TESTS_SUPPORT_OFFER_H
#define RINGTORCH_TESTS_SUPPORT_OFFER_H

#include "common/control/messages.h"

/* n: generation, rank, step, begin, end. */
static inline rt_msg_offer offer_of(const int64_t n[5])
{
    return (rt_msg_offer){
        .generation = n[0], .rank = n[1], .step = n[2], .begin = n[3], .end = n[4]};
}

#endif

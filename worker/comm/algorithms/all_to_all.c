/* All to all by pairwise exchange: in step s every rank sends to the rank s above it and receives from the rank s below
 * it, so no two ranks send to the same one at once. W-1 messages, (W-1)/W*M bytes, which is optimal: everything is sent
 * once, straight to its destination. Lengths are known to two ranks only, so every range is closed (rt__comm_pieces). */
#include "common/base/error.h"
#include "worker/comm/internal.h"
#include <string.h>

static rt_status all_to_all(rt_comm *c, const rt_buf *send, const rt_range *to,
                            const rt_buf *receive, const rt_range *from)
{
    const rt_buf mine = rt_buf_range(*send, to[c->rank]);
    if (mine.count > 0)
        memcpy(rt_buf_range(*receive, from[c->rank]).data, mine.data, rt_buf_bytes(mine));
    for (int step = 1; step < c->world; step++) {
        const int up = (c->rank + step) % c->world;
        const int down = (c->rank - step + c->world) % c->world;
        const rt_buf out = rt_buf_range(*send, to[up]), in = rt_buf_range(*receive, from[down]);
        const rt__exchange x = {
            .to = up,
            .send = out.data,
            .send_bytes = rt_buf_bytes(out),
            .from = down,
            .receive = in.data,
            .receive_bytes = rt_buf_bytes(in),
            .close_send = true,
            .close_receive = true,
        };
        RT_TRY(rt__comm_exchange(c, &x));
    }
    return RT_OK;
}

static rt_status check_all_to_all(const rt_comm *c, const rt_buf *send, const rt_range *to,
                                  const rt_buf *receive, const rt_range *from)
{
    RT_TRY(rt__comm_check_buf(send, "all_to_all"));
    RT_TRY(rt__comm_check_buf(receive, "all_to_all"));
    if (send->dtype != receive->dtype)
        return RT_FAIL(DTYPE, "all_to_all from %s to %s, expected one element type",
                       rt_dtype_name(send->dtype), rt_dtype_name(receive->dtype));
    if (!to != !from)
        return RT_FAIL(ARG, "all_to_all: ranges on one side only, expected both or none");
    if (!to && (send->count != receive->count || send->count % c->world != 0))
        return RT_FAIL(ARG,
                       "all_to_all of %lld elements into %lld, expected as many on both sides, a "
                       "multiple of %d",
                       (long long)send->count, (long long)receive->count, c->world);
    if (!to)
        return RT_OK;
    RT_TRY(rt__comm_check_ranges(c, to, send->count));
    RT_TRY(rt__comm_check_ranges(c, from, receive->count));
    const int64_t mine = to[c->rank].end - to[c->rank].begin;
    const int64_t kept = from[c->rank].end - from[c->rank].begin;
    if (mine != kept)
        return RT_FAIL(ARG, "all_to_all: rank %d sends itself %lld elements, and expects %lld",
                       c->rank, (long long)mine, (long long)kept);
    return RT_OK;
}

rt_status rt_comm_all_to_all(rt_comm *c, rt_buf send, const rt_range *to, rt_buf receive,
                             const rt_range *from)
{
    RT_TRY(check_all_to_all(c, &send, to, &receive, from));
    if (!to) {
        rt_range *even = rt__comm_scratch(c, RT__SCRATCH_PLAN, (size_t)c->world * sizeof *even);
        const int64_t share = send.count / c->world;
        if (!even)
            return RT_E_NOMEM;
        for (int64_t r = 0; r < c->world; r++)
            even[r] = (rt_range){r * share, (r + 1) * share};
        to = from = even;
    }
    RT_TRY(rt__comm_begin(c, RT__ALL_TO_ALL));
    return rt__comm_end(c, all_to_all(c, &send, to, &receive, from));
}

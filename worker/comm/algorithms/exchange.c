/* Sends and receives any number of buffers at once: one message per RT_COMM_MESSAGE bytes, and one that is not full. */
#include "common/base/error.h"
#include "worker/comm/internal.h"

static int64_t pieces_of(const rt_comm_transfer *t, int count)
{
    int64_t pieces = 0;
    for (int i = 0; i < count; i++)
        pieces += rt__comm_pieces(rt_buf_bytes(t[i].buf), RT_COMM_MESSAGE, true);
    return pieces;
}

/* Starts all pieces of all transfers; *r moves past their requests. */
static rt_status start_all(rt_comm *c, const rt_comm_transfer *t, int count, bool send,
                           rt_request **r)
{
    for (int i = 0; i < count; i++)
        for (int64_t at = 0; at <= (int64_t)rt_buf_bytes(t[i].buf); at += RT_COMM_MESSAGE) {
            int64_t left = (int64_t)rt_buf_bytes(t[i].buf) - at;
            char *data = left > 0 ? (char *)t[i].buf.data + at : NULL;
            size_t bytes = (size_t)(left < RT_COMM_MESSAGE ? left : RT_COMM_MESSAGE);
            RT_TRY(send ? rt__comm_send(c, (*r)++, t[i].peer, data, bytes)
                        : rt__comm_receive(c, (*r)++, t[i].peer, data, bytes));
        }
    return RT_OK;
}

static rt_status exchange(rt_comm *c, const rt_comm_transfer *sends, int send_count,
                          const rt_comm_transfer *receives, int receive_count)
{
    const int64_t n = pieces_of(sends, send_count) + pieces_of(receives, receive_count);
    rt_request *requests =
        rt__comm_scratch(c, RT__SCRATCH_REQUESTS, (size_t)(n + 1) * sizeof *requests);
    if (!requests)
        return RT_E_NOMEM;
    rt_request *next = requests;
    RT_TRY(start_all(c, receives, receive_count, false, &next));
    RT_TRY(start_all(c, sends, send_count, true, &next));
    return rt__comm_wait_all(c, requests, n);
}

static rt_status check_transfers(const rt_comm *c, const rt_comm_transfer *t, int count)
{
    for (int i = 0; i < count; i++) {
        RT_TRY(rt__comm_check_buf(&t[i].buf, "exchange"));
        RT_TRY(rt__comm_check_peer(c, t[i].peer, "exchange"));
    }
    return RT_OK;
}

rt_status rt_comm_exchange(rt_comm *c, const rt_comm_transfer *sends, int send_count,
                           const rt_comm_transfer *receives, int receive_count)
{
    RT_TRY(check_transfers(c, sends, send_count));
    RT_TRY(check_transfers(c, receives, receive_count));
    RT_TRY(rt__comm_begin(c, RT__EXCHANGE));
    return rt__comm_end(c, exchange(c, sends, send_count, receives, receive_count));
}

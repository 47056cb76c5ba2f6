/* Ranges from rank to rank, any number of them at once: one message for each RT_COMM_MESSAGE bytes. */
#include "common/error.h"
#include "worker/comm/internal.h"

static int64_t pieces_of(const rt_comm_transfer *t, int count)
{
    int64_t pieces = 0;
    for (int i = 0; i < count; i++)
        pieces += (t[i].bytes + RT_COMM_MESSAGE - 1) / RT_COMM_MESSAGE;
    return pieces;
}

/* Starts all pieces of all transfers; *r moves past their requests. */
static rt_status start_all(rt_comm *c, const rt_comm_transfer *t, int count, bool send,
                           rt_request **r)
{
    for (int i = 0; i < count; i++)
        for (int64_t at = 0; at < t[i].bytes; at += RT_COMM_MESSAGE) {
            char *data = (char *)t[i].data + at;
            int64_t left = t[i].bytes - at;
            size_t bytes = (size_t)(left < RT_COMM_MESSAGE ? left : RT_COMM_MESSAGE);
            RT_TRY(send ? rt__comm_send(c, (*r)++, t[i].peer, data, bytes)
                        : rt__comm_receive(c, (*r)++, t[i].peer, data, bytes));
        }
    return RT_OK;
}

rt_status rt__comm_exchange_all(rt_comm *c, const rt_comm_transfer *sends, int send_count,
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

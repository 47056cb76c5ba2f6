/* Sends or receives one buffer: one side of an exchange. */
#include "common/base/error.h"
#include "worker/comm/internal.h"

rt_status rt_comm_send(rt_comm *c, rt_buf buf, int to)
{
    RT_TRY(rt__comm_check_buf(&buf, "send"));
    RT_TRY(rt__comm_check_peer(c, to, "send"));
    RT_TRY(rt__comm_begin(c, RT__SEND));
    const rt__exchange x = {.to = to,
                            .send = buf.data,
                            .send_bytes = rt_buf_bytes(buf),
                            .close_send = true,
                            .from = to};
    return rt__comm_end(c, rt__comm_exchange(c, &x));
}

rt_status rt_comm_recv(rt_comm *c, rt_buf buf, int from)
{
    RT_TRY(rt__comm_check_buf(&buf, "recv"));
    RT_TRY(rt__comm_check_peer(c, from, "recv"));
    RT_TRY(rt__comm_begin(c, RT__RECV));
    const rt__exchange x = {.to = from,
                            .from = from,
                            .receive = buf.data,
                            .receive_bytes = rt_buf_bytes(buf),
                            .close_receive = true};
    return rt__comm_end(c, rt__comm_exchange(c, &x));
}

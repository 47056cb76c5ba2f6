#include "launch/doctor/doctor_network.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/control/wire.h"

static const double WIRE_SECONDS = 3;

/* Sends a message and its answer twice over a connection within this thread. *seconds: the time of the second exchange. */
static rt_status exchange(rt_wire *server, rt_wire *client, double *seconds)
{
    double end = rt_clock() + WIRE_SECONDS, began = rt_clock();
    int answers = 0;
    RT_TRY(rt_wire_send(client, NULL, RT_MSG_STATUS, &(rt_msg_status){.events = 0}));
    while (answers < 2 && rt_clock() < end) {
        rt_frame f;
        rt_status status = rt_wire_receive(server, 0.001, &f);
        if (status == RT_OK) {
            status =
                rt_wire_send(server, f.peer, RT_MSG_ACCEPTED, &(rt_msg_accepted){.text = "yes"});
            rt_frame_release(&f);
        }
        if (status != RT_OK && status != RT_E_TIMEOUT)
            return status;
        status = rt_wire_receive(client, 0.001, &f);
        if (status == RT_OK) {
            rt_frame_release(&f);
            *seconds = rt_clock() - began;
            began = rt_clock();
            if (++answers < 2)
                RT_TRY(rt_wire_send(client, NULL, RT_MSG_STATUS, &(rt_msg_status){.events = 0}));
        } else if (status != RT_E_TIMEOUT) {
            return status;
        }
    }
    return answers == 2 ? RT_OK
                        : RT_FAIL(TIMEOUT, "%s: no message came through in %.0f s",
                                  rt_wire_endpoint(server), WIRE_SECONDS);
}

static rt_status try_wire(double *seconds)
{
    rt_wire_keys keys;
    rt_wire *server = NULL, *client = NULL;
    RT_TRY(rt_wire_keys_make(&keys));
    rt_wire_options o = {
        .endpoint = "tcp://127.0.0.1:*", .keys = &keys, .run = "doctor", .name = "coordinator"};
    rt_status status = rt_wire_listen(&o, &server);
    if (status == RT_OK) {
        o.endpoint = rt_wire_endpoint(server);
        o.name = "tool";
        status = rt_wire_connect(&o, &client);
    }
    if (status == RT_OK)
        status = exchange(server, client, seconds);
    if (client)
        rt_wire_close(client, 0);
    if (server)
        rt_wire_close(server, 0);
    return status;
}

void rt__check_wire(rt__doctor *d)
{
    double seconds = 0;
    if (try_wire(&seconds) == RT_OK)
        rt__doctor_report(d, RT__FINE, "control plane", NULL,
                          "encrypted messages over loopback, %.1f ms there and back",
                          1000 * seconds);
    else
        rt__doctor_report_error(
            d, "control plane",
            "check that the interface lo is up (ip link set lo up), that libzmq has CURVE "
            "(Debian's libzmq5 does), and that no firewall drops loopback");
}

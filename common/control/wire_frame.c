/* Encoding and decoding of frames. */
#include "common/control/wire_frame.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include <inttypes.h>
#include <string.h>

enum {
    FRAME_ITEMS = 9,
    HEAD_MAX = 192, /* bytes: two names, six integers and msgpack's overhead */
};

static bool is_control(int64_t type)
{
    return type <= RT__FRAME_ACK && type >= RT__FRAME_RESET;
}

rt_status rt__frame_fits(rt_msg_type type, size_t body_bytes)
{
    if (body_bytes <= RT_WIRE_FRAME_MAX - HEAD_MAX)
        return RT_OK;
    return RT_FAIL(RANGE, "%s: a body of %zu bytes, at most %d fit into a frame", rt_msg_name(type),
                   body_bytes, RT_WIRE_FRAME_MAX - HEAD_MAX);
}

rt_status rt__frame_pack(const rt__frame_head *head, const rt_bytes *body, rt_bytes *out)
{
    rt__writer w = {0};
    rt__write_array(&w, FRAME_ITEMS);
    rt__write_int(&w, RT_WIRE_VERSION);
    rt__write_string(&w, head->run);
    rt__write_int(&w, head->generation);
    rt__write_string(&w, head->sender);
    rt__write_int(&w, head->talk);
    rt__write_int(&w, head->seq);
    rt__write_int(&w, head->ack);
    rt__write_int(&w, head->type);
    if (body)
        rt__write_packed(&w, body);
    else
        rt__write_array(&w, 0);
    return rt__writer_take(&w, out);
}

/* Reads a name of at most RT__NAME_MAX - 1 bytes, none of them zero. */
static bool read_name(rt__reader *r, char name[RT__NAME_MAX])
{
    const char *text;
    size_t len;
    if (!rt__read_string(r, &text, &len) || len >= RT__NAME_MAX || memchr(text, 0, len))
        return false;
    memcpy(name, text, len);
    name[len] = 0;
    return true;
}

static rt_status read_head(rt__reader *r, const char *run, rt__frame_head *head, rt_frame *out)
{
    int64_t items, version;
    char their_run[RT__NAME_MAX];
    if (!rt__read_array(r, &items) || items != FRAME_ITEMS)
        return RT_FAIL(PROTOCOL, "not an array of %d items", FRAME_ITEMS);
    if (!rt__read_int(r, &version) || version != RT_WIRE_VERSION)
        return RT_FAIL(PROTOCOL, "not of wire version %d", RT_WIRE_VERSION);
    if (!read_name(r, their_run))
        return RT_FAIL(PROTOCOL, "no run id");
    if (strcmp(their_run, run) != 0)
        return RT_FAIL(PROTOCOL, "of run '%s', this is run '%s'", their_run, run);
    if (!rt__read_int(r, &head->generation) || !read_name(r, out->sender) ||
        !rt__read_int(r, &head->talk) || !rt__read_int(r, &head->seq) ||
        !rt__read_int(r, &head->ack) || !rt__read_int(r, &head->type))
        return RT_FAIL(PROTOCOL, "malformed head");
    if (head->talk < 1 || head->ack < 0 ||
        (is_control(head->type) ? head->seq != 0 : head->seq < 1))
        return RT_FAIL(PROTOCOL,
                       "type %" PRId64 " with talk %" PRId64 ", seq %" PRId64 " and ack %" PRId64,
                       head->type, head->talk, head->seq, head->ack);
    return RT_OK;
}

static rt_status read_body(rt__reader *r, int64_t type, rt_frame *out)
{
    int64_t items;
    if (is_control(type))
        return rt__read_array(r, &items) && items == 0 ? RT_OK : RT_FAIL(PROTOCOL, "malformed ack");
    RT_TRY(rt__msg_read(type, r, &out->body));
    out->type = (rt_msg_type)type;
    return RT_OK;
}

rt_status rt__frame_decode(const void *data, size_t len, const char *run, rt__frame_head *head,
                           rt_frame *out)
{
    memset(head, 0, sizeof *head);
    memset(out, 0, sizeof *out);
    if (len > RT_WIRE_FRAME_MAX)
        return RT_FAIL(PROTOCOL, "%zu bytes, at most %d are allowed", len, RT_WIRE_FRAME_MAX);
    rt__reader r = {data, (const uint8_t *)data + len};
    RT_TRY(read_head(&r, run, head, out));
    out->generation = head->generation;
    RT_TRY(read_body(&r, head->type, out));
    if (r.at == r.end)
        return RT_OK;
    rt_frame_release(out);
    return RT_FAIL(PROTOCOL, "%td bytes behind the end", r.end - r.at);
}

void rt_frame_release(rt_frame *f)
{
    rt_msg_body_release(f->type, &f->body);
}

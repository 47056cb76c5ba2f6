/* msgpack items: https://github.com/msgpack/msgpack/blob/master/spec.md */
#include "common/control/codec.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include <msgpack/pack.h>
#include <string.h>

/* ---- writing ---- */

static int append(void *to, const char *data, size_t len)
{
    rt__writer *w = to;
    if (w->failed)
        return -1;
    if (w->room < w->bytes.len + len) {
        size_t room = 2 * (w->bytes.len + len);
        uint8_t *grown = rt_realloc(w->bytes.data, room);
        if (!grown) {
            w->failed = true;
            return -1;
        }
        w->bytes.data = grown;
        w->room = room;
    }
    memcpy(w->bytes.data + w->bytes.len, data, len);
    w->bytes.len += len;
    return 0;
}

static msgpack_packer packer(rt__writer *w)
{
    return (msgpack_packer){.data = w, .callback = append};
}

void rt__write_array(rt__writer *w, int64_t items)
{
    msgpack_packer p = packer(w);
    msgpack_pack_array(&p, (size_t)items);
}

void rt__write_int(rt__writer *w, int64_t value)
{
    msgpack_packer p = packer(w);
    msgpack_pack_int64(&p, value);
}

void rt__write_double(rt__writer *w, double value)
{
    msgpack_packer p = packer(w);
    msgpack_pack_double(&p, value);
}

void rt__write_string(rt__writer *w, const char *text)
{
    msgpack_packer p = packer(w);
    msgpack_pack_str_with_body(&p, text, strlen(text));
}

void rt__write_packed(rt__writer *w, const rt_bytes *items)
{
    append(w, (const char *)items->data, items->len);
}

rt_status rt__writer_take(rt__writer *w, rt_bytes *out)
{
    rt_status status = w->failed ? rt_error_code() : RT_OK;
    *out = w->bytes;
    *w = (rt__writer){0};
    if (status != RT_OK)
        rt_bytes_release(out);
    return status;
}

/* ---- reading ---- */

/* Reads an unsigned big-endian number of `width` bytes that follows the tag byte. */
static bool following(const rt__reader *r, size_t width, uint64_t *value)
{
    if ((size_t)(r->end - r->at) < 1 + width)
        return false;
    *value = 0;
    for (size_t i = 0; i < width; i++)
        *value = *value << 8 | r->at[1 + i];
    return true;
}

static bool skip(rt__reader *r, size_t bytes)
{
    r->at += bytes;
    return true;
}

bool rt__read_array(rt__reader *r, int64_t *items)
{
    if (r->at == r->end)
        return false;
    uint8_t tag = *r->at;
    uint64_t n;
    if ((tag & 0xf0) == 0x90) {
        *items = tag & 0x0f;
        return skip(r, 1);
    }
    size_t width = tag == 0xdc ? 2 : tag == 0xdd ? 4 : 0;
    if (width == 0 || !following(r, width, &n))
        return false;
    *items = (int64_t)n;
    return skip(r, 1 + width);
}

bool rt__read_int(rt__reader *r, int64_t *value)
{
    if (r->at == r->end)
        return false;
    uint8_t tag = *r->at;
    if (tag < 0x80 || tag >= 0xe0) { /* the value is the tag */
        *value = (int8_t)tag;
        return skip(r, 1);
    }
    bool is_unsigned = 0xcc <= tag && tag <= 0xcf, is_signed = 0xd0 <= tag && tag <= 0xd3;
    size_t width = (size_t)1 << (tag & 3); /* both groups: 1, 2, 4, 8 bytes in order */
    uint64_t raw;
    if ((!is_unsigned && !is_signed) || !following(r, width, &raw))
        return false;
    if (is_unsigned && raw > INT64_MAX)
        return false;
    unsigned unused = 64 - 8 * (unsigned)width;
    *value = is_unsigned ? (int64_t)raw : (int64_t)(raw << unused) >> unused; /* extends the sign */
    return skip(r, 1 + width);
}

bool rt__read_double(rt__reader *r, double *value)
{
    uint64_t raw;
    if (r->at == r->end || *r->at != 0xcb || !following(r, sizeof raw, &raw))
        return false;
    memcpy(value, &raw, sizeof raw);
    return skip(r, 1 + sizeof raw);
}

bool rt__read_string(rt__reader *r, const char **text, size_t *len)
{
    if (r->at == r->end)
        return false;
    uint8_t tag = *r->at;
    uint64_t n = tag & 0x1f;
    size_t width = 0;
    if ((tag & 0xe0) != 0xa0) {
        if (tag < 0xd9 || tag > 0xdb)
            return false;
        width = (size_t)1 << (tag - 0xd9);
        if (!following(r, width, &n))
            return false;
    }
    if ((size_t)(r->end - r->at) - 1 - width < n)
        return false;
    *text = (const char *)r->at + 1 + width;
    *len = (size_t)n;
    return skip(r, 1 + width + (size_t)n);
}

/* Encodes, decodes and frees messages, each with one loop over the fields of messages.def. */
#include "common/control/messages_codec.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/control/messages_table.h"
#include <inttypes.h>
#include <string.h>

/* A pointer to a field of a body, by kind. */
typedef union slot {
    void *any;
    int64_t *i64;
    bool *flag;
    double *f64;
    char **str;
    int64_t **i64s;
    char ***strs;
} slot;

static slot slot_of(const rt__field *f, const void *body)
{
    return (slot){.any = (char *)body + f->offset};
}

static int64_t *count_of(const rt__field *f, const void *body)
{
    return (int64_t *)(void *)((char *)body + f->count_offset);
}

/* ---- encode ---- */

static rt_status write_string(const rt__message *m, const rt__field *f, const char *text,
                              rt__writer *w)
{
    text = text ? text : "";
    size_t len = strlen(text);
    if (len > f->longest)
        return RT_FAIL(RANGE, "%s.%s: %zu bytes, at most %zu fit", m->name, f->name, len,
                       f->longest);
    rt__write_string(w, text);
    return RT_OK;
}

static rt_status check_count(const rt__message *m, const rt__field *f, int64_t count)
{
    if (count < 0 || count > f->most)
        return RT_FAIL(RANGE, "%s.%s: %" PRId64 " entries, at most %" PRId64 " fit", m->name,
                       f->name, count, f->most);
    return RT_OK;
}

/* Enums have different types but the same layout in memory. */
_Static_assert(sizeof(rt_source) == sizeof(int) && sizeof(rt_next) == sizeof(int) &&
                   sizeof(rt_phase) == sizeof(int) && sizeof(rt_status) == sizeof(int),
               "an ENUM is as large as an int");

static int64_t enum_value(const rt__field *f, const void *body)
{
    int value;
    memcpy(&value, slot_of(f, body).any, sizeof value);
    return value;
}

static void set_enum(const rt__field *f, const void *body, int64_t to)
{
    int value = (int)to;
    memcpy(slot_of(f, body).any, &value, sizeof value);
}

static rt_status write_enum(const rt__message *m, const rt__field *f, int64_t value, rt__writer *w)
{
    if (!f->named->name(value))
        return RT_FAIL(RANGE, "%s.%s: %" PRId64 " is not a %s", m->name, f->name, value,
                       f->named->what);
    rt__write_int(w, value);
    return RT_OK;
}

static rt_status write_ints(const rt__message *m, const rt__field *f, const void *body,
                            rt__writer *w)
{
    int64_t count = *count_of(f, body), *ints = *slot_of(f, body).i64s;
    RT_TRY(check_count(m, f, count));
    rt__write_array(w, count * f->per);
    for (int64_t i = 0; i < count * f->per; i++)
        rt__write_int(w, ints[i]);
    return RT_OK;
}

static rt_status write_strings(const rt__message *m, const rt__field *f, const void *body,
                               rt__writer *w)
{
    int64_t count = *count_of(f, body);
    RT_TRY(check_count(m, f, count));
    rt__write_array(w, count);
    for (int64_t i = 0; i < count; i++)
        RT_TRY(write_string(m, f, (*slot_of(f, body).strs)[i], w));
    return RT_OK;
}

static rt_status write_field(const rt__message *m, const rt__field *f, const void *body,
                             rt__writer *w)
{
    slot s = slot_of(f, body);
    switch (f->kind) {
    case RT__FIELD_I64:
        rt__write_int(w, *s.i64);
        break;
    case RT__FIELD_FLAG:
        rt__write_int(w, *s.flag);
        break;
    case RT__FIELD_ENUM:
        return write_enum(m, f, enum_value(f, body), w);
    case RT__FIELD_F64:
        rt__write_double(w, *s.f64);
        break;
    case RT__FIELD_STR:
        return write_string(m, f, *s.str, w);
    case RT__FIELD_I64S:
        return write_ints(m, f, body, w);
    case RT__FIELD_STRS:
        return write_strings(m, f, body, w);
    }
    return RT_OK;
}

static rt_status write_body(const rt__message *m, const void *body, rt__writer *w)
{
    rt__write_array(w, m->n_fields);
    for (int i = 0; i < m->n_fields; i++)
        RT_TRY(write_field(m, &m->fields[i], body, w));
    return RT_OK;
}

rt_status rt_msg_encode(rt_msg_type type, const void *body, rt_bytes *out)
{
    rt__message m;
    RT_ASSERT(rt__message_find(type, &m));
    rt__writer w = {0};
    rt_status written = write_body(&m, body, &w);
    rt_status taken = rt__writer_take(&w, out);
    if (written != RT_OK)
        rt_bytes_release(out);
    return written != RT_OK ? written : taken;
}

/* ---- decode ---- */

static rt_status malformed(const rt__message *m, const rt__field *f, const char *expected)
{
    return RT_FAIL(PROTOCOL, "%s.%s: expected %s", m->name, f->name, expected);
}

static rt_status read_string(const rt__message *m, const rt__field *f, rt__reader *r, char **out)
{
    const char *text;
    size_t len;
    if (!rt__read_string(r, &text, &len))
        return malformed(m, f, "a string");
    if (len > f->longest)
        return RT_FAIL(PROTOCOL, "%s.%s: %zu bytes, at most %zu are allowed", m->name, f->name, len,
                       f->longest);
    if (memchr(text, 0, len))
        return malformed(m, f, "a string without zero bytes");
    *out = rt_malloc(len + 1);
    if (!*out)
        return rt_error_code();
    memcpy(*out, text, len);
    (*out)[len] = 0;
    return RT_OK;
}

static rt_status read_flag(const rt__message *m, const rt__field *f, rt__reader *r, bool *out)
{
    int64_t value;
    if (!rt__read_int(r, &value) || value < 0 || value > 1)
        return malformed(m, f, "0 or 1");
    *out = value;
    return RT_OK;
}

static rt_status read_enum(const rt__message *m, const rt__field *f, rt__reader *r, void *body)
{
    int64_t value;
    if (!rt__read_int(r, &value))
        return malformed(m, f, "an integer");
    if (!f->named->name(value))
        return RT_FAIL(PROTOCOL, "%s.%s: %" PRId64 " is not a %s", m->name, f->name, value,
                       f->named->what);
    set_enum(f, body, value);
    return RT_OK;
}

/* Reads the head of an array of at most `most` items and allocates it, zeroed. An item takes at least one byte, so a
 * count larger than the bytes left is refused. */
static rt_status read_array_head(const rt__message *m, const rt__field *f, rt__reader *r,
                                 int64_t most, size_t size, void **out, int64_t *count)
{
    if (!rt__read_array(r, count))
        return malformed(m, f, "an array");
    if (*count > most || *count > r->end - r->at)
        return RT_FAIL(PROTOCOL, "%s.%s: claims %" PRId64 " %s, at most %" PRId64 " are allowed",
                       m->name, f->name, *count, most == f->most ? "entries" : "numbers", most);
    *out = rt_calloc((size_t)*count, size);
    return *out ? RT_OK : rt_error_code();
}

static rt_status read_ints(const rt__message *m, const rt__field *f, rt__reader *r, void *body)
{
    void *numbers = NULL;
    int64_t count;
    RT_TRY(read_array_head(m, f, r, f->most * f->per, sizeof(int64_t), &numbers, &count));
    *slot_of(f, body).i64s = numbers;
    *count_of(f, body) = count / f->per;
    if (count % f->per != 0)
        return RT_FAIL(PROTOCOL, "%s.%s: %" PRId64 " numbers, expected %" PRId64 " for each entry",
                       m->name, f->name, count, f->per);
    for (int64_t i = 0; i < count; i++)
        if (!rt__read_int(r, (int64_t *)numbers + i))
            return malformed(m, f, "integers");
    return RT_OK;
}

static rt_status read_strings(const rt__message *m, const rt__field *f, rt__reader *r, void *body)
{
    void *entries = NULL;
    int64_t count;
    RT_TRY(read_array_head(m, f, r, f->most, sizeof(char *), &entries, &count));
    *slot_of(f, body).strs = entries;
    *count_of(f, body) = count;
    for (int64_t i = 0; i < count; i++)
        RT_TRY(read_string(m, f, r, (char **)entries + i));
    return RT_OK;
}

static rt_status read_field(const rt__message *m, const rt__field *f, rt__reader *r, void *body)
{
    slot s = slot_of(f, body);
    switch (f->kind) {
    case RT__FIELD_I64:
        return rt__read_int(r, s.i64) ? RT_OK : malformed(m, f, "an integer");
    case RT__FIELD_FLAG:
        return read_flag(m, f, r, s.flag);
    case RT__FIELD_ENUM:
        return read_enum(m, f, r, body);
    case RT__FIELD_F64:
        return rt__read_double(r, s.f64) ? RT_OK : malformed(m, f, "a 64-bit float");
    case RT__FIELD_STR:
        return read_string(m, f, r, s.str);
    case RT__FIELD_I64S:
        return read_ints(m, f, r, body);
    case RT__FIELD_STRS:
        return read_strings(m, f, r, body);
    }
    return RT_OK;
}

static rt_status read_body(const rt__message *m, rt__reader *r, rt_msg_body *out)
{
    memset(out, 0, sizeof *out);
    int64_t items;
    if (!rt__read_array(r, &items) || items != m->n_fields)
        return RT_FAIL(PROTOCOL, "%s: expected an array of %d fields", m->name, m->n_fields);
    rt_status status = RT_OK;
    for (int i = 0; i < m->n_fields && status == RT_OK; i++)
        status = read_field(m, &m->fields[i], r, out);
    if (status != RT_OK)
        rt_msg_body_release(m->type, out);
    return status;
}

rt_status rt__msg_read(int64_t type, rt__reader *r, rt_msg_body *out)
{
    rt__message m;
    memset(out, 0, sizeof *out);
    if (!rt__message_find(type, &m))
        return RT_FAIL(PROTOCOL, "%" PRId64 " is not a message type", type);
    return read_body(&m, r, out);
}

rt_status rt_msg_decode(int64_t type, const void *data, size_t len, rt_msg_body *out)
{
    rt__reader r = {data, (const uint8_t *)data + len};
    RT_TRY(rt__msg_read(type, &r, out));
    if (r.at == r.end)
        return RT_OK;
    rt_msg_body_release((rt_msg_type)type, out);
    return RT_FAIL(PROTOCOL, "%s: %td bytes behind the last field", rt_msg_name(type),
                   r.end - r.at);
}

void rt_msg_body_release(rt_msg_type type, rt_msg_body *body)
{
    rt__message m;
    if (!rt__message_find(type, &m))
        return;
    for (int i = 0; i < m.n_fields; i++) {
        const rt__field *f = &m.fields[i];
        slot s = slot_of(f, body);
        if (f->kind == RT__FIELD_STR)
            rt_mem_free(*s.str);
        if (f->kind == RT__FIELD_I64S)
            rt_mem_free(*s.i64s);
        if (f->kind != RT__FIELD_STRS)
            continue;
        for (int64_t k = 0; k < *count_of(f, body); k++)
            rt_mem_free((*s.strs)[k]);
        rt_mem_free(*s.strs);
    }
    memset(body, 0, sizeof *body);
}

/* Encode, decode, print and free, each one loop over the fields of messages.def. */
#include "common/messages.h"

#include <inttypes.h>
#include <string.h>
#include "common/error.h"
#include "common/mem.h"
#include "common/messages_table.h"

/* One constant table of fields per message. It lives in a function so that `self` can name the
 * struct the rows belong to. */
#define MESSAGE(TYPE, type, number)                                                                \
    static rt__message type##_message(void)                                                        \
    {                                                                                              \
        typedef rt_msg_##type self;                                                                \
        static const rt__field fields[] = {
#define I64(name)    {RT__FIELD_I64, #name, .offset = offsetof(self, name)},
#define F64(name)    {RT__FIELD_F64, #name, .offset = offsetof(self, name)},
#define STR(name, l) {RT__FIELD_STR, #name, .offset = offsetof(self, name), .longest = l},
#define ARRAY(name, m)                                                                             \
    .offset = offsetof(self, name), .count_offset = offsetof(self, name##_count), .most = m
#define I64S(name, m)    {RT__FIELD_I64S, #name, ARRAY(name, m)},
#define STRS(name, m, l) {RT__FIELD_STRS, #name, ARRAY(name, m), .longest = l},
#define END(TYPE, type)                                                                            \
    }                                                                                              \
    ;                                                                                              \
    return (rt__message){RT_MSG_##TYPE, #TYPE, fields, (int)(sizeof fields / sizeof *fields)};     \
    }
#include "common/messages.def"

bool rt__message_find(int64_t type, rt__message *out)
{
    switch (type) {
#define MESSAGE(TYPE, type, number)                                                                \
    case number:                                                                                   \
        *out = type##_message();                                                                   \
        return true;
#include "common/messages.def"
    }
    return false;
}

rt_msg_type rt_msg_type_at(int i)
{
    static const rt_msg_type types[] = {
#define MESSAGE(TYPE, type, number) RT_MSG_##TYPE,
#include "common/messages.def"
    };
    RT_ASSERT(0 <= i && i < RT_MSG_TYPES);
    return types[i];
}

const char *rt_msg_name(int64_t type)
{
    rt__message m;
    return rt__message_find(type, &m) ? m.name : "?";
}

/* A field of a body, seen as what its kind says it is. */
typedef union slot {
    void *any;
    int64_t *i64;
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

static rt_status write_array_head(const rt__message *m, const rt__field *f, int64_t count,
                                  rt__writer *w)
{
    if (count < 0 || count > f->most)
        return RT_FAIL(RANGE, "%s.%s: %" PRId64 " entries, at most %" PRId64 " fit", m->name,
                       f->name, count, f->most);
    rt__write_array(w, count);
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
    case RT__FIELD_F64:
        rt__write_double(w, *s.f64);
        break;
    case RT__FIELD_STR:
        return write_string(m, f, *s.str, w);
    case RT__FIELD_I64S:
        RT_TRY(write_array_head(m, f, *count_of(f, body), w));
        for (int64_t i = 0; i < *count_of(f, body); i++)
            rt__write_int(w, (*s.i64s)[i]);
        break;
    case RT__FIELD_STRS:
        RT_TRY(write_array_head(m, f, *count_of(f, body), w));
        for (int64_t i = 0; i < *count_of(f, body); i++)
            RT_TRY(write_string(m, f, (*s.strs)[i], w));
        break;
    }
    return RT_OK;
}

rt_status rt__message_write(const rt__message *m, const void *body, rt__writer *w)
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
    rt_status written = rt__message_write(&m, body, &w);
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

/* Reads the head of an array and allocates it, zeroed. An entry takes a byte at least, so what
 * cannot be there is refused. */
static rt_status read_array_head(const rt__message *m, const rt__field *f, rt__reader *r,
                                 size_t size, void **out, int64_t *count)
{
    if (!rt__read_array(r, count))
        return malformed(m, f, "an array");
    if (*count > f->most || *count > r->end - r->at)
        return RT_FAIL(PROTOCOL,
                       "%s.%s: claims %" PRId64 " entries, at most %" PRId64 " are allowed",
                       m->name, f->name, *count, f->most);
    *out = rt_calloc((size_t)*count, size);
    return *out ? RT_OK : rt_error_code();
}

static rt_status read_ints(const rt__message *m, const rt__field *f, rt__reader *r, void *body)
{
    void *entries = NULL;
    int64_t count;
    RT_TRY(read_array_head(m, f, r, sizeof(int64_t), &entries, &count));
    *slot_of(f, body).i64s = entries;
    *count_of(f, body) = count;
    for (int64_t i = 0; i < count; i++)
        if (!rt__read_int(r, (int64_t *)entries + i))
            return malformed(m, f, "integers");
    return RT_OK;
}

static rt_status read_strings(const rt__message *m, const rt__field *f, rt__reader *r, void *body)
{
    void *entries = NULL;
    int64_t count;
    RT_TRY(read_array_head(m, f, r, sizeof(char *), &entries, &count));
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

rt_status rt__message_read(const rt__message *m, rt__reader *r, rt_msg_body *out)
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

rt_status rt_msg_decode(int64_t type, const void *data, size_t len, rt_msg_body *out)
{
    rt__message m;
    memset(out, 0, sizeof *out);
    if (!rt__message_find(type, &m))
        return RT_FAIL(PROTOCOL, "%" PRId64 " is no message type", type);
    rt__reader r = {data, (const uint8_t *)data + len};
    RT_TRY(rt__message_read(&m, &r, out));
    if (r.at == r.end)
        return RT_OK;
    rt_msg_body_release(m.type, out);
    return RT_FAIL(PROTOCOL, "%s: %td bytes behind the last field", m.name, r.end - r.at);
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

/* ---- print ---- */

enum { SHOWN = 8 }; /* entries of an array that are printed */

static void print_string(FILE *to, const char *s)
{
    putc('"', to);
    for (; s && *s; s++)
        if (*s == '"' || *s == '\\')
            fprintf(to, "\\%c", *s);
        else if ((unsigned char)*s < 0x20)
            fprintf(to, "\\x%02x", (unsigned char)*s);
        else
            putc(*s, to);
    putc('"', to);
}

static void print_array(FILE *to, const rt__field *f, const void *body)
{
    int64_t count = *count_of(f, body);
    putc('[', to);
    for (int64_t i = 0; i < count && i < SHOWN; i++) {
        fputs(i ? ", " : "", to);
        if (f->kind == RT__FIELD_I64S)
            fprintf(to, "%" PRId64, (*slot_of(f, body).i64s)[i]);
        else
            print_string(to, (*slot_of(f, body).strs)[i]);
    }
    if (count > SHOWN)
        fprintf(to, ", ... %" PRId64 " in all", count);
    putc(']', to);
}

void rt_msg_print(FILE *to, rt_msg_type type, const void *body)
{
    rt__message m;
    RT_ASSERT(rt__message_find(type, &m));
    fprintf(to, "%s {", m.name);
    for (int i = 0; i < m.n_fields; i++) {
        const rt__field *f = &m.fields[i];
        slot s = slot_of(f, body);
        fprintf(to, "%s%s: ", i ? ", " : "", f->name);
        if (f->kind == RT__FIELD_I64)
            fprintf(to, "%" PRId64, *s.i64);
        else if (f->kind == RT__FIELD_F64)
            fprintf(to, "%.9g", *s.f64);
        else if (f->kind == RT__FIELD_STR)
            print_string(to, *s.str);
        else
            print_array(to, f, body);
    }
    putc('}', to);
}

/* ---- what may come next ---- */

static const char *const next_names[] = {
    [RT_NEXT_RESUME] = "resume",
    [RT_NEXT_OTHER_RATE] = "other rate",
    [RT_NEXT_NOTHING] = "nothing",
};
enum { NEXTS = sizeof next_names / sizeof *next_names };

const char *rt_next_name(rt_next next)
{
    return next_names[next];
}

rt_next rt_next_of_name(const char *name)
{
    for (int i = 0; i < NEXTS; i++)
        if (strcmp(name, next_names[i]) == 0)
            return (rt_next)i;
    return RT_NEXT_RESUME;
}

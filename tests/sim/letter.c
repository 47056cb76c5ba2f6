#include "tests/sim/letter.h"

#include "common/base/error.h"
#include "common/control/messages_table.h"
#include "tests/sim/memory.h"
#include <inttypes.h>
#include <string.h>

/* Everything after a body begins at a multiple of 8 bytes. */
static size_t rounded(size_t n)
{
    return (n + 7) & ~(size_t)7;
}

static void *slot_of(const rt__field *f, const void *body)
{
    return (char *)body + f->offset;
}

static int64_t count_of(const rt__field *f, const void *body)
{
    return *(const int64_t *)(const void *)((const char *)body + f->count_offset);
}

static rt_status too_long(const rt__message *m, const rt__field *f, int64_t n, int64_t most)
{
    return RT_FAIL(RANGE, "%s.%s: %" PRId64 ", at most %" PRId64 " fit", m->name, f->name, n, most);
}

static rt_status text_room(const rt__message *m, const rt__field *f, const char *s, size_t *room)
{
    size_t n = s ? strlen(s) : 0;
    *room += rounded(n + 1);
    return n <= f->longest ? RT_OK : too_long(m, f, (int64_t)n, (int64_t)f->longest);
}

/* Adds up the room that a field needs after the body. */
static rt_status field_room(const rt__message *m, const rt__field *f, const void *body,
                            size_t *room)
{
    const char *const *texts;
    if (f->kind == RT__FIELD_STR)
        return text_room(m, f, *(const char *const *)slot_of(f, body), room);
    if (f->kind != RT__FIELD_I64S && f->kind != RT__FIELD_STRS)
        return RT_OK;
    int64_t count = count_of(f, body);
    *room += (size_t)(count * f->per) * 8;
    if (count < 0 || count > f->most)
        return too_long(m, f, count, f->most);
    texts = *(const char *const *const *)slot_of(f, body);
    for (int64_t i = 0; f->kind == RT__FIELD_STRS && i < count; i++)
        RT_TRY(text_room(m, f, texts[i], room));
    return RT_OK;
}

/* Copies n bytes to *at and moves on. */
static void *put(const void *from, size_t n, char **at)
{
    char *to = *at;
    if (n > 0)
        memcpy(to, from, n);
    *at += rounded(n);
    return to;
}

static char *put_text(const char *s, char **at)
{
    return put(s ? s : "", s ? strlen(s) + 1 : 1, at);
}

/* Makes a field of a copied body point to a copy at *at. */
static void own_field(const rt__field *f, void *body, char **at)
{
    void *slot = slot_of(f, body);
    if (f->kind == RT__FIELD_STR)
        *(char **)slot = put_text(*(char **)slot, at);
    if (f->kind != RT__FIELD_I64S && f->kind != RT__FIELD_STRS)
        return;
    int64_t count = count_of(f, body);
    *(void **)slot = put(*(void **)slot, (size_t)(count * f->per) * 8, at);
    for (int64_t i = 0; f->kind == RT__FIELD_STRS && i < count; i++)
        (*(char ***)slot)[i] = put_text((*(char ***)slot)[i], at);
}

static size_t size_of(rt_msg_type type)
{
    switch (type) {
#define MESSAGE(TYPE, type, number)                                                                \
    case RT_MSG_##TYPE:                                                                            \
        return sizeof(rt_msg_##type);
#include "common/control/messages.def"
    }
    return 0;
}

sim_letter *sim_letter_write(rt_msg_type type, const void *body, int64_t generation)
{
    rt__message m;
    size_t size = rounded(size_of(type)), room = 0;
    if (!rt__message_find(type, &m))
        return RT_FAIL_NULL(PROTOCOL, "%d: no such message", (int)type);
    for (int i = 0; i < m.n_fields; i++)
        if (field_room(&m, &m.fields[i], body, &room) != RT_OK)
            return NULL;
    if (size + room >
        RT_WIRE_FRAME_MAX * 8) /* in memory a number takes 8 bytes, on the wire 1 to 9 */
        return RT_FAIL_NULL(RANGE, "%s: %zu bytes in memory", m.name, size + room);
    size_t bytes = offsetof(sim_letter, body) + size + room;
    sim_letter *l = sim_alloc(bytes);
    l->holders = 1;
    l->type = type;
    l->generation = generation;
    l->bytes = bytes;
    memcpy(&l->body, body, size_of(type));
    char *at = (char *)&l->body + size;
    for (int i = 0; i < m.n_fields; i++)
        own_field(&m.fields[i], &l->body, &at);
    return l;
}

sim_letter *sim_letter_keep(sim_letter *l)
{
    l->holders++;
    return l;
}

void sim_letter_drop(sim_letter *l)
{
    if (l && --l->holders == 0)
        sim_free(l);
}

void sim_letter_read(const sim_letter *l, const char *peer, const char *sender, rt_frame *out)
{
    out->generation = l->generation;
    out->type = l->type;
    memcpy(out->peer, peer, strlen(peer) + 1);
    memcpy(out->sender, sender, strlen(sender) + 1);
    memcpy(&out->body, &l->body, size_of(l->type));
}

/* The rows of messages.def as data, and bodies inside larger frames; private to messages*.c and
 * wire_frame.c.
 *
 *     rt__message m;
 *     if (rt__message_find(number, &m))
 *         for (int i = 0; i < m.n_fields; i++) puts(m.fields[i].name);
 */
#ifndef RINGTORCH_COMMON_MESSAGES_TABLE_H
#define RINGTORCH_COMMON_MESSAGES_TABLE_H

#include "common/codec.h"
#include "common/messages.h"

typedef enum rt__field_kind {
    RT__FIELD_I64,
    RT__FIELD_F64,
    RT__FIELD_STR,
    RT__FIELD_I64S,
    RT__FIELD_STRS,
} rt__field_kind;

typedef struct rt__field {
    rt__field_kind kind;
    const char *name;
    size_t offset, count_offset; /* in the struct; count_offset for arrays */
    int64_t most;                /* entries of an array */
    size_t longest;              /* bytes of a string */
} rt__field;

typedef struct rt__message {
    rt_msg_type type;
    const char *name;
    const rt__field *fields;
    int n_fields;
} rt__message;

/* Returns false if there is no such type. */
bool rt__message_find(int64_t type, rt__message *out);

/* As rt_msg_encode and rt_msg_decode, but to and from the middle of something. */
rt_status rt__message_write(const rt__message *m, const void *body, rt__writer *w);
rt_status rt__message_read(const rt__message *m, rt__reader *r, rt_msg_body *out);

#endif

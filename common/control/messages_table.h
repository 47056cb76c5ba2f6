/* The rows of messages.def as data; private to messages*.c and tests.
 *
 *     rt__message m;
 *     if (rt__message_find(number, &m))
 *         for (int i = 0; i < m.n_fields; i++) puts(m.fields[i].name);
 */
#ifndef RINGTORCH_COMMON_CONTROL_MESSAGES_TABLE_H
#define RINGTORCH_COMMON_CONTROL_MESSAGES_TABLE_H

#include "common/control/messages.h"

typedef enum rt__field_kind {
    RT__FIELD_I64,
    RT__FIELD_FLAG,
    RT__FIELD_ENUM,
    RT__FIELD_F64,
    RT__FIELD_STR,
    RT__FIELD_I64S, /* also ENTRIES: a struct of integers is a sequence of integers */
    RT__FIELD_STRS,
} rt__field_kind;

/* The values of an ENUM. */
typedef struct rt__named {
    const char *what;                   /* "phase" */
    const char *(*name)(int64_t value); /* returns NULL for an unknown value */
    int64_t least, most;                /* the range of the values, both included */
} rt__named;

typedef struct rt__field {
    rt__field_kind kind;
    const char *name;
    size_t offset, count_offset; /* in the struct; count_offset for arrays */
    int64_t most;                /* entries of an array */
    size_t longest;              /* bytes of a string */
    const rt__named *named;      /* ENUM */
    int64_t per;                 /* I64S: numbers per entry; STRS: 1 */
    const char *const *numbers;  /* I64S: their names; NULL if an entry is a single number */
} rt__field;

typedef struct rt__message {
    rt_msg_type type;
    const char *name;
    const rt__field *fields;
    int n_fields;
} rt__message;

/* Returns false if there is no such type. */
bool rt__message_find(int64_t type, rt__message *out);

#endif

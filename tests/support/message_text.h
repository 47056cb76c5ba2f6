/* Control messages as text, to be compared with what a test expects.
 *
 *     write_message(stdout, RT_MSG_LEAVE, &(rt_msg_leave){.reason = "spot"});        // LEAVE {reason: "spot", grace: 0} */
#ifndef RINGTORCH_TESTS_SUPPORT_MESSAGE_TEXT_H
#define RINGTORCH_TESTS_SUPPORT_MESSAGE_TEXT_H

#include "common/base/error.h"
#include "common/control/messages_table.h"
#include <inttypes.h>
#include <stdio.h>

enum { ENTRIES_SHOWN = 8 }; /* printed entries of an array */

static inline void print_string(FILE *to, const char *s)
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

/* Prints "{generation: 1, rank: 0}", or just the number. */
static inline void print_entry(FILE *to, const rt__field *f, const int64_t *number)
{
    for (int64_t i = 0; i < f->per && f->numbers; i++)
        fprintf(to, "%s%s: %" PRId64, i ? ", " : "{", f->numbers[i], number[i]);
    if (f->numbers)
        putc('}', to);
    else
        fprintf(to, "%" PRId64, *number);
}

static inline void print_array(FILE *to, const rt__field *f, const void *body)
{
    int64_t count = *(const int64_t *)(const void *)((const char *)body + f->count_offset);
    const void *at = (const char *)body + f->offset;
    putc('[', to);
    for (int64_t i = 0; i < count && i < ENTRIES_SHOWN; i++) {
        fputs(i ? ", " : "", to);
        if (f->kind == RT__FIELD_I64S)
            print_entry(to, f, *(int64_t *const *)at + i * f->per);
        else
            print_string(to, (*(char **const *)at)[i]);
    }
    if (count > ENTRIES_SHOWN)
        fprintf(to, ", ... %" PRId64 " in all", count);
    putc(']', to);
}

static inline void print_enum(FILE *to, const rt__field *f, int64_t value)
{
    const char *name = f->named->name(value);
    if (name)
        fputs(name, to);
    else
        fprintf(to, "%" PRId64, value);
}

static inline void print_field(FILE *to, const rt__field *f, const void *body)
{
    const void *at = (const char *)body + f->offset;
    switch (f->kind) {
    case RT__FIELD_I64:
        fprintf(to, "%" PRId64, *(const int64_t *)at);
        break;
    case RT__FIELD_FLAG:
        fputs(*(const bool *)at ? "true" : "false", to);
        break;
    case RT__FIELD_ENUM:
        print_enum(to, f, *(const int *)at); /* all enums are ints in memory */
        break;
    case RT__FIELD_F64:
        fprintf(to, "%.9g", *(const double *)at);
        break;
    case RT__FIELD_STR:
        print_string(to, *(char *const *)at);
        break;
    case RT__FIELD_I64S:
    case RT__FIELD_STRS:
        print_array(to, f, body);
        break;
    }
}

/* Prints "PIECE_DONE {step: 500, file: "piece-00000.safetensors", ...}"; long arrays are cut short. */
static inline void write_message(FILE *to, rt_msg_type type, const void *body)
{
    rt__message m;
    RT_ASSERT(rt__message_find(type, &m));
    fprintf(to, "%s {", m.name);
    for (int i = 0; i < m.n_fields; i++) {
        fprintf(to, "%s%s: ", i ? ", " : "", m.fields[i].name);
        print_field(to, &m.fields[i], body);
    }
    putc('}', to);
}

#endif

/* Status codes: names, texts and exit codes, all from status.def. */
#include <ringtorch/status.h>

typedef enum status_class {
    USER = 2,
    ENV = 1,
    BUG = 1
} status_class; /* the exit code of each class */

const char *rt_status_text(rt_status s)
{
    switch (s) {
    case RT_OK:
        return "no error";
#define STATUS(name, value, klass, text)                                                           \
    case RT_E_##name:                                                                              \
        return text;
#include <ringtorch/status.def>
#undef STATUS
    }
    return "unknown status code";
}

const char *rt_status_name(rt_status s)
{
    switch (s) {
    case RT_OK:
        return "OK";
#define STATUS(name, value, klass, text)                                                           \
    case RT_E_##name:                                                                              \
        return #name;
#include <ringtorch/status.def>
#undef STATUS
    }
    return "?";
}

int rt_status_exit_code(rt_status s)
{
    switch (s) {
    case RT_OK:
        return 0;
#define STATUS(name, value, klass, text)                                                           \
    case RT_E_##name:                                                                              \
        return klass;
#include <ringtorch/status.def>
#undef STATUS
    }
    return BUG;
}

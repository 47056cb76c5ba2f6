/* Element types: the table of dtype.h as lookups. */
#include <ringtorch/dtype.h>

#include <stdbool.h>

static const struct {
    size_t size;
    const char *name, *safetensors;
} types[RT_DTYPES] = {
#define DTYPE(c, name, type, bytes, st) [RT_##c] = {bytes, #name, st},
    RT_DTYPE_LIST(DTYPE)
#undef DTYPE
};

#define DTYPE(c, name, type, bytes, st)                                                            \
    _Static_assert(sizeof(type) == (bytes), "dtype.h: bytes of " #name);
RT_DTYPE_LIST(DTYPE)
#undef DTYPE

static bool known(rt_dtype t)
{
    return (unsigned)t < RT_DTYPES;
}

size_t rt_dtype_size(rt_dtype t)
{
    return known(t) ? types[t].size : 0;
}

const char *rt_dtype_name(rt_dtype t)
{
    return known(t) ? types[t].name : "?";
}

const char *rt_dtype_safetensors(rt_dtype t)
{
    return known(t) ? types[t].safetensors : "?";
}

/* Installs the kernels of one level in a table. The build compiles this file once per level, which RT_LEVEL names, with RT_ROWS, the
 * rows for which the level has texts: all rows for the reference, those of fast.def for the others. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/element.h"
#include "kernels/cpu/table.h"

#define INSTALL_(level)    void rt__install_##level(rt_kernels *k)
#define INSTALL(level)     INSTALL_(level)
#define LEVEL_TEXT_(level) #level
#define LEVEL_TEXT(level)  LEVEL_TEXT_(level)

#define PUT(name, T, t, place) k->place[RT_##T] = KERNEL_NAME_(name, t, RT_LEVEL);

INSTALL(RT_LEVEL)
{
    k->isa = LEVEL_TEXT(RT_LEVEL);
#define KERNEL(name, types, args) types(PUT, name, name)
#define KERNEL_ANY(name, args)    k->name = rt__##name##_ref;
#include RT_ROWS
#define PUT_COMPLEX(name, ...) PUT(name, C64, c64, name.f) PUT(name, C128, c128, name.f)
#define UNARY(name, ...)                                                                           \
    COMPLEX_FORM(PUT_COMPLEX, name)                                                                \
    FLOATS(PUT, name, name.f)                                                                      \
    FLOATS(PUT, name##_dx, name.dx)                                                                \
    FLOATS(PUT, name##_dxx, name.dxx)
#define PARAMETRIC(name, ...)     UNARY(name)
#define UNARY_OPS(name, ...)      COMPLEX_FORM(PUT_COMPLEX, name) FLOATS(PUT, name, name.f)
#define PARAMETRIC_OPS(name, ...) FLOATS(PUT, name, name.f)
#define BINARY(name, ...)         UNARY_OPS(name)
#define TERNARY(name, ...)        UNARY_OPS(name)
#define COMPARE(name, ...)        UNARY_OPS(name)
#define PREDICATE(name, ...)      UNARY_OPS(name)
#include "kernels/elementwise.def"
}

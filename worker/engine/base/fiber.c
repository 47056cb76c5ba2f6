/* Fibers based on makecontext and swapcontext (POSIX.1-2001). The sanitizers must be notified of each change of stacks. */
#include "worker/engine/base/fiber.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/base/poison.h"
#include "worker/engine/base/thread.h"
#include <stdint.h>
#include <sys/mman.h>
#include <ucontext.h>

#if defined(__SANITIZE_THREAD__)
#define RT_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RT_THREAD_SANITIZER 1
#endif
#endif
#ifdef RT_ADDRESS_SANITIZER
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef RT_THREAD_SANITIZER
#include <sanitizer/tsan_interface.h>
#endif

enum {
    GUARD = 4096, /* inaccessible bytes below a stack, so that an overflow faults */
    STACK = 2 << 20,
};

/* One of two stacks that we switch between. */
typedef struct side {
    ucontext_t at;
    const void *stack; /* its lowest address */
    size_t size;
    void *fake; /* the address sanitizer's */
    void *tsan; /* the thread sanitizer's */
} side;

struct rt__fiber {
    side own, other; /* other: the caller of rt__fiber_resume */
    char *memory;    /* guard, then stack */
    /* of whichever side is not running */
    rt_fiber_state state;
    void (*body)(void *arg); /* NULL: idle */
    void *arg;
};

/* ---- switching sides ---- */

/* Must come first on a stack that resumes; from: the side that was left. */
static void finish_switch(side *self, side *from)
{
#ifdef RT_ADDRESS_SANITIZER
    __sanitizer_finish_switch_fiber(self->fake, &from->stack, &from->size);
#else
    (void)self, (void)from;
#endif
}

static void switch_stacks(side *from, side *to)
{
#ifdef RT_ADDRESS_SANITIZER
    __sanitizer_start_switch_fiber(&from->fake, to->stack, to->size);
#endif
#ifdef RT_THREAD_SANITIZER
    from->tsan = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(to->tsan, 0);
#endif
    RT_ASSERT(swapcontext(&from->at, &to->at) == 0);
    finish_switch(from, to);
}

static void swap_state(rt__fiber *f)
{
    rt_fiber_state state = rt__thread.fiber;
    rt__thread.fiber = f->state;
    f->state = state;
}

/* The bottom function of each fiber's stack. makecontext passes only integers, hence the pointer in two halves. */
static void run(unsigned high, unsigned low)
{
    rt__fiber *f = (rt__fiber *)((uintptr_t)high << 16 << 16 | (uintptr_t)low);
    finish_switch(&f->own, &f->other);
    for (;;) {
        f->body(f->arg);
        f->body = NULL;
        switch_stacks(&f->own, &f->other);
    }
}

/* ---- life ---- */

static rt_status make_stack(rt__fiber *f)
{
    f->memory = rt_malloc_aligned(GUARD, GUARD + STACK);
    if (!f->memory)
        return rt_error_code();
    if (mprotect(f->memory, GUARD, PROT_NONE) != 0) {
        rt_mem_free(f->memory);
        f->memory = NULL;
        return RT_FAIL(NOMEM, "fiber: the system cannot protect the guard page below a stack: it "
                              "has no more memory mappings");
    }
    f->own.stack = f->memory + GUARD;
    f->own.size = STACK;
    return RT_OK;
}

rt__fiber *rt__fiber_new(void)
{
    rt__fiber *f = rt_calloc(1, sizeof *f);
    if (!f || make_stack(f) != RT_OK || getcontext(&f->own.at) != 0) {
        rt__fiber_free(f);
        return NULL;
    }
#ifdef RT_THREAD_SANITIZER
    f->own.tsan = __tsan_create_fiber(0);
#endif
    f->own.at.uc_stack.ss_sp = f->memory + GUARD;
    f->own.at.uc_stack.ss_size = STACK;
    f->own.at.uc_link = NULL;
    uintptr_t self = (uintptr_t)f;
    makecontext(&f->own.at, (void (*)(void))run, 2, (unsigned)(self >> 16 >> 16), (unsigned)self);
    return f;
}

/* Releases what computations left in the fiber's state: scope stacks and tables, which are kept between computations. */
static void release_state(rt__fiber *f)
{
    swap_state(f);
    rt__scopes_release();
    rt__streams_release();
    swap_state(f);
}

void rt__fiber_free(rt__fiber *f)
{
    if (!f)
        return;
    RT_ASSERT(!f->body);
    release_state(f);
#ifdef RT_THREAD_SANITIZER
    if (f->own.tsan)
        __tsan_destroy_fiber(f->own.tsan);
#endif
    if (f->memory)
        mprotect(f->memory, GUARD, PROT_READ | PROT_WRITE);
    rt_mem_free(f->memory);
    rt_mem_free(f);
}

void rt__fiber_start(rt__fiber *f, void (*body)(void *arg), void *arg)
{
    RT_ASSERT(!f->body);
    f->body = body;
    f->arg = arg;
}

bool rt__fiber_resume(rt__fiber *f)
{
    if (!f->body)
        return false;
    swap_state(f);
    switch_stacks(&f->other, &f->own);
    swap_state(f);
    return f->body != NULL;
}

void rt__fiber_pause(rt__fiber *f)
{
    /* objects waiting to be destroyed belong to the thread, not to a fiber */
    RT_ASSERT(!rt__thread.destroying);
    switch_stacks(&f->own, &f->other);
}

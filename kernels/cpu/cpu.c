/* The CPU's kernel tables, and the choice of this process. There is one table per level, built
 * once: the reference entries first, then better ones over them. */
#include "kernels/cpu/cpu.h"
#include "common/base/error.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_ref(void)
{
    return true;
}

/* The build says for which levels there are kernels (RT_LEVELS). */
#ifdef RT_HAVE_sse4
static bool has_sse4(void)
{
    return __builtin_cpu_supports("sse4.1");
}
#endif

#ifdef RT_HAVE_avx2
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif

#ifdef RT_HAVE_avx512
static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}
#endif

static const struct level {
    const char *name;
    bool (*available)(void);
    void (*install)(rt_kernels *k); /* installs what the level has beyond the reference */
} levels[] = {
    {"ref", has_ref, NULL},
#ifdef RT_HAVE_sse4
    {"sse4", has_sse4, rt__install_sse4},
#endif
#ifdef RT_HAVE_avx2
    {"avx2", has_avx2, rt__install_avx2},
#endif
#ifdef RT_HAVE_avx512
    {"avx512", has_avx512, rt__install_avx512},
#endif
};
enum { LEVELS = sizeof levels / sizeof *levels };

static rt_kernels tables[LEVELS];
static char level_names[64];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static rt_kernels chosen;
static atomic_bool is_chosen;
static pthread_mutex_t choosing = PTHREAD_MUTEX_INITIALIZER;

static void build_table(rt_kernels *k, const struct level *l)
{
    rt_kernels_install_missing(k);
    k->blas = "builtin";
    rt__install_ref(k);
    rt__install_casts(k);
    rt__install_integers(k);
    if (l->install) {
        l->install(k);
        rt__install_moves(k);
        rt__install_indexing(k);
    }
    rt__install_complex(k);
}

static void build_tables(void)
{
    for (int i = 0; i < LEVELS; i++) {
        if (!levels[i].available())
            continue;
        build_table(&tables[i], &levels[i]);
        size_t used = strlen(level_names);
        snprintf(level_names + used, sizeof level_names - used, "%s%s", used ? " " : "",
                 levels[i].name);
    }
}

const char *rt_kernels_levels(void)
{
    pthread_once(&tables_once, build_tables);
    return level_names;
}

const rt_kernels *rt_kernels_level(const char *isa)
{
    const char *names = rt_kernels_levels();
    for (int i = 0; i < LEVELS; i++)
        if (!strcmp(levels[i].name, isa) && tables[i].isa)
            return &tables[i];
    return RT_FAIL_NULL(CONFIG, "instruction set '%s': this machine can run: %s", isa, names);
}

static const rt_kernels *best_level(void)
{
    rt_kernels_levels();
    int i = LEVELS - 1;
    while (!tables[i].isa)
        i--;
    return &tables[i];
}

/* Returns the argument if there is one, else the environment variable if it is set and not empty,
 * else NULL. */
static const char *wish(const char *argument, const char *variable)
{
    const char *value = argument ? argument : getenv(variable);
    return value && *value ? value : NULL;
}

static rt_status choose(const char *isa, const char *blas)
{
    isa = wish(isa, "RINGTORCH_ISA");
    blas = wish(blas, "RINGTORCH_BLAS");
    const rt_kernels *level = isa ? rt_kernels_level(isa) : best_level();
    if (!level)
        return RT_E_CONFIG;
    rt_kernels table = *level;
    bool automatic = !blas || !strcmp(blas, "auto");
    if (automatic || !strcmp(blas, "openblas")) {
        /* The reference level uses no OpenBLAS unless that is requested. */
        bool wanted = !automatic || strcmp(table.isa, "ref") != 0;
        if (wanted && !rt__install_openblas(&table) && !automatic)
            return RT_FAIL(CONFIG, "BLAS 'openblas': not in this build, which has: builtin");
        if (wanted)
            RT_TRY(rt__openblas_check_core());
    } else if (strcmp(blas, "builtin") != 0) {
        return RT_FAIL(CONFIG, "BLAS '%s': expected auto, openblas or builtin", blas);
    }
    /* Other threads may be using the table, so an unchanged choice is not written again. */
    if (is_chosen && memcmp(&chosen, &table, sizeof table) == 0)
        return RT_OK;
    chosen = table;
    atomic_store_explicit(&is_chosen, true, memory_order_release);
    return RT_OK;
}

rt_status rt_kernels_init(const char *isa, const char *blas)
{
    pthread_mutex_lock(&choosing);
    rt_status status = choose(isa, blas);
    pthread_mutex_unlock(&choosing);
    return status;
}

const rt_kernels *rt_kernels_cpu(void)
{
    if (atomic_load_explicit(&is_chosen, memory_order_acquire))
        return &chosen;
    pthread_mutex_lock(&choosing);
    rt_status status = is_chosen ? RT_OK : choose(NULL, NULL);
    pthread_mutex_unlock(&choosing);
    return status == RT_OK ? &chosen : NULL;
}

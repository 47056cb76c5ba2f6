/* Reads any JSON as the manifest of a checkpoint. It is sealed first, since anyone can seal a manifest. Code can rely
 * on an accepted manifest.
 *
 *     clang -fsanitize=fuzzer,address,undefined ... fuzz_manifest.c -o fuzz_manifest && ./fuzz_manifest manifests/ */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/slices.h"
#include "common/config/config.h"
#include "common/config/config_check.h"
#include "common/state/data_identity.h"
#include "common/state/manifest.h"
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Checks everything that readers rely on. */
static void can_be_relied_on(const rt_manifest *m)
{
    int64_t elements = 0;
    for (size_t i = 0; i < json_array_size(m->layout); i++) {
        rt_layout_tensor t = rt_manifest_tensor(m, i);
        RT_ASSERT(t.name && *t.name && t.elements > 0 && t.shape.n >= 0 &&
                  t.shape.n <= RT_MAX_DIMS);
        RT_ASSERT(!__builtin_add_overflow(elements, t.elements, &elements));
    }
    RT_ASSERT(elements == m->parameters && m->step >= 0 && m->samples > 0);
    RT_ASSERT(1 <= m->world && m->world <= m->slices && m->slices <= RT_SLICES_MAX);
    for (int64_t i = 0; i < m->world; i++) {
        rt_manifest_piece p = rt_manifest_piece_at(m, i);
        RT_ASSERT(p.bytes >= 0 && p.checksum && p.file && *p.file && !strchr(p.file, '/'));
        for (int64_t k = 0; k < i; k++)
            RT_ASSERT(strcmp(p.file, rt_manifest_piece_at(m, k).file) != 0);
    }
    RT_ASSERT(!m->data || rt_data_identity_is_sound(m->data));
    char *preprocessing = m->preprocessing ? rt_json_text(m->preprocessing) : NULL;
    RT_ASSERT(!m->preprocessing || json_is_object(m->preprocessing));
    RT_ASSERT(rt_data_identity_is_of(m->data, preprocessing));
    rt_mem_free(preprocessing);
    rt_config cfg;
    int64_t samples;
    RT_ASSERT(rt_config_parse(m->config, strlen(m->config), "its own", &cfg) == RT_OK);
    RT_ASSERT(rt_config_check(&cfg) == RT_OK && cfg.parallel.slices == m->slices);
    RT_ASSERT(!__builtin_mul_overflow(m->step, cfg.data.batch, &samples));
    rt_config_release(&cfg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t live = rt_mem_live();
    json_t *j;
    rt_manifest m;
    rt_error_clear();
    if (rt_json_parse((const char *)data, size, "fuzz", &j) != RT_OK)
        j = NULL;
    rt_error_clear();
    if (json_is_object(j) && rt_manifest_seal(j) == RT_OK) {
        if (rt_manifest_check(j, "fuzz", &m) == RT_OK)
            can_be_relied_on(&m);
        else
            RT_ASSERT(strncmp(rt_error(), "fuzz", 4) == 0 &&
                      rt_status_exit_code(rt_error_code()) == 2);
    }
    rt_error_clear();
    json_decref(j);
    RT_ASSERT(rt_mem_live() == live);
    return 0;
}

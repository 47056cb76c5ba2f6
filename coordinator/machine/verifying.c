#include "coordinator/machine/verifying.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "coordinator/machine/record.h"
#include <string.h>

static const char *last_component(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

void rt__run_on_verifying(rt__run *r, double now, const rt__input *in)
{
    const rt__event *e = in->event;
    const char *name = last_component(e->text);
    if (!r->verifying.what || strcmp(r->verifying.what, name) != 0) {
        rt__run_clear_verifying(r);
        r->verifying.what = rt_strdup(name);
        r->verifying.since = now;
    }
    r->verifying.bytes = e->bytes;
    r->verifying.total = e->total;
    if (!r->verifying.what || now - r->verifying.since < RT__VERIFY_SECONDS) {
        rt_error_clear();
        return;
    }
    if (!r->verifying.reported)
        RT__RECORD(r, now, verifying, .checkpoint = name, .bytes = e->total);
    else
        rt__record_show_verification(r);
    r->verifying.reported = true;
}

void rt__run_clear_verifying(rt__run *r)
{
    rt_mem_free(r->verifying.what);
    memset(&r->verifying, 0, sizeof r->verifying);
}

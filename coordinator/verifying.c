/* While the newest checkpoint is being read: how far that is, for who asks and who waits. */
#include "common/error.h"
#include "common/mem.h"
#include "coordinator/inside.h"
#include "coordinator/record.h"
#include <string.h>

static const char *last_component(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

void rt__run_on_verifying(rt__run *r, double now, const rt__event *e)
{
    const char *name = last_component(e->text);
    if (r->phase != RT__RECOVER && !r->rejoining)
        return;
    if (!r->verifying.what || strcmp(r->verifying.what, name) != 0) {
        rt__run_forget_verifying(r);
        r->verifying.what = rt_strdup(name);
        r->verifying.since = now;
    }
    r->verifying.bytes = e->bytes;
    r->verifying.total = e->total;
    if (!r->verifying.what || now - r->verifying.since < RT__VERIFY_SECONDS) {
        rt_error_clear();
        return;
    }
    if (!r->verifying.told)
        rt__record_event(r, now, "verifying", "{s:o, s:I}", "checkpoint", rt__record_text(name),
                         "bytes", (json_int_t)e->total);
    else
        rt__record_verifying(r);
    r->verifying.told = true;
}

void rt__run_forget_verifying(rt__run *r)
{
    rt_mem_free(r->verifying.what);
    memset(&r->verifying, 0, sizeof r->verifying);
}

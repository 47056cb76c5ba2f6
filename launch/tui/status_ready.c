#include "launch/tui/status_ready.h"
#include "common/base/fields.h"
#include "common/control/words.h"
#include "launch/tui/screen.h"
#include "launch/tui/status_show.h"
#include <math.h>
#include <string.h>

/* Returns the first rank that makes no steps; NULL: all do. */
static const json_t *first_idle_rank(const json_t *ranks)
{
    for (size_t i = 0; i < json_array_size(ranks); i++) {
        const json_t *rank = json_array_get(ranks, i);
        const char *state = rt__field_text(rank, "state");
        if (strcmp(state, "ok") != 0 && strcmp(state, "finished") != 0)
            return rank;
    }
    return NULL;
}

bool rt__ready_now(const json_t *status, rt_text *line)
{
    char a[RT__WORDS], b[RT__WORDS], state[RT__CELL], host[RT__CELL];
    const char *phase = rt__field_text(status, "phase");
    const json_t *idle = first_idle_rank(rt__field_list(status, "ranks"));
    bool steps = strcmp(phase, "RUN") == 0 || strcmp(phase, "DRAIN") == 0;
    if (!steps)
        rt_text_add(line, "not ready: %s\n", rt__cell_clean(rt__phase_in_words(phase), state));
    else if (idle)
        rt_text_add(line, "not ready: rank %s on %s is %s\n",
                    rt__words_number(rt__field_number(idle, "rank"), a),
                    rt__cell_clean(rt__field_text(idle, "host"), host),
                    rt__cell_clean(rt__field_text(idle, "state"), state));
    else
        rt_text_add(line, "ready: step %s of %s\n",
                    rt__words_number(rt__field_number(status, "step"), a),
                    rt__words_number(rt__field_number(status, "end_step"), b));
    return steps && !idle;
}

bool rt__ready_past(const json_t *past, rt_text *line)
{
    char n[RT__WORDS], cleaned[RT__CELL];
    const char *status = rt__field_text(past, "status");
    double step = rt__field_number(past, "step");
    bool done = strcmp(status, "done") == 0;
    if (strcmp(status, "empty") == 0)
        rt_text_add(line, "not ready: nothing has been run here yet\n");
    else if (isfinite(step))
        rt_text_add(line, "%s: %s after step %s\n", done ? "ready" : "not ready",
                    rt__cell_clean(status, cleaned), rt__words_number(step, n));
    else
        rt_text_add(line, "%s: %s\n", done ? "ready" : "not ready",
                    rt__cell_clean(status, cleaned));
    return done;
}

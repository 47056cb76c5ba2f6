/* What `parallel.slices: auto` comes to (docs/decisions/0027-slices-and-statistics.md). A run can be given as many workers as it has slices, so there should be more than it begins with;
 * but each slice makes gradients of all parameters, and adds them up, whatever its number of samples. */
#include <inttypes.h>
#include "common/config.h"
#include "common/error.h"
#include "common/layers.h"
#include "common/slices.h"
#include "common/text.h"

enum {
    /* Samples of a slice that make its fixed cost small: where a sample uses each weight at many places (convolutions, tokens), and
     * where it uses it once. Measured with the presets cnn and mlp and with ResNet-8, batches of 64, one to four slices: with
     * 16 samples a slice the former two take 0 to 7 % less time than undivided, mlp 43 % more. */
    SAMPLES_OF_MANY_PLACES = 16,
    SAMPLES_OF_ONE_PLACE = 512,
    SAMPLES_OF_STATISTICS = 16, /* fewer tell little about mean and variance */
    GROWTH = 8,                 /* times as many workers as the run begins with are enough */
};

static bool has(const rt_config *c, unsigned flags)
{
    if (c->model.preset == RT_CFG_PRESET_CNN)
        return flags & RT_LAYER_PLACES;
    return c->model.preset == RT_CFG_PRESET_NONE && rt_layers_have(c->model.layers, flags);
}

int64_t rt_config_slices(const rt_config *c)
{
    if (c->parallel.slices != RT_AUTO)
        return c->parallel.slices;
    int64_t least = rt_slices_auto((int)c->parallel.workers), slices = least;
    int64_t samples =
        has(c, RT_LAYER_PLACES | RT_LAYER_TOKENS) ? SAMPLES_OF_MANY_PLACES : SAMPLES_OF_ONE_PLACE;
    while (slices < GROWTH * least && 2 * slices <= RT_SLICES_MAX &&
           c->data.batch / (2 * slices) >= samples)
        slices *= 2;
    return slices;
}

rt_status rt_config_settle_slices(rt_config *c)
{
    int64_t slices = rt_config_slices(c), most = c->data.batch / SAMPLES_OF_STATISTICS;
    if (c->parallel.slices == RT_AUTO && slices > 1 && slices > most && has(c, RT_LAYER_STATISTICS))
        return RT_FAIL(CONFIG,
                       "parallel.slices: auto: %" PRId64 " workers need %" PRId64
                       " slices, of %" PRId64 " sample%s each: a layer takes statistics over the "
                       "samples of a slice, which should be at least %d: use fewer workers, raise "
                       "data.batch to %" PRId64 ", or set parallel.slices",
                       c->parallel.workers, slices, c->data.batch / slices,
                       rt_plural(c->data.batch / slices), SAMPLES_OF_STATISTICS,
                       slices * SAMPLES_OF_STATISTICS);
    c->parallel.slices = slices;
    return RT_OK;
}

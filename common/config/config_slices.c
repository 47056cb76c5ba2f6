/* Chooses the number for `parallel.slices: auto` (docs/decisions/0027-slices-and-statistics.md). A run can never have
 * more workers than slices, so there should be more slices than it has workers at first; but each slice computes and
 * sums gradients of all parameters, however few its samples are. */
#include "common/config/config_slices.h"

#include "common/base/error.h"
#include "common/base/slices.h"
#include "common/base/text.h"
#include "common/config/layers.h"
#include <inttypes.h>

enum {
    /* The number of samples per slice that makes its fixed cost small, if a sample uses each weight at many places
     * (convolutions, tokens) and if it uses it once. Measured with the presets cnn and mlp and with ResNet-8, batches
     * of 64, one to four slices: with 16 samples per slice cnn and ResNet-8 take 0 to 7 % less time than undivided, mlp
     * takes 43 % more. */
    SAMPLES_OF_MANY_PLACES = 16,
    SAMPLES_OF_ONE_PLACE = 512,
    SAMPLES_OF_STATISTICS = 16, /* fewer give poor estimates of mean and variance */
    GROWTH = 8,                 /* times the first number of workers is enough room to grow */
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

rt_status rt_config_resolve_slices(rt_config *c)
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

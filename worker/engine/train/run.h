/* One process's part of a configured run: data, net, optimiser, and the pieces of a step.
 * rt_trainer is these pieces with all slices in one process; a worker is the same pieces with
 * collectives in between, so both give the same bits.
 *
 *     RT_TRY(rt_run_open(&config, slices, &r));    // parameters of step 0, keyed by run.seed
 *     for (int64_t t = start; t < rt_run_steps(r); t++) {
 *         RT_TRY(rt_run_gradients(r, t, mine, parts, &k));    // partial sums of my slices
 *         rt_run_prefetch(r, t + 1, mine);                    // a thread makes what comes next
 *         ... exact reduce-scatter of parts into rt_run_flat(r)->grad ...
 *         RT_TRY(rt_run_sums(r, owned, sums));                // for the norm, and all finite?
 *         RT_TRY(rt_run_update(r, t, owned, clip_scale));     // my blocks, and their loss
 *         ... all-gather rt_run_flat(r)->param ...
 *     }
 *     rt_run_close(r);
 */
#ifndef RINGTORCH_ENGINE_TRAIN_RUN_H
#define RINGTORCH_ENGINE_TRAIN_RUN_H

#include <ringtorch/train.h>
#include "common/config.h"
#include "common/slices.h"

typedef struct rt_run rt_run;

/* A partial sum over slices: node of T[0,S), data [flat->length] owned by the run until the next
 * rt_run_gradients. */
typedef struct rt_run_partial {
    rt_range node;
    float *data;
} rt_run_partial;

/* Calls rt_init with the configured seed, threads, instruction set and BLAS, for the calling thread. */
rt_status rt_run_start_engine(const rt_config *cfg);

/* Opens data sets, builds the net and the optimiser. slices: S, fixed for the run. */
rt_status rt_run_open(const rt_config *cfg, int64_t slices, rt_run **out);
/* The same, of a model that `accept` must agree to: it is told the layout, as rt_run_layout gives it, before memory is
 * taken for a parameter, so that a configuration from somebody else costs nothing if it does not fit. */
typedef rt_status rt_run_accept(void *ctx, const char *layout);
rt_status rt_run_open_if(const rt_config *cfg, int64_t slices, rt_run_accept *accept, void *ctx,
                         rt_run **out);
/* Gives the layout alone (rt_mem_free); reads the training samples for their shape. */
rt_status rt_run_find_layout(const rt_config *cfg, char **layout);
void rt_run_close(rt_run *r);

int64_t rt_run_steps(const rt_run *r); /* from run.steps, or run.epochs and the number of samples */
int64_t rt_run_samples(const rt_run *r);       /* training samples */
const char *rt_run_task(const rt_run *r);      /* its name */
int64_t rt_run_sample_tokens(const rt_run *r); /* of text, in each sample; 0: the data are none */
/* Lists the files that the open data sets were read from, and returns how many there are. */
enum { RT_RUN_FILES_MAX = 8 };
int rt_run_data_files(const rt_run *r, const char *files[RT_RUN_FILES_MAX]);
rt_module *rt_run_net(const rt_run *r);
rt_optim *rt_run_optim(const rt_run *r);
/* Where the host reads and writes parameters and gradients; rt_run_fetch and rt_run_send keep it and the run's device alike. */
const rt_flat *rt_run_flat(const rt_run *r);
/* The i-th state that is like the parameters, and (may be NULL) its name: as rt_optim_state, where the host reads it. */
float *rt_run_state(const rt_run *r, int i, const char **name);
/* "cpu", "opencl:0" */
const char *rt_run_device(const rt_run *r);
/* Brings parameters and states to where the host reads them, if a device has newer ones. Nothing on the CPU. */
rt_status rt_run_fetch(rt_run *r);
/* Brings what the host has written there to the device. Nothing on the CPU. */
rt_status rt_run_send(rt_run *r);
/* Somebody has written into tensors of the net. */
void rt_run_changed(rt_run *r);
double rt_run_lr(const rt_run *r, int64_t step);

/* Tells the loader thread which slices of which step come next; repeated hints are free. Without
 * one it goes on from the slices last computed to the same ones of the next step. */
void rt_run_prefetch(rt_run *r, int64_t step, rt_range slices);

/* Computes slices [begin,end) of a step and combines them to their canonical nodes, at most
 * log2(S)+1 buffers at a time. Gradients are sums over samples; the tail holds the loss sum and the
 * sample count. What is not finite goes into the sums like anything else: what is done about it is
 * decided from the sums. parts: [RT_TREE_NODES_MAX]. on_phase may be told what is being done (see
 * rt_run_on_phase). */
rt_status rt_run_gradients(rt_run *r, int64_t step, rt_range slices, rt_run_partial *parts,
                           int *count);

/* What there is to know about the reduced sums: sums[block], the sum of squares of the gradients of
 * each block that `owned` covers (for the norm, see rt_optim_norm_of_blocks), sums[blocks], the
 * loss summed over the batch, and sums[blocks + 1], its weight, if `owned` covers their places in the
 * tail; others stay untouched. If all are finite, so is every gradient. owned must begin and end at
 * block borders (or at the end). */
rt_status rt_run_sums(rt_run *r, rt_range owned, double *sums);
int64_t rt_run_blocks(const rt_run *r);
int64_t rt_run_sum_count(const rt_run *r); /* how many there are */
/* Does the weight of a step depend on its data (tokens that count, weights of classes)? Then all ranks must have its sum
 * before the update. */
bool rt_run_weighs(const rt_run *r);
/* Returns what the sums of a step are divided by for its mean, and notes it for the update of this step: its weight (1 if
 * nothing counts), from the sums if it depends on the data. */
double rt_run_weigh(rt_run *r, const double *sums);
/* Returns whether sums[begin..end) are all finite. */
bool rt_run_finite(const double *sums, rt_range blocks);

/* A round of measurements before the update, of the owned elements; see rt_optim_rounds. */
rt_status rt_run_measure(rt_run *r, int64_t step, int round, rt_range owned, double clip_scale);
/* Updates the owned elements from flat->grad (reduced sums) as step `step`, and moves the owned buffers: gradient scale is
 * clip_scale over the weight of the step. The owner of the tail copies the reduced scalars into the param
 * tail. A rank that owns nothing may call it too. */
rt_status rt_run_update(rt_run *r, int64_t step, rt_range owned, double clip_scale);
/* Makes step `step` one that leaves parameters and states as they are: copies the scalars only. */
void rt_run_skip(rt_run *r, int64_t step, rt_range owned);
/* Mean loss of the last committed step, from the param tail (after the gather); NaN where none of its targets counted. */
double rt_run_loss(const rt_run *r);

/* ---- computing a slice again ---- */

/* Told the XXH3-64 of all that an audited slice gives: its flat gradient buffer, loss and sample
 * count included. owner: as computed for the step; else as computed again. */
typedef void rt_run_audit_fn(void *ctx, int64_t step, int64_t slice, bool owner, uint64_t sum);
/* From now on tells f of each slice that run.audit picks; NULL: nobody. Says when computing owners'
 * slices, before they are added to anything. */
void rt_run_on_audit(rt_run *r, rt_run_audit_fn *f, void *ctx);
/* Computes those of slices [begin,end) that are audited once more and tells their hashes. To be
 * called between rt_run_gradients and rt_run_update; changes nothing that those work on. Each takes
 * as long as any slice does, and the other ranks wait: with W ranks of a slice each, a share of 0.01
 * makes a step W % longer on average. */
rt_status rt_run_audit(rt_run *r, int64_t step, rt_range slices);

enum { RT_RUN_TEXT = 800 };
/* Finds out which of my slices made the sums of a step not finite: *slice, -1: none of them. Writes
 * into `text` what happened, naming step, slice and samples. mean_loss: of the step. unchanged:
 * parameters are still those before the step, so that slices can be computed again where their
 * losses do not tell. */
rt_status rt_run_blame(rt_run *r, int64_t step, rt_range slices, double mean_loss, bool unchanged,
                       int64_t *slice, char text[RT_RUN_TEXT]);
/* Fails with NUMERIC: what rt_run_blame says, and what to do; *slice as there. */
rt_status rt_run_not_finite(rt_run *r, int64_t step, rt_range slices, double mean_loss,
                            bool unchanged, int64_t *slice);

/* ---- evaluation ---- */

/* Opens the test set, unless it is open: rt_run_open has if the configuration evaluates. Everybody
 * else calls this before the functions below. */
rt_status rt_run_open_test(rt_run *r);
/* The test set is cut into chunks of a fixed size, each of which gives the task's sums over its samples. They are added in
 * the order of chunks, so any split over ranks gives the same values, and so does any data.eval_batch, which is how many
 * samples are read at a time.
 *
 *     for (int64_t c = 0; c < rt_run_eval_chunks(r); c++)
 *         RT_TRY(rt_run_eval_chunk(r, c, sums + c * rt_run_eval_sums(r)));   // here or on another rank
 *     RT_TRY(rt_run_eval_finish(r, sums, &evaluation)); */
int64_t rt_run_eval_chunks(const rt_run *r);
int64_t rt_run_eval_samples(const rt_run *r);
/* Returns how many numbers a chunk gives. */
int64_t rt_run_eval_sums(const rt_run *r);
rt_status rt_run_eval_chunk(rt_run *r, int64_t chunk, double *sums);
/* Adds the sums of all chunks [chunks * sums], the first of which it overwrites, and tells what they mean. */
void rt_run_eval_finish(const rt_run *r, double *sums, rt_evaluation *out);
/* What the net makes of some samples, and the task's names of it ("logits" and "labels", say). */
typedef struct rt_run_outputs {
    rt_tensor *inputs, *outputs, *targets; /* [n, ...] */
    const char *output_name, *target_name;
} rt_run_outputs;
/* Raw outputs of test samples [begin,end); owned by the current scope. UNSUPPORTED if samples have lengths of their own. */
rt_status rt_run_predict(rt_run *r, int64_t begin, int64_t end, rt_run_outputs *out);

/* ---- identity ---- */

/* SHA-256 of all parameters and buffers in the order of their names. */
rt_status rt_run_weights_sha256(const rt_run *r, char hex[65]);
/* XXH3-64 of all parameters, buffers and small states in flat order. */
uint64_t rt_run_weights_hash64(const rt_run *r);
/* Layout as JSON: [{"name":..., "dtype":"float32", "shape":[...]}, ...], parameters and behind them, with "kind":"buffer", the
 * buffers that are saved; and its XXH3-64 in hex.
 * Owned by the run. */
const char *rt_run_layout(const rt_run *r);
const char *rt_run_layout_hash(const rt_run *r);
/* The layers, for people: [[name, [shape of a sample behind it], parameters], ...]. Owned by the run. */
const char *rt_run_layers(const rt_run *r);

/* Called on the computing thread at each change of phase: "load", "forward", "backward", "update"
 * and the slice. NULL: none. */
void rt_run_on_phase(rt_run *r, void (*f)(void *ctx, const char *phase, int64_t slice), void *ctx);

#endif

/* Small data sets, configurations and run directories for the system tests.
 *
 *     make_data(&s, &(data_set){.train = 512, .test = 100});           // <scratch>/data/...-ubyte
 *     const char *config = write_config(&s, "tiny.yaml", TINY_CONFIG);  // %s in it is the data
 * folder
 *     ... run the command ...
 *     summary_text(dir, "weights_sha256", sha, sizeof sha);
 */
#ifndef RINGTORCH_TESTS_SYSTEM_RUNS_H
#define RINGTORCH_TESTS_SYSTEM_RUNS_H

#include "command.h"
#include "common/base/json.h"
#include <stdint.h>

/* Images of 28 x 28 in ten classes. Each shows a bright bar over noise, whose place tells the class, so that a net learns
 * them in a few steps. */
typedef struct data_set {
    int train, test;
    bool gzip;
    int bad_label;    /* when not 0: label of training sample 7 */
    int labels_short; /* how many labels are missing */
} data_set;

/* Writes the four IDX files into <scratch>/data. */
void make_data(const scratch *s, const data_set *d);

/* A net with several kinds of layers, small enough for hundreds of steps a second. Dropout makes random numbers part of
 * the result. With 520 samples and batches of 64, steps cross the borders of epochs. */
#define TINY_CONFIG                                                                                  \
    "run: {name: tiny, seed: 7, steps: 200, report_every: 10}\n"                                     \
    "model:\n"                                                                                       \
    "  layers:\n"                                                                                    \
    "    - conv2d: {out: 4, kernel: 3, padding: same}\n"                                             \
    "    - relu\n"                                                                                   \
    "    - max_pool2d: 2\n"                                                                          \
    "    - flatten\n"                                                                                \
    "    - linear: 96\n" /* 784 x 96 weights: more than one block of 65,536, so that ranks own     \
                            different ones */ \
    "    - relu\n"                                                                                   \
    "    - dropout: 0.1\n"                                                                           \
    "    - linear: 10\n"                                                                             \
    "data: {dataset: fashion-mnist, path: \"%s\", batch: 64}\n"                                      \
    "optimizer: {name: adamw, lr: 1.0e-3, weight_decay: 0.01, clip_norm: 1.0}\n"                     \
    "schedule: {name: cosine, warmup: 10}\n"                                                         \
    "parallel: {workers: 2, slices: 4}\n"                                                            \
    "checkpoint: {every: 50, keep: 3}\n"

/* Writes <scratch>/<name>; every %s in text becomes the data folder. Returns its path (as
 * in_scratch). */
const char *write_config(const scratch *s, const char *name, const char *text);
/* The usual start of a test: scratch folder, 520 training and 100 test images, tiny.yaml in it. */
void tiny_setup(scratch *s);

/* Reads summary.json of a run directory. Fails the test if the key is missing or of another type. */
json_t *read_summary(const char *run_dir);
int64_t summary_int(const char *run_dir, const char *key);
/* Fails the test unless the summary counts so many restarts; then it prints what was lost, and the ends of the logs. */
void expect_restarts(const char *run_dir, int64_t count);
double summary_number(const char *run_dir, const char *key);
void summary_text(const char *run_dir, const char *key, char *out, size_t size);

/* Returns the step of the last line of metrics.jsonl, 0 if there is none yet. */
int64_t last_step(const char *run_dir);
/* Waits until a line of the run's events.jsonl has this fragment. Fails the test if that never happens. */
void await_line(const char *run_dir, const char *fragment);
/* Trains tiny.yaml on this host for as many steps as that run has made, and compares the weights. constant_rate: that run had a
 * learning rate that does not depend on the number of steps. */
void expect_weights_of_one_host(const scratch *s, const char *run_dir, bool constant_rate);

/* Waits until the run has reported that step. Fails the test if it does not within so many seconds. */
void await_step(const char *run_dir, int64_t step, double seconds);

/* Runs tiny.yaml to its end with that many workers and further arguments. Writes the hash of the weights. */
void train_tiny(const scratch *s, const char *run_dir, int workers, const char *const *more,
                char sha[65]);

/* Finds the newest checkpoint of a run: "<run>/checkpoints/step-..." (as in_scratch). */
const char *newest_checkpoint(const scratch *s, const char *run_dir);
/* Changes one byte of a file by xor. Negative offsets count from the end. */
void alter_byte(const char *path, long offset);
/* Cuts a file to that many bytes. A negative number removes so many from its end. */
void cut_file(const char *path, long bytes);

#endif

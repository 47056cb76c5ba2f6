/* Sentences of events and records: their language, the sentence of every row, and lines of real runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/control/journal_records.h"
#include "common/control/sentence.h"
#include "tests/support/outcome.h"

static char *said(const char *line)
{
    json_t *event = NULL;
    rt_text out = {0};
    must(rt_json_parse(line, strlen(line), "event", &event));
    rt__sentence_of(event, &out);
    json_decref(event);
    return rt_text_take(&out);
}

static const struct {
    const char *event, *words;
} event_cases[] = {
    {"{\"event\": \"generation\", \"generation\": 1, \"world_size\": 3, \"restart\": false}",
     "starting 3 workers"},
    {"{\"event\": \"generation\", \"generation\": 2, \"world_size\": 1, \"restart\": true}",
     "starting 1 worker again"},
    {"{\"event\": \"running\", \"parameters\": 421642, \"start_step\": 1200, \"end_step\": "
     "5625, "
     "\"source\": \"runs/x/checkpoints/step-00001200\", \"isa\": \"avx2\", \"blas\": \"none\", "
     "\"slices\": 4}",
     "421,642 parameters, steps 1,200 to 5,625 from step-00001200, avx2, none, 4 slices a "
     "step"},
    {"{\"event\": \"running\", \"parameters\": 1, \"start_step\": 0, \"end_step\": 9, "
     "\"source\": \"fresh\", \"isa\": \"avx2\", \"blas\": \"none\", \"slices\": 1}",
     "1 parameter, steps 0 to 9, avx2, none, 1 slice a step"},
    {"{\"event\": \"running\", \"parameters\": 2, \"start_step\": 4, \"end_step\": 9, "
     "\"source\": \"snapshot\", \"isa\": \"avx2\", \"blas\": \"none\", \"slices\": 1}",
     "2 parameters, steps 4 to 9 from a snapshot, avx2, none, 1 slice a step"},
    {"{\"event\": \"worker_lost\", \"rank\": 2, \"host\": \"h0\", \"step\": 1200, \"cause\": "
     "\"worker 2 was killed by signal 9\\nlast words\"}",
     "workers lost at step 1,200: worker 2 was killed by signal 9"},
    {"{\"event\": \"recovered\", \"step\": 1201, \"recovery_seconds\": 1.02, \"lost_steps\": "
     "0, \"detect\": 0.01, \"stop\": 0.02, \"start\": 0.5, \"restore\": 0.25, \"first_step\": "
     "0.12}",
     "back at step 1,201 after 1.0 s, 0 steps lost (0.01 s to notice, 0.02 s to end, 0.50 s to "
     "start, 0.25 s to restore, 0.12 s for a step)"},
    {"{\"event\": \"scaled\", \"from\": 2, \"to\": 3}", "scaled from 2 to 3 workers"},
    {"{\"event\": \"scaled\", \"from\": 3, \"to\": 1}", "scaled from 3 to 1 worker"},
    {"{\"event\": \"hosts\", \"hosts\": 1, \"room\": 1}",
     "the host file now has 1 host with room for 1 worker"},
    {"{\"event\": \"stall\", \"rank\": 1, \"seconds\": 4.1, \"text\": \"rank 1 on h0 hangs\"}",
     "rank 1 on h0 hangs"},
    {"{\"event\": \"step_skipped\", \"step\": 1200, \"what\": \"loss\"}",
     "step 1,200 left out: its loss is not finite"},
    {"{\"event\": \"early_stop\", \"step\": 9, \"best_step\": 3, \"by\": \"accuracy\", "
     "\"patience\": 2}",
     "the accuracy has not improved since step 3, for run.patience 2 evaluations: this was the "
     "last step"},
    {"{\"event\": \"corruption\", \"step\": 7, \"slice\": -1, \"ranks\": [1], \"workers\": "
     "\"worker 1 on h1 (pid 17)\", \"others\": true}",
     "worker 1 on h1 (pid 17): parameters at step 7 differ from the others'"},
    {"{\"event\": \"corruption\", \"step\": 7, \"slice\": -1, \"ranks\": [0, 1], \"workers\": "
     "\"worker 0, worker 1\", \"others\": false}",
     "worker 0, worker 1: parameters at step 7 differ"},
    {"{\"event\": \"corruption\", \"step\": 7, \"slice\": 3, \"ranks\": [0, 1], \"workers\": "
     "\"worker 0, worker 1\", \"in_step\": 8}",
     "worker 0, worker 1: different gradients for slice 3 of step 8, which is computed twice"},
    {"{\"event\": \"data_fault\", \"step\": 8, \"slice\": 0, \"samples\": \"1, 5\", "
     "\"generations\": 3, \"phase\": \"forward\"}",
     "slice 0 of step 8 ended 3 generations in a row (in forward): samples 1, 5"},
    {"{\"event\": \"stall\", \"missing\": \"0\", \"seconds\": 4.5, \"reason\": \"it waits\", "
     "\"joined\": 0, \"world_size\": 2}",
     "no HELLO from rank 0 for 4.5 s: it waits; 0 of 2 wait"},
    /* as earlier versions wrote them */
    {"{\"event\": \"step_skipped\", \"step\": 12, \"text\": \"step 12 left out\"}",
     "step 12 left out"},
    {"{\"event\": \"stall\", \"missing\": \"1\", \"seconds\": 4.5, \"text\": \"no HELLO from "
     "rank 1\"}",
     "no HELLO from rank 1"},
    {"{\"event\": \"corruption\", \"step\": 7, \"slice\": -1, \"ranks\": [1], \"text\": "
     "\"worker 1 on h1 (pid 17): parameters differ\"}",
     "worker 1 on h1 (pid 17): parameters differ"},
    {"{\"event\": \"host_lost\", \"host\": \"h1\", \"reason\": \"it cannot be reached\", "
     "\"cooldown_seconds\": 30}",
     "host h1 is set aside for 30 s: it cannot be reached"},
    {"{\"event\": \"evaluation\", \"step\": 400, \"accuracy\": 0.8249, \"loss\": 0.4954}",
     "step 400: test accuracy 82.49 %, loss 0.4954"},
    {"{\"event\": \"evaluation\", \"step\": 400, \"accuracy\": 0.098, \"loss\": null, "
     "\"best\": "
     "true}",
     "step 400: test accuracy 9.80 %, loss nan, the best so far"},
    {"{\"event\": \"verifying\", \"checkpoint\": \"step-8\", \"bytes\": 1288490189}",
     "verifying checkpoint step-8 (1.2 GiB)"},
    {"{\"event\": \"interrupted\", \"name\": \"SIGINT\", \"saves\": true}",
     "SIGINT: finishing the step and writing a checkpoint"},
    {"{\"event\": \"interrupted\", \"name\": \"SIGINT\", \"saves\": false}",
     "SIGINT: nothing to save yet"},
    {"{\"event\": \"stop_ordered\", \"reason\": \"\"}", "told to stop"},
    {"{\"event\": \"stop_ordered\", \"reason\": \"lunch\"}", "told to stop: lunch"},
    {"{\"event\": \"note\", \"text\": \"\\u001b[2J\"}", "note: \\x1b[2J"},
    {"{\"event\": \"a_new_kind\", \"reason\": \"why not\"}", "a new kind: why not"},
    {"{\"event\": \"a_new_kind\", \"rank\": 3, \"wait_seconds\": 2.5, \"deep\": [1], \"ok\": "
     "true}",
     "a new kind, rank 3, wait_seconds 2.5, ok yes"},
    {"{\"event\": \"checkpoint\"}", "checkpoint ?"},
    {"{\"event\": \"worker_lost\", \"step\": \"7\", \"cause\": []}", "workers lost at step -: ?"},
    {"{}", ""},
};

static void events_are_sentences(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof event_cases / sizeof *event_cases; i++) {
        char *text = said(event_cases[i].event);
        assert_string_equal(text, event_cases[i].words);
        rt_mem_free(text);
    }
}

static void records_are_sentences(void **state)
{
    (void)state;
    static const struct {
        const char *record, *sentence; /* NULL: the kind is unknown */
    } cases[] = {
        {"{\"kind\": \"generation\", \"generation\": 1, \"world\": 1, \"restart\": false}",
         "generation 1 starts with 1 worker"},
        {"{\"kind\": \"generation\", \"generation\": 2, \"world\": 3, \"restart\": true}",
         "generation 2 starts with 3 workers, in place of a lost one"},
        {"{\"kind\": \"plan\", \"generation\": 1, \"start_step\": 0, \"lost_steps\": 0, "
         "\"source\": \"fresh\"}",
         "generation 1 begins after step 0"},
        {"{\"kind\": \"plan\", \"generation\": 2, \"start_step\": 1200, \"lost_steps\": 1, "
         "\"source\": \"runs/x/checkpoints/step-00001200\"}",
         "generation 2 begins after step 1,200, from step-00001200, and makes 1 step again"},
        {"{\"kind\": \"commit\", \"step\": 500}", "the checkpoint of step 500 is on disk"},
        {"{\"kind\": \"first_step\", \"seconds\": 1.5, \"step\": 1, \"loss\": null}",
         "the first report of this launch, of step 1, came after 1.5 s"},
        {"{\"kind\": \"evaluated\", \"generation\": 1, \"step\": 9, \"accuracy\": 0.5, "
         "\"better\": true, \"best\": null}",
         "step 9: test accuracy 50.00 %, the best so far"},
        {"{\"kind\": \"compare\", \"by\": \"\", \"since\": 4}",
         "a new comparison of evaluations begins at step 4"},
        {"{\"kind\": \"run\", \"run\": \"\\u001b[2J\", \"config\": \"\"}", "run \\x1b[2J begins"},
        {"{\"kind\": \"commit\"}", "the checkpoint of step - is on disk"},
        {"{\"kind\": \"moon\", \"phase\": 3}", NULL},
        {"{}", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *record = NULL;
        rt_text out = {0};
        must(rt_json_parse(cases[i].record, strlen(cases[i].record), "record", &record));
        assert_int_equal(rt__sentence_of_record(record, &out), cases[i].sentence != NULL);
        if (cases[i].sentence)
            assert_string_equal(out.data, cases[i].sentence);
        else
            assert_null(out.data);
        rt_mem_free(out.data);
        json_decref(record);
    }
}

/* The sentence of each row names only fields of that row. */
static void every_row_has_a_valid_sentence(void **state)
{
    (void)state;
    for (int i = 0; i < RT_EVENTS; i++)
        must(rt__sentence_check(&rt_event_rows[i].schema, rt_event_rows[i].sentence));
    for (int i = 0; i < RT_RECORDS; i++)
        must(rt__sentence_check(&rt_record_rows[i].schema, rt_record_rows[i].sentence));
}

#define EXAMPLE_FIELDS(F)                                                                          \
    F(TEXT, host, RT_NEEDED, RT_ANY, "")                                                           \
    F(INT, step, RT_NEEDED, RT_ANY, "")                                                            \
    F(NUMBER, wait, RT_NEEDED, RT_ANY, "")                                                         \
    F(FLAG, best, RT_NEEDED, RT_ANY, "")                                                           \
    F(VALUE, ranks, RT_NEEDED, RT_SHAPE(INTEGERS), "")                                             \
    F(METRICS, metrics, RT_NEEDED, RT_ANY, "")
typedef struct example {
    RT_STRUCT(EXAMPLE_FIELDS)
} example;

static void an_invalid_sentence_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *sentence, *says; /* NULL: it is good */
    } rows[] = {
        {"{host} at step {step:n}, {step}, {wait:s}[ {metrics}]{best?, best|}", NULL},
        {"{step:n step} of {wait}", NULL},
        {"{hots}", "there is no field 'hots'"},
        {"[ on {hots}]", "there is no field 'hots'"},
        {"{hots?yes|no}", "there is no field 'hots'"},
        {"{step:hours}", "{step}: there is no format 'hours'"},
        {"{host:n}", "a field of kind text cannot be shown as {host:n}"},
        {"{step:s}", "a field of kind integer cannot be shown as {step:s}"},
        {"{wait:bytes}", "a field of kind number cannot be shown as {wait:bytes}"},
        {"{wait:s second}", "a field of kind number cannot be shown as {wait:s}"},
        {"{ranks}", "a field of kind value cannot be shown as {ranks}"},
        {"{best}", "a field of kind flag cannot be shown as {best}"},
        {"{step?yes|no}", "a field of kind integer cannot be shown as {step?}"},
        {"{metrics:n}", "a field of kind metrics cannot be shown as {metrics:n}"},
        {"{host", "brackets must come in pairs"},
        {"host}", "brackets must come in pairs"},
        {"[a [b]]", "brackets must come in pairs and cannot be nested"},
        {"a]", "brackets must come in pairs"},
        {"[a", "a '[' has no ']'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rt__schema schema = {RT__SCHEMA("event example", "field", example, EXAMPLE_FIELDS)};
        rt_status status = rt__sentence_check(&schema, rows[i].sentence);
        if (!rows[i].says)
            must(status);
        else
            expect_error(RT_E_ARG, rows[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_sentences),
        cmocka_unit_test(records_are_sentences),
        cmocka_unit_test(every_row_has_a_valid_sentence),
        cmocka_unit_test(an_invalid_sentence_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

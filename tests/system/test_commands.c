/* Every command as users type it, one shell line per row: what is accepted, what is refused and how, and that lost output
 * is noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/json.h"
#include "common/control/journal.h"
#include "row.h"
#include "runs.h"
#include "tests/support/outcome.h"

/* In a line, rt, rt_worker and rt_coordinator are the programs, `other` is rt as another user, and `closed` is the same
 * with a directory `shut` that it may not enter. The folder has two finished runs of 20 steps, `two` of two workers and
 * `one` of one worker with the same slices; `other`, of another model and optimiser; and `damaged`, a copy of `two` with
 * an altered byte in the third record of its journal. `later` and `unknown` are copies that seem to have been killed: the
 * journal of one has a later format, that of the other has a record of an unknown kind. */
typedef struct command_case {
    const char *name, *line;
    int exit_code;
    const char *out, *err; /* fragments; "": nothing at all; NULL: anything */
} command_case;

static const command_case cases[] = {
    /* help and version of all three programs */
    {"help", "rt --help", 0, "usage: ringtorch COMMAND", ""},
    {"help_of_a_command", "rt help train", 0, "usage: ringtorch train CONFIG", ""},
    {"help_of_no_command", "rt help trian", 2, "", "did you mean 'train'?"},
    {"version", "rt --version", 0, "ringtorch 0.", ""},
    {"worker_help", "rt_worker --help", 0, "usage: ringtorch-worker", ""},
    {"worker_version", "rt_worker --version", 0, "ringtorch-worker 0.", ""},
    {"coordinator_help", "rt_coordinator --help", 0, "usage: ringtorch-coordinator", ""},
    {"coordinator_version", "rt_coordinator --version", 0, "ringtorch-coordinator 0.", ""},
    {"help_is_asked_for_anywhere", "rt eval two --json --help", 0, "usage: ringtorch eval", ""},
    {"checkpoint_help", "rt checkpoint --help", 0, "diff   A B", ""},
    {"journal_help", "rt journal --help", 0, "usage: ringtorch journal show RUN", ""},

    /* words that are not commands */
    {"no_command", "rt", 2, "", "no command"},
    {"misspelt_command", "rt exprot two", 2, "", "did you mean 'export'?"},
    {"misspelt_subcommand", "rt checkpoint shwo two", 2, "", "did you mean 'show'?"},
    {"no_subcommand", "rt checkpoint", 2, "", "no command: write ringtorch checkpoint ls"},
    {"misspelt_journal", "rt journal shw two", 2, "", "did you mean 'show'?"},
    {"worker_without_a_command", "rt_worker evla two", 2, "", "did you mean 'eval'?"},
    {"coordinator_without_a_run", "rt_coordinator", 2, "", "no RUN_DIR"},
    {"misspelt_option", "rt export two --otu=x", 2, "", "did you mean '--out'?"},
    {"no_output", "rt export two", 2, "", "no --out FILE: write ringtorch export two --out"},
    {"unknown_format", "rt export two --format=onnx --out=x", 2, "", "--format onnx"},
    {"limit_alone", "rt eval two --limit=3", 2, "", "--limit: only with --logits"},
    {"limit_too_large", "rt eval two --limit=101 --logits=l", 2, "", "from 1 to 100"},

    /* the same mistake has the same exit code everywhere */
    {"train_no_file", "rt train absent.yaml", 2, "", "absent.yaml"},
    {"eval_no_run", "rt eval absent", 2, "", "absent: does not exist"},
    {"export_no_run", "rt export absent --out=x", 2, "", "absent: does not exist"},
    {"ls_no_run", "rt checkpoint ls absent", 2, "", "absent: does not exist"},
    {"show_no_run", "rt checkpoint show absent", 2, "", "absent: does not exist"},
    {"diff_no_run", "rt checkpoint diff two absent", 2, NULL, "absent: does not exist"},
    {"now_no_run", "rt checkpoint now absent", 2, "", "absent: no such run"},
    {"status_no_run", "rt status absent", 2, "", "absent: no such run"},
    {"scale_no_run", "rt scale absent 2", 2, "", "absent: no such run"},
    {"stop_no_run", "rt stop absent", 2, "", "absent: no such run"},
    {"journal_no_run", "rt journal show absent", 2, "", "absent: no such run"},
    {"journal_of_another_directory", "rt journal show data", 2, "", "data: no journal in it"},
    {"ls_of_another_directory", "rt checkpoint ls data", 2, NULL, "data"},

    /* a run that is over says so */
    {"scale_done", "rt scale two 1", 1, "", "two: the run is done"},
    {"stop_done", "rt stop two", 1, "", "two: the run is done"},
    {"now_done", "rt checkpoint now two", 1, "", "two: the run is done"},

    /* looking into runs */
    {"ls_json", "rt checkpoint ls two --json | grep -c '\"sound\":true'", 0, "2", ""},
    {"journal", "rt journal show two", 0, "plan        generation 1 begins after step 0", ""},
    {"journal_json", "rt journal show --json two | tail -n1", 0, "\"status\":\"done\"", ""},
    {"journal_of_no_run", "rt journal show tiny.yaml", 2, "",
     "tiny.yaml: is not a journal of ring"},
    {"journal_of_another_format", "rt journal show later", 2, "",
     "later/journal: journal of format 9, this version of ringtorch reads format 1"},
    {"journal_of_another_format_status", "rt status later", 0,
     "it cannot be resumed: later/journal: journal of format 9", ""},
    {"journal_of_another_format_resume", "rt train tiny.yaml --run-dir later --resume auto", 2, "",
     "--run-dir NEW --resume later"},
    {"journal_of_another_format_way_on",
     "rt train tiny.yaml -n 1 --run-dir later-2 --resume later --set run.steps=30", 0, "done", ""},
    {"journal_not_understood", "rt journal show unknown", 2, "moon        phase 3",
     "unknown/journal: record "},
    {"journal_not_understood_json", "rt journal show unknown --json | tail -n2 | head -n1", 0,
     "{\"kind\":\"moon\",\"phase\":3}",
     "is not one that this version of ringtorch reads: unknown kind"},
    {"journal_not_understood_status", "rt status unknown", 0,
     "it cannot be resumed: unknown/journal: record ", ""},
    {"journal_not_understood_resume", "rt train tiny.yaml --run-dir unknown --resume auto", 2, "",
     "unknown kind 'moon': use the version that wrote it, or go on from the run's checkpoints in "
     "another directory: --run-dir NEW --resume unknown"},
    {"journal_not_understood_clean", "rt clean unknown", 0, "nothing to clean", ""},
    {"journal_damaged", "rt journal show damaged", 2, "    2  generation", "damaged at byte"},
    {"diff_equal", "rt checkpoint diff two one", 0, "0 different", ""},
    {"diff_different", "rt checkpoint diff two two/checkpoints/step-00000010", 1,
     "elements differ, by at most", ""},
    {"diff_shape", "rt checkpoint diff two other", 1, "shape [", ""},
    {"diff_missing", "rt checkpoint diff two other | grep -c 'exp_avg/.*only in A'", 0, "6", ""},
    {"diff_surplus", "rt checkpoint diff two other", 1, "momentum_buffer/0.weight", ""},
    {"diff_json_of_others", "rt checkpoint diff --json two other", 1, "\"verdict\":\"only in B\"",
     ""},
    {"diff_json", "rt checkpoint diff --json one two", 0, "\"equal\":true", ""},

    /* single operations */
    {"op_help", "rt op --help", 0, "usage: ringtorch op IN.safetensors|DIR_IN OUT", ""},
    {"op_list", "rt op --list", 0, "    axis            integer", ""},
    {"op_list_json", "rt op --list --json | grep -c '^.{\"name\":.*\"name\":\"softmax\",.*}.$'", 0,
     "1", ""},
    {"op_json_alone", "rt op --json a b", 2, "", "--json: only with --list"},
    {"op_list_of_files", "rt op --list a", 2, "", "'a': --list takes no files"},
    {"op_one_file", "rt op a", 2, "", "no OUT.safetensors|DIR_OUT"},
    {"op_no_file", "rt op absent b", 2, "", "absent: cannot open: No such file"},
    {"op_of_weights", "rt export two --out=w && rt op w b", 2, NULL, "w: no operation: expected"},
    {"op_of_no_files", "rt op data b; r=$?; test ! -e b && exit $r", 2, "", "data: holds no *.saf"},
    {"op_into_itself", "rt op data data", 2, "", "data: results would replace"},

    /* data that was moved */
    {"data_is_gone", "rt eval two --set data.path=absent", 2, "", "absent"},
    {"data_is_elsewhere", "ln -s data moved; rt eval two --set=data.path=$PWD/moved", 0,
     "100 samples", ""},
    {"data_at_the_root", "rt eval two --set data.path=/nope", 2, "", "ringtorch: /nope: no such"},
    {"data_in_a_loop",
     "mkdir l1; ln -s train-images-idx3-ubyte l1/train-images-idx3-ubyte; rt eval two "
     "--set data.path=l1",
     2, "", "l1/train-images-idx3-ubyte: cannot access: Too many levels of symbolic links"},
    {"best_is_gone", "cp -r two b1; ln -s step-00000015 b1/checkpoints/best; rt eval b1 --best", 2,
     "", "b1/checkpoints/best: points to step-00000015, which no longer exists"},
    {"best_was_never_kept", "rt eval two --best", 2, "", "two: has no best checkpoint"},
    {"weights_of_pytorch", "printf 'PK\\3\\4aaaaaaaa' >w.pt; rt eval w.pt --config tiny.yaml", 2,
     "", "w.pt: is a zip archive, as PyTorch"},
    {"weights_of_old_pytorch", "printf '\\200\\2aaaaaaaa' >w.p; rt eval w.p --config tiny.yaml", 2,
     "", "w.p: is a Python pickle"},
    {"weights_of_keras", "printf '\\211HDF\\r\\n\\32\\na' >w.h5; rt eval w.h5 --config tiny.yaml",
     2, "", "w.h5: is an HDF5 file"},
    {"weights_in_onnx", "printf '\\10\\7\\22\\7pytorch' >w.ox; rt eval w.ox --config tiny.yaml", 2,
     "", "w.ox: is an ONNX file"},
    {"run_without_checkpoints", "mkdir nc; cp two/journal nc; rt eval nc", 2, "",
     "has no checkpoint"},

    /* As another user, since root may enter everywhere. */
    {"eval_of_another_user", "other eval two", 0, "100 samples", ""},
    {"eval_is_denied", "closed eval shut", 2, "", "shut/manifest.json: cannot access: Permission"},
    {"ls_is_denied", "closed checkpoint ls shut", 2, "", "cannot access: Permission denied"},
    {"verify_is_denied", "closed checkpoint verify shut", 2, "",
     "cannot access: Permission denied"},
    {"show_is_denied", "closed checkpoint show shut", 2, "", "cannot access: Permission denied"},
    {"journal_is_denied", "closed journal show shut", 2, "", "cannot access: Permission denied"},
    {"status_is_denied", "closed status shut", 2, "", "cannot be read: Permission denied"},
    {"weights_are_denied", "closed train tiny.yaml --set model.init=shut/checkpoints", 2, "",
     "shut/checkpoints: cannot access: Permission denied"},
    {"resume_is_denied", "closed train tiny.yaml --resume shut/checkpoints", 2, "",
     "shut/checkpoints: cannot access: Permission denied"},

    {"another_model", "rt eval two --set model.layers=[flatten]", 2, "", "would change the model"},
    {"key_without_effect", "rt eval two --set optimizer.lr=1", 2, "",
     "--set optimizer.lr=1: has no effect here: leave it out"},
    {"misspelt_key", "rt eval two --set data.pth=x", 2, "", "did you mean 'path'?"},

    /* where output goes */
    {"export_to_a_file", "rt export two --out=w && test -s w", 0, "w: 6 tensors", ""},
    {"export_to_standard_output", "rt export two --out - | head -c 8 | wc -c", 0, "8", NULL},
    {"export_to_a_pipe", "rt export two --out /dev/stdout | cat >p && cmp p w", 0, "", "6 tensors"},
    {"export_to_a_directory", "rt export two --out data", 2, "", "data: is a directory"},
    {"export_over_its_checkpoint",
     "f=two/checkpoints/step-00000020/piece-00001.safetensors; before=$(cksum $f); "
     "rt export two --out $f; r=$?; test \"$(cksum $f)\" = \"$before\" && exit $r",
     2, "", "belongs to"},
    {"export_over_a_journal", "rt export one --out two/journal", 2, "", "belongs to"},
    {"logits_over_the_data", "rt eval two --logits data/t10k-labels-idx1-ubyte", 2, "",
     "would overwrite the input"},
    {"op_over_a_checkpoint", "rt export two --out=w && rt op w two/config.yaml", 2, NULL,
     "belongs to"},
    {"export_through_a_link", "touch t; ln -s t l; rt export two --out=l && test -L l && cmp t w",
     0, "tensors", ""},
    {"export_to_a_full_disk", "rt export two --out /dev/full; r=$?; test -c /dev/full && exit $r",
     1, "", "/dev/full: cannot write: No space"},
    {"logits_to_a_full_disk", "rt eval two --logits /dev/full", 1, "", "/dev/full"},
    {"logits_to_a_directory", "rt eval two --logits data", 2, "", "data: is a directory"},
    {"logits_to_standard_output", "rt eval two --json --limit=1 --logits=- | wc -c", 0, "3",
     "accuracy"},

    /* lost output */
    {"help_lost", "rt --help >/dev/full", 1, "", "standard output: cannot be written: No space"},
    {"command_help_lost", "rt train --help >/dev/full", 1, "", "No space left"},
    {"keys_lost", "rt train --help-config >/dev/full", 1, "", "No space left"},
    {"version_lost", "rt_coordinator --version >/dev/full", 1, "", "No space left"},
    {"eval_lost", "rt eval two --json >/dev/full", 1, "", "No space left"},
    {"op_list_lost", "rt op --list >/dev/full", 1, "", "No space left"},
    {"ls_lost", "rt checkpoint ls two >/dev/full", 1, "", "No space left"},
    {"show_lost", "rt checkpoint show two >/dev/full", 1, "", "No space left"},
    {"diff_lost", "rt checkpoint diff two one >/dev/full", 1, "", "No space left"},
    {"journal_lost", "rt journal show two >/dev/full", 1, "", "No space left"},
    {"status_lost", "rt status two >/dev/full", 1, "", "No space left"},
    {"json_status_lost", "rt status --json two >/dev/full", 1, "", "No space left"},
    {"doctor_lost", "rt doctor >/dev/full; [ $? = 1 ]", 0, "", "No space left"},
    {"clean_lost", "rt clean two >/dev/full", 1, "", "No space left"},
    /* (Nothing is written before the reader has closed its end: short output fits into a pipe that somebody may still read.) */
    {"pipe_closed",
     "mkfifo closed && { read x <closed; rt train --help-config; echo $? >&2; } | "
     "{ exec <&-; echo >closed; }",
     0, "", "141"},
    {"train_lost",
     "rt train tiny.yaml --run-dir lost --set run.steps=20 >/dev/full && test -s lost/summary.json",
     0, "", "standard output cannot be written: No space left on device: training continues"},
    {"train_to_a_closed_pipe",
     "mkfifo gone.pipe && { read x <gone.pipe; rt train tiny.yaml --run-dir piped --set "
     "run.steps=20; "
     "echo $? >&2; } | { exec <&-; echo >gone.pipe; }",
     0, "", "training continues"},

    /* strange parents */
    {"no_standard_input", "rt train tiny.yaml --run-dir w0 --set run.steps=5 <&-", 0, "done", ""},
    {"a_lost_result", "rt eval two --json >&-", 1, "", "standard output: cannot be written"},
    {"a_lost_file", "rt export two --out - >&-", 1, "", "cannot write: Bad file descriptor"},
    {"no_working_directory", "mkdir gone && cd gone && rmdir ../gone && rt train ../tiny.yaml", 2,
     "", "the working directory was removed: change to one"},
    {"a_core_that_openblas_does_not_know", "OPENBLAS_CORETYPE=Z80 rt eval two", 2, "",
     "OPENBLAS_CORETYPE=Z80: OpenBLAS has no such core here"},
    {"training_on_a_core_that_openblas_does_not_know",
     "OPENBLAS_CORETYPE=Z80 rt train tiny.yaml --run-dir z80 --set run.steps=5", 2, NULL,
     "OPENBLAS_CORETYPE=Z80: OpenBLAS has no such core here"},
    {"too_many_layers",
     "{ sed '/layers:/q' tiny.yaml; yes '    - relu' | head -4200; sed '1,/layers:/d' tiny.yaml; } "
     ">many.yaml; rt train many.yaml --run-dir many",
     2, NULL, "many.yaml:4100: model.layers[4096]: more than 4096 layers"},
    {"status_when_the_last_event_is_cut",
     "cp -r one cut && truncate -s -7 cut/events.jsonl && rt status cut --json", 0,
     "\"status\":\"done\"", ""},
    {"an_empty_variable_is_not_set",
     "RINGTORCH_WORKER= RINGTORCH_COORDINATOR= rt train tiny.yaml --run-dir ev --set run.steps=5",
     0, "done", ""},
    {"no_standard_output", "rt train tiny.yaml --run-dir w1 --set run.steps=5 >&-", 0, "", ""},
    {"no_descriptors", "rt train tiny.yaml --run-dir w2 --set run.steps=5 <&- >&- 2>&-", 0, "", ""},
    {"of_another_job",
     "RINGTORCH_RUN=x RINGTORCH_ENDPOINT=tcp://127.0.0.1:1 OMPI_MCA_ess=env PMIX_RANK=0 rt train "
     "tiny.yaml --run-dir w3 --set run.steps=5",
     0, "done", ""},
    {"tasks_of_mpirun",
     "mpirun --oversubscribe -n 3 bash -c '$0 train tiny.yaml -n 1 --run-dir "
     "task$PMIX_RANK; echo $? >ended$PMIX_RANK' $RT; cat ended*; ls task*",
     2, "2\n0\n0\n", "-n 1, but mpirun has started 3 tasks, and each of them becomes a worker"},
    {"tasks_of_mpirun_that_are_runs",
     "mpirun --oversubscribe -n 2 bash -c '$0 train tiny.yaml -n 1 --run-dir own$PMIX_RANK "
     "--separate --set run.steps=20' $RT >/dev/null && grep -l 'status.*done' own*/summary.json",
     0, "own0/summary.json\nown1/summary.json\n", ""},
    {"no_path", "env -i $RT train tiny.yaml --run-dir v", 2, "", "PATH is empty: set PATH"},
    {"another_coordinator",
     "printf '#!/bin/sh\\nexit 3\\n' >c3; chmod +x c3; RINGTORCH_COORDINATOR=$PWD/c3 rt train "
     "tiny.yaml --run-dir c3run",
     1, "", "the coordinator left with exit code 3 before it listened"},
    {"a_coordinator_that_says_nothing",
     "RINGTORCH_COORDINATOR=/bin/false rt train tiny.yaml --run-dir c4", 1, "",
     "the coordinator left with exit code 1 before it listened: RINGTORCH_COORDINATOR may be "
     "another "
     "program\n"},
    {"a_coordinator_that_does_nothing",
     "RINGTORCH_COORDINATOR=/bin/true rt train tiny.yaml --run-dir c5", 1, "",
     "the coordinator left with exit code 0 before it listened: RINGTORCH_COORDINATOR may be "
     "another "
     "program\n"},
    {"little_processor_time",
     "ulimit -t 2; rt train tiny.yaml -n 1 --run-dir ct --set run.steps=2000000 --set "
     "checkpoint.every=0 --set run.report_every=100000",
     1, NULL, "worker 0 was killed by signal 24: processor time is limited to 2 s (ulimit -t)"},
    {"little_processor_time_is_told_first",
     "ulimit -t 50; rt train tiny.yaml --run-dir cu --set run.steps=5", 0, "done",
     "processor time is limited to 50 s for each process"},
    {"little_address_space", "ulimit -v 100000; rt train tiny.yaml --run-dir v", 2, "",
     "address space is limited to 98 MiB"},
    {"little_data", "ulimit -d 100000; rt train tiny.yaml --run-dir v", 2, "", "ulimit -d"},
    {"small_files", "ulimit -f 100; rt train tiny.yaml --run-dir v", 2, "", "ulimit -f"},
    {"small_stack", "ulimit -s 64; rt train tiny.yaml --run-dir v", 2, "",
     "the stack of a program is limited to 64 KiB"},
    {"few_open_files", "ulimit -n 32; rt train tiny.yaml --run-dir v", 2, "",
     "the number of open files is limited to 32, a run of these workers needs at least 68"},
    {"few_open_files_at_first", "ulimit -Sn 32; rt train tiny.yaml --run-dir v --set run.steps=5",
     0, "done", ""},
    {"run_directory_with_a_slash", "rt train tiny.yaml --run-dir w5// --set run.steps=5", 0,
     "run directory w5\n", ""},
    {"resume_of_a_link_with_a_slash",
     "cp -r two w6; ln -s step-00000010 w6/checkpoints/best; rt train tiny.yaml --run-dir w6 "
     "--resume "
     "w6/checkpoints/best/ --set run.steps=11; grep -c checkpoints/best w6/events.jsonl",
     1, "0\n", NULL},
    {"train_and_status_say_the_same_after_nan",
     "rt train tiny.yaml --run-dir n1 --set optimizer.name=sgd --set optimizer.lr=1e6 --set "
     "optimizer.weight_decay=1e6 --set checkpoint.every=1 2>e >o; sed -n 's/^ringtorch: to "
     "start/to start/p' e >a; grep -c 'again with a lower learning rate: .* n1-slower --set "
     "optimizer.lr=100000$' a; rt status n1 | grep -cFxf a",
     0, "1\n1\n", ""},
    {"begins_again_where_nothing_is_left",
     "cp -r two w7; rm -r w7/checkpoints; rt train tiny.yaml --run-dir w7 --resume auto", 0,
     "note: the run in this directory had made 20 steps, but has neither a checkpoint nor a "
     "snapshot: it begins again at step 0, and the rows of those steps are moved to "
     "metrics-abandoned.jsonl",
     ""},
    {"a_refused_launch_leaves_the_run_as_it_was",
     "cp -r two rf; cp -r data rd; printf x | dd of=rd/train-images-idx3-ubyte bs=1 seek=5000 "
     "conv=notrunc 2>&-; rt train tiny.yaml --run-dir rf --resume auto --set run.steps=30 --set "
     "data.path=rd; e=$?; rt status rf | grep -c '^tiny: done after step 20$\\|^refused .*has "
     "changed'; "
     "rt "
     "train tiny.yaml --run-dir rf --resume auto --set run.steps=30 | grep -o 'steps 20 to 30'; "
     "rt status rf | grep -c '^refused'; exit $e",
     2, "\n2\nsteps 20 to 30\n0\n", "has changed"},
    {"rows_that_are_moved_away_are_counted",
     "cp -r two mv; echo '{\"step\":0}' >>mv/metrics.jsonl; rt train tiny.yaml --run-dir mv "
     "--resume "
     "auto --set run.steps=30 | grep -o 'note: 1 line of metrics.jsonl moved to "
     "metrics-abandoned.jsonl: '",
     0, "note: 1 line of", ""},
    {"a_row_without_a_generation_moves_no_other",
     "cp -r two mw; sed -i '$s/,\"generation\":1//' mw/metrics.jsonl; rt train tiny.yaml --run-dir "
     "mw "
     "--resume auto --set run.steps=30 >mw.out; test ! -s mw/metrics-abandoned.jsonl && grep -c "
     "step "
     "mw/metrics.jsonl",
     0, "3\n", ""},
    {"umask_of_all", "umask 777; rt train tiny.yaml --run-dir w4 --set run.steps=5", 0, "done", ""},
    {"run_directory_like_an_option", "rt train tiny.yaml --run-dir=-x --set run.steps=5", 0, "done",
     ""},
    {"run_directory_like_a_command", "rt train tiny.yaml --run-dir journal --set run.steps=5", 0,
     "done", ""},
};

static scratch s;

static void must_run(const char *line)
{
    result r = run(&s, LONG, "sh", "-c", line, NULL);
    expect_exit(&r, 0);
    result_release(&r);
}

static rt_status no_visitor(void *ctx, const json_t *record)
{
    (void)ctx, (void)record;
    return RT_OK;
}

/* Appends a record of an unknown kind, and one of a known kind. */
static void append_records(const char *path)
{
    rt__journal *j;
    json_t *moon = json_pack("{s:s, s:i}", "kind", "moon", "phase", 3),
           *launch = json_pack("{s:s}", "kind", "launch");
    must(rt__journal_open(path, no_visitor, NULL, &j));
    must(rt__journal_append(j, moon));
    must(rt__journal_append(j, launch));
    rt__journal_close(j);
    json_decref(moon);
    json_decref(launch);
}

static int set_up(void **state)
{
    (void)state;
    tiny_setup(&s);
    if (chdir(s.path) != 0)
        return -1;
    setenv("RT", RT_TEST_BINARY_DIR "/bin/ringtorch", 1);
    must_run("for n in 1:one 2:two; do $RT train tiny.yaml -n ${n%:*} --run-dir ${n#*:} --set "
             "run.steps=20 --set checkpoint.every=10 || exit 1; done; cp -r two damaged; "
             "$RT train tiny.yaml -n 1 --run-dir other --set run.steps=20 --set optimizer.name=sgd "
             "--set optimizer.momentum=0.9 --set 'model.layers=[{conv2d: {out: 2, kernel: 3}}, "
             "flatten, {linear: 10}]'");
    alter_byte(in_scratch(&s, "damaged/journal"), -600);
    must_run("for r in later unknown; do cp -r two $r; rm $r/summary.json; sed -i '$d' "
             "$r/events.jsonl; done; "
             "printf '\\011' | dd of=later/journal bs=1 seek=7 conv=notrunc 2>/dev/null");
    append_records(in_scratch(&s, "unknown/journal"));
    if (getuid() == 0) /* another user may not reach the folder that the programs were built in */
        must_run("chmod 755 . && mkdir bin && cp $RT $RT-* bin");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (chdir("/") != 0)
        return -1;
    scratch_remove(&s);
    return 0;
}

static void expect_fragment(const char *line, const char *what, const char *text,
                            const char *fragment)
{
    if (fragment && (*fragment ? !strstr(text, fragment) : *text))
        fail_msg("%s\n%s: \"%s\", expected \"%s\"", line, what, text, fragment);
}

/* Under a sanitizer, which reserves terabytes and makes stacks larger, the program itself may not start under a limit. */
static bool starts_under_its_limit(const command_case *c)
{
#ifdef __SANITIZE_ADDRESS__
    char line[256];
    if (strncmp(c->line, "ulimit", 6) != 0)
        return true;
    snprintf(line, sizeof line, "%.*s; $RT train --help", (int)strcspn(c->line, ";"), c->line);
    result r = run(&s, LONG, "bash", "-c", line, NULL);
    bool starts = r.exit_code == 0;
    result_release(&r);
    return starts;
#else
    (void)c;
    return true;
#endif
}

static void does_what_it_should(void **state)
{
    const command_case *c = *state;
    char line[1600];
    if (!starts_under_its_limit(c))
        skip();
    snprintf(
        line, sizeof line,
        "rt() { %1$s \"$@\"; }; rt_worker() { %1$s-worker \"$@\"; }; "
        "rt_coordinator() { %1$s-coordinator \"$@\"; }; "
        "other() { if [ $(id -u) = 0 ]; then setpriv --reuid 65534 --regid 65534 --clear-groups "
        "bin/ringtorch \"$@\"; else $RT \"$@\"; fi; }; "
        "closed() { mkdir -p shut; chmod 0 shut; other \"$@\"; }; %2$s",
        RT_TEST_BINARY_DIR "/bin/ringtorch", c->line);
    result r = run(&s, LONG, "bash", "-c", line, NULL);
    expect_exit(&r, c->exit_code);
    expect_fragment(c->line, "output", r.out, c->out);
    expect_fragment(c->line, "errors", r.err, c->err);
    if (c->exit_code == 2 && strncmp(r.err, "ringtorch: ", 11) != 0)
        fail_msg("%s\nnot \"ringtorch: what is wrong\": %s", c->line, r.err);
    result_release(&r);
}

int main(void)
{
    enum { CASES = sizeof cases / sizeof *cases };
    struct CMUnitTest tests[CASES];
    for (size_t i = 0; i < CASES; i++)
        tests[i] = (struct CMUnitTest){.name = cases[i].name,
                                       .test_func = does_what_it_should,
                                       .teardown_func = row_end,
                                       .initial_state = (void *)&cases[i]};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* Results described by their rows. */
#include "common/control/results.h"

const rt__schema rt_run_report_schema = {
    RT__SCHEMA("a row of metrics.jsonl", "field", rt_run_report, RT_REPORT_FIELDS)};
const rt__schema rt_run_summary_schema = {
    RT__SCHEMA("summary.json", "field", rt_run_summary, RT_SUMMARY_FIELDS)};
const rt__schema rt_run_progress_schema = {
    RT__SCHEMA("progress", "field", rt_run_progress, RT_PROGRESS_FIELDS)};
const rt__schema rt_run_verifying_schema = {
    RT__SCHEMA("progress: verifying", "field", rt_run_verifying, RT_VERIFYING_FIELDS)};

/* What the doctor has found. Each of its checks reports that; if it fails, it also says what to do.
 *
 *     void rt__check_disk(rt__doctor *d)
 *     {
 *         if (failed)
 *             rt__doctor_report(d, RT__PROBLEM, "disk", "choose another directory", "%s: %s", dir, why);
 *         else
 *             rt__doctor_report(d, RT__FINE, "disk", NULL, "64 MiB in %.2f s", seconds);
 *     }
 */
#ifndef RINGTORCH_LAUNCH_DOCTOR_DOCTOR_REPORT_H
#define RINGTORCH_LAUNCH_DOCTOR_DOCTOR_REPORT_H

#include "common/base/json.h"
#include "launch/jobs/job.h"
#include <stdbool.h>

typedef enum rt__verdict { RT__FINE, RT__WARNING, RT__PROBLEM } rt__verdict;

typedef struct rt__doctor {
    const char *hostfile; /* NULL: only this host */
    const char *plugin;   /* a file whose job back ends may be chosen, too; NULL: none */
    rt__jobs jobs;        /* backend NULL: none works here; set by rt__check_jobs */
    rt__host_list hosts;  /* of the host file, those that answer; set by rt__check_hosts */
    bool without_mpi;     /* this build does not train; set by rt__check_engine */
    bool json, color;
    json_t *checks; /* for --json */
    int count[3];   /* findings by verdict */
} rt__doctor;

/* Prints a finding. check: what was checked, in a word or two; advice: what to do, NULL if nothing. */
__attribute__((format(printf, 5, 6))) void rt__doctor_report(rt__doctor *d, rt__verdict verdict,
                                                             const char *check, const char *advice,
                                                             const char *fmt, ...);
/* Prints the error in the slot as a problem, and clears it. */
void rt__doctor_report_error(rt__doctor *d, const char *check, const char *advice);

#endif

/* Mistakes planted on purpose, to check that the rules catch them: what a faulty coordinator, launcher or disk would do. Each is one row
 * here, and one line where it is done. */
#ifndef RINGTORCH_TESTS_SIM_SABOTAGE_H
#define RINGTORCH_TESTS_SIM_SABOTAGE_H

/* SABOTAGE(constant, words in the rule that must see it, what is done wrong) */
#define SIM_SABOTAGE_LIST(SABOTAGE)                                                                \
    SABOTAGE(EARLY_EXIT, "rule 1", "the launcher says that a job is gone, and lets it go on")      \
    SABOTAGE(WRONG_STEP, "rule 2", "a snapshot is taken for one of another step")                  \
    SABOTAGE(LOST_PIECE, "rule 3", "a checkpoint is committed without one of its pieces")          \
    SABOTAGE(OLD_SOURCE, "rule 4", "offers of snapshots are not looked at")                        \
    SABOTAGE(DEAF, "rule 5", "the end of a job is not heard")                                      \
    SABOTAGE(WRONG_BLAME, "rule 6", "another worker is named than the one that died")              \
    SABOTAGE(LOST_RECORD, "rule 7", "a record of the journal is not written")                      \
    SABOTAGE(FLOOD, "rule 8", "every word of a worker is answered ten times")                      \
    SABOTAGE(BROKEN_WORD, "rule 9", "a tool is never answered")                                    \
    SABOTAGE(MUTE, "rule 10", "nobody leaves word of its evaluations")

typedef enum sim_sabotage {
    SIM_HONEST,
#define SABOTAGE(constant, rule, text) SIM_##constant,
    SIM_SABOTAGE_LIST(SABOTAGE)
#undef SABOTAGE
        SIM_SABOTAGES
} sim_sabotage;

#endif

/* A bench's run from its servers' start to their end: those of the integration tests, for itself alone. */
#ifndef SK_BENCH_STAGE_H
#define SK_BENCH_STAGE_H

/* Starts the stack with the programs of the folder build, calls run(part), and stops the stack. The exit status: 0 only
 * if every server came up and ran cleanly to its end; if not, their logs are printed and stay. */
int stage_run(const char *build, void (*run)(const char *part), const char *part);

#endif

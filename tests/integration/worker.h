/* The audit worker as tests need it: away, with settings of the test's own, its queue, its subcommands, and the stores
 * taken from it for a while. What is taken away comes back when the test is over. */
#ifndef SK_TESTS_WORKER_H
#define SK_TESTS_WORKER_H

#include "tests/integration/process.h"

#include <stdint.h>

/* Waits until nothing is left to write and stops the stack's worker. Nothing is set aside then, and again nothing when
 * the test is over and a worker with the stack's settings runs. */
void without_worker(void);

/* Starts one with more environment (NULL: as the stack does) in place of the one that runs, if any. */
void worker_start(const char *const *env);

/* Waits until every entry of the queue has been dealt with. */
void await_drained(void);

/* How many entries are in some worker's hands. */
int64_t worker_pending(void);

/* How long the claim that is oldest has not been renewed; -1: there is none. */
int64_t worker_idle_ms(void);

/* The longest of that within so many milliseconds, which it takes. */
int64_t worker_longest_idle_ms(int64_t watched_ms);

/* `synckairos-audit` with these words (NULL-terminated), of which the first is the subcommand, to its end, which must
 * be with that exit status. What it prints is in its log. */
#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})
struct process *subcommand(int status, const char *const *words);

/* The same with more environment (NULL: none), and without waiting. */
struct process *subcommand_start(const char *const *env, const char *const *words);

/* Stops PostgreSQL; stack_start_postgres brings it back, or the end of the test. */
void without_postgres(void);

/* Redis takes nothing more that needs room, until make_room or the end of the test. */
void without_room(void);
void make_room(void);

#endif

/* Starting, stopping and asking the audit worker. The worker that runs is the stack's. */
#include "tests/integration/worker.h"

#include "tests/integration/check.h"
#include "tests/integration/keep.h"
#include "tests/integration/peek.h"
#include "tests/integration/stack.h"

#include <stddef.h>

#define WORDS_MAX 16

/* --- the worker ------------------------------------------------------------------------------------------------- */

void worker_start(const char *const *env)
{
    process_stop(stack.audit);
    stack.audit = stack_program("audit", env);
}

static void restore_worker(void *unused)
{
    (void)unused;
    process_stop(stack.audit);
    redis_peek("DEL audit:failed");
    worker_start(NULL);
}

void without_worker(void)
{
    static int token;
    await_drained();
    process_stop(stack.audit);
    redis_peek("DEL audit:failed");
    keep(&token, restore_worker);
}

/* --- the queue -------------------------------------------------------------------------------------------------- */

void await_drained(void)
{
    EVENTUALLY(redis_int("XLEN audit") == 0);
}

int64_t worker_pending(void)
{
    return redis_int("EVAL %s 1 audit", "return redis.call('XPENDING', KEYS[1], 'audit-writers')[1]");
}

int64_t worker_idle_ms(void)
{
    return redis_int("EVAL %s 1 audit", "local most = -1 "
                                        "for _, row in ipairs(redis.call('XPENDING', KEYS[1], 'audit-writers', '-', "
                                        "                                '+', 1000)) do "
                                        "  most = math.max(most, row[3]) "
                                        "end return most");
}

int64_t worker_longest_idle_ms(int64_t watched_ms)
{
    int64_t longest = -1;
    for (const int64_t until_us = now_us() + watched_ms * 1000; now_us() < until_us;) {
        const int64_t idle = worker_idle_ms();
        longest = idle > longest ? idle : longest;
        nap();
    }
    return longest;
}

/* --- subcommands ------------------------------------------------------------------------------------------------ */

struct process *subcommand_start(const char *const *env, const char *const *words)
{
    const char *argv[WORDS_MAX + 2] = {kept_text("%s/synckairos-audit", stack.build)};
    for (size_t i = 0; i < WORDS_MAX && words[i]; i++) {
        argv[i + 1] = words[i];
    }
    return process_start(&(struct process_spec){.name = words[0], .argv = argv, .env = env});
}

struct process *subcommand(int status, const char *const *words)
{
    struct process *process = subcommand_start(NULL, words);
    EXPECT_INT(process_wait(process), status);
    return process;
}

/* --- the stores ------------------------------------------------------------------------------------------------- */

static void postgres_again(void *unused)
{
    (void)unused;
    if (!process_alive(stack.postgres)) {
        stack_start_postgres();
    }
}

void without_postgres(void)
{
    static int token;
    keep(&token, postgres_again);
    stack_stop_postgres();
}

static void room_again(void *unused)
{
    (void)unused;
    make_room();
}

void without_room(void)
{
    static int token;
    keep(&token, room_again);
    redis_peek("CONFIG SET maxmemory 1");
}

void make_room(void)
{
    redis_peek("CONFIG SET maxmemory 0");
}

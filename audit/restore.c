/* Writing back what a lost Redis held. Owns the order of work and the counts; what is lost, and how it was, is decided
 * by the same recovery that a read of the session would start (recovery.h), which commits only where Redis still lacks
 * it. So it does no harm twice, or beside traffic.
 *
 *   PostgreSQL ──page of candidates──► Redis has it? ──those it lacks──► HANDS threads, a store each ──► counts */
#include "audit/restore.h"

#include "audit/candidates.h"
#include "audit/task.h"
#include "common/audit_queue.h"
#include "common/change.h"
#include "common/codec.h"
#include "common/keys.h"
#include "common/recovery.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HANDS 4             /* a recovery is nine round trips, one after the other */
#define TOMBSTONE_BYTES 512 /* a tombstone is shorter, a session that is cut there cannot be read */
#define LOADING_PAUSE_NS 100000000
#define TOLD_MAX 20 /* sessions that could not be restored, each with its reason */

enum outcome { RESTORED, THERE, GONE, FAILED, OUTCOMES };

struct restore;

/* What one thread works with. */
struct hand {
    struct restore *restore;
    struct sk_store *store;
    struct sk_archive archive;
    struct sk_recovery recovery;
};

struct restore {
    const struct sk_config *config;
    struct sk_database *database;
    struct sk_candidates_wish wish;
    struct hand hands[HANDS];
    struct sk_candidates page;
    int *lacking; /* owned: rows of the page that Redis lacks */
    int lacking_count;
    atomic_int next; /* of those, whose turn it is */
    atomic_llong counts[OUTCOMES];
    atomic_bool halted;
    pthread_mutex_t lock;  /* of what follows */
    struct sk_error error; /* why it was halted */
    int told;
    struct sk_task_progress progress;
};

/* --- one session ------------------------------------------------------------------------------------------------ */

static void halt(struct restore *restore, enum sk_code code, const char *text)
{
    (void)pthread_mutex_lock(&restore->lock);
    if (!atomic_exchange(&restore->halted, true)) {
        (void)sk_fail(&restore->error, code, "%s", text);
    }
    (void)pthread_mutex_unlock(&restore->lock);
}

static void complain_of(struct restore *restore, const char *session_id, const struct sk_error *error)
{
    (void)pthread_mutex_lock(&restore->lock);
    if (restore->told++ < TOLD_MAX) {
        (void)fprintf(stderr, "synckairos-audit: %s: %s (%s)\n", session_id, error->text, sk_code_name(error->code));
    }
    (void)pthread_mutex_unlock(&restore->lock);
}

/* What is older in the audit stream than what Redis forgets by itself hides deletions from PostgreSQL. True: halted. */
static bool halt_if_behind(struct restore *restore, struct sk_redis *redis)
{
    struct sk_error error = {SK_OK, ""};
    struct sk_audit_sizes sizes;
    enum sk_code code = sk_audit_queue_sizes(redis, &sizes, &error);
    if (code) {
        halt(restore, code, error.text);
    } else if (sizes.oldest_ms > sk_recovery_trust_ms(restore->wish.session_ttl_ms)) {
        halt(restore, SK_ARCHIVE_UNAVAILABLE,
             "events have been waiting in Redis for too long for PostgreSQL to be believed: let the worker "
             "(synckairos-audit run) write them, then restore again");
    }
    return atomic_load(&restore->halted);
}

/* A fault of this session alone is counted; one that the next session would meet too ends everything. */
static enum outcome judge_failure(struct hand *hand, const char *session_id, const struct sk_error *error)
{
    struct restore *restore = hand->restore;
    bool redis_gone = error->code == SK_STATE_STORE_UNAVAILABLE || error->code == SK_OUTCOME_UNKNOWN;
    bool unsure = error->code == SK_ARCHIVE_UNAVAILABLE;
    if (redis_gone || (unsure && !sk_archive_reachable(&hand->archive))) {
        halt(restore, error->code, error->text);
    } else if (!unsure || !halt_if_behind(restore, sk_store_redis(hand->store))) {
        complain_of(restore, session_id, error);
    }
    return FAILED;
}

static enum outcome restore_one(struct hand *hand, const char *session_id)
{
    static const struct sk_origin origin = {.actor = "restore"};
    struct sk_error error = {SK_OK, ""};
    struct sk_result result = {.session = NULL};
    enum outcome outcome;
    enum sk_code code = sk_store_read(hand->store, session_id, &origin, &result, &error);
    if (code == SK_SESSION_NOT_FOUND || (!code && result.archived)) { /* ended by an event that the summary lacks */
        outcome = GONE;
    } else if (code) {
        error.code = code;
        outcome = judge_failure(hand, session_id, &error);
    } else {
        outcome = result.recovered ? RESTORED : THERE;
    }
    sk_result_clear(&result);
    return outcome;
}

static void *work(void *context)
{
    struct hand *hand = context;
    struct restore *restore = hand->restore;
    while (!atomic_load(&restore->halted) && !sk_task_stopping()) {
        int turn = atomic_fetch_add(&restore->next, 1);
        if (turn >= restore->lacking_count) {
            break;
        }
        const char *session_id = sk_candidates_id(&restore->page, restore->lacking[turn]);
        atomic_fetch_add(&restore->counts[restore_one(hand, session_id)], 1);
    }
    return NULL;
}

/* --- a page ----------------------------------------------------------------------------------------------------- */

/* What Redis says of a session: the beginning of what it holds. */
static void sort_out(struct restore *restore, int row, const redisReply *stored)
{
    if (stored->len == 0) {
        restore->lacking[restore->lacking_count++] = row;
    } else {
        bool gone = sk_codec_deleted_at(stored->str, stored->len) != SK_NONE;
        atomic_fetch_add(&restore->counts[gone ? GONE : THERE], 1);
    }
}

/* Asks Redis about the rows (which have valid ids) in one round trip. */
static enum sk_code ask_redis(struct restore *restore, const int *rows, int count, struct sk_error *error)
{
    struct sk_redis *redis = sk_store_redis(restore->hands[0].store);
    redisReply **replies = calloc((size_t)count + 1, sizeof(redisReply *));
    if (!replies) {
        return sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
    }
    enum sk_code code = sk_redis_connect(redis, error);
    for (int i = 0; !code && i < count; i++) {
        struct sk_key key = sk_key_session(sk_candidates_id(&restore->page, rows[i]));
        sk_redis_queue(redis, "GETRANGE %s 0 %d", key.text, TOMBSTONE_BYTES - 1);
    }
    if (!code && count > 0) {
        code = sk_redis_collect(redis, (size_t)count, replies, error);
    }
    for (int i = 0; !code && i < count; i++) {
        code = sk_redis_check(replies[i], error);
        if (!code) {
            sort_out(restore, rows[i], replies[i]);
        }
    }
    sk_redis_replies_free((size_t)count, replies);
    free(replies);
    return code;
}

/* Puts those that Redis may lack into rows; returns how many. The others are counted, or are no candidates at all. */
static int choose(struct restore *restore, int *rows)
{
    const struct sk_candidates *page = &restore->page;
    int chosen = 0;
    for (int row = 0; row < page->count; row++) {
        const char *session_id = sk_candidates_id(page, row);
        if (sk_candidates_deleted(page, row)) {
            atomic_fetch_add(&restore->counts[GONE], 1);
        } else if (!sk_candidates_past(page, row, &restore->wish) && sk_id_valid(session_id, strlen(session_id))) {
            rows[chosen++] = row;
        }
    }
    return chosen;
}

/* Shares the page among the hands; the first of them is this thread. */
static void restore_lacking(struct restore *restore)
{
    pthread_t threads[HANDS];
    int started = 1;
    atomic_store(&restore->next, 0);
    while (started < HANDS && started < restore->lacking_count &&
           pthread_create(&threads[started], NULL, work, &restore->hands[started]) == 0) {
        started++;
    }
    (void)work(&restore->hands[0]);
    for (int i = 1; i < started; i++) {
        (void)pthread_join(threads[i], NULL);
    }
}

static void restore_page(struct restore *restore)
{
    struct sk_error error = {SK_OK, ""};
    size_t rows = (size_t)restore->page.count;
    int *chosen = calloc(rows, sizeof *chosen);
    restore->lacking = calloc(rows, sizeof *restore->lacking);
    restore->lacking_count = 0;
    enum sk_code code = chosen && restore->lacking ? ask_redis(restore, chosen, choose(restore, chosen), &error)
                                                   : sk_fail(&error, SK_INTERNAL_ERROR, "out of memory");
    if (code) {
        halt(restore, code, error.text);
    } else if (!halt_if_behind(restore, sk_store_redis(restore->hands[0].store))) {
        restore_lacking(restore);
    }
    free(chosen);
    free(restore->lacking);
    restore->lacking = NULL;
}

/* --- all of them ------------------------------------------------------------------------------------------------ */

static long long counted(struct restore *restore, enum outcome outcome)
{
    return atomic_load(&restore->counts[outcome]);
}

static void tell(struct restore *restore, int64_t looked_at)
{
    if (sk_task_tells(&restore->progress, looked_at)) {
        (void)printf("%" PRId64 " of about %" PRId64 " looked at, %lld restored\n", looked_at, restore->progress.total,
                     counted(restore, RESTORED));
        (void)fflush(stdout);
    }
}

/* PostgreSQL's own words do not say whose they are. */
static void halt_by_postgres(struct restore *restore, enum sk_code code, const struct sk_error *error)
{
    struct sk_error named;
    (void)sk_fail(&named, code, "PostgreSQL: %.140s", error->text);
    halt(restore, code, named.text);
}

/* A Redis that has just been started answers nothing else until it has read its file. */
static enum sk_code await_redis(struct sk_redis *redis, struct sk_error *error)
{
    bool told = false;
    for (;;) {
        redisReply *reply = sk_redis_command(redis, error, "EXISTS %s", SK_KEY_TIMERS);
        bool answered = reply != NULL;
        freeReplyObject(reply);
        if (answered || !strstr(error->text, "LOADING") || sk_task_stopping()) {
            return answered ? SK_OK : error->code;
        }
        if (!told) {
            (void)printf("Redis is still loading; waiting for it\n");
            (void)fflush(stdout);
            told = true;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = LOADING_PAUSE_NS}, NULL);
    }
}

static void restore_all(struct restore *restore)
{
    struct sk_error error = {SK_OK, ""};
    int64_t looked_at = 0;
    enum sk_code code = await_redis(sk_store_redis(restore->hands[0].store), &error);
    code = code ? code : sk_store_time(restore->hands[0].store, 0, &restore->wish.now_ms, &error);
    if (code) {
        halt(restore, code, error.text);
        return;
    }
    code = sk_candidates_count(restore->database, &restore->wish, &restore->progress.total, &error);
    while (!code && !atomic_load(&restore->halted) && !sk_task_stopping()) {
        tell(restore, looked_at);
        code = sk_candidates_turn(restore->database, &restore->wish, &restore->page, &error);
        if (code || restore->page.count == 0) {
            break;
        }
        restore_page(restore);
        looked_at += restore->page.count;
    }
    if (code) {
        halt_by_postgres(restore, code, &error);
    }
}

/* --- start and end ---------------------------------------------------------------------------------------------- */

static bool open_hand(struct restore *restore, struct hand *hand, const struct sk_redis_url *url)
{
    const struct sk_config *config = restore->config;
    struct sk_store_options options = {.url = *url,
                                       .timeout_ms = config->redis_timeout_ms,
                                       .session_ttl_s = config->session_ttl_s,
                                       .audit_max_backlog = config->audit_max_backlog,
                                       .find = sk_recovery_find,
                                       .find_context = &hand->recovery};
    hand->restore = restore;
    sk_archive_open(&hand->archive, config->database_url, "synckairos-audit");
    hand->recovery = (struct sk_recovery){.archive = &hand->archive, .session_ttl_ms = restore->wish.session_ttl_ms};
    hand->store = sk_store_new(&options);
    return hand->store != NULL;
}

static enum sk_code open_all(struct restore *restore, struct sk_error *error)
{
    struct sk_redis_url url;
    enum sk_code code = sk_redis_url_parse(restore->config->redis_url, &url, error);
    bool opened = sk_task_begin() && pthread_mutex_init(&restore->lock, NULL) == 0;
    for (size_t i = 0; !code && opened && i < HANDS; i++) {
        opened = open_hand(restore, &restore->hands[i], &url);
    }
    restore->database = sk_database_new(restore->config->database_url);
    if (!code && (!opened || !restore->database)) {
        code = sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
    }
    if (restore->database) {
        sk_database_ask_while_waiting(restore->database, sk_task_patience, NULL);
    }
    return code;
}

static void close_all(struct restore *restore)
{
    for (size_t i = 0; i < HANDS; i++) {
        sk_store_free(restore->hands[i].store);
        sk_archive_close(&restore->hands[i].archive);
    }
    sk_candidates_clear(&restore->page);
    sk_database_free(restore->database);
    (void)pthread_mutex_destroy(&restore->lock);
}

/* The closing line, and how it came to that. */
static enum sk_exit close_up(struct restore *restore)
{
    bool stopped = sk_task_stopping();
    (void)printf("%s%lld restored, %lld there already, %lld deleted or ended, %lld could not be said\n",
                 stopped ? "stopped: " : "", counted(restore, RESTORED), counted(restore, THERE),
                 counted(restore, GONE), counted(restore, FAILED));
    (void)fflush(stdout);
    if (atomic_load(&restore->halted) && !stopped) {
        return sk_command_complain(restore->error.text);
    }
    return stopped || counted(restore, FAILED) > 0 ? SK_EXIT_FAILED : SK_EXIT_OK;
}

enum sk_exit sk_command_restore(const struct sk_config *config, char **argv)
{
    static struct restore restore; /* zero, and too big for a stack that one knows nothing of */
    struct sk_error error = {SK_OK, ""};
    restore.config = config;
    restore.wish = (struct sk_candidates_wish){.since_ms = SK_NONE, .session_ttl_ms = config->session_ttl_s * 1000};
    bool since = argv[0] && strcmp(argv[0], "--since") == 0 && argv[1];
    if (argv[0] && (!since || !sk_command_instant(argv[1], &restore.wish.since_ms) || argv[2])) {
        return sk_command_misused(since ? argv[argv[2] ? 2 : 1] : argv[0]);
    }
    if (open_all(&restore, &error)) {
        close_all(&restore);
        return sk_command_complain(error.text);
    }
    restore_all(&restore);
    close_all(&restore);
    return close_up(&restore);
}

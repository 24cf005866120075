/* The drain:
 *
 *   audit (stream) ──read or claim──► batch ──► PostgreSQL ──committed──► acknowledged and deleted
 *                                       │ refused: halved, and halved again, until the refused stand alone
 *                                       └──5 attempts──► audit:failed
 *
 * What is no event but a relay's request for a session is served after the events of its batch. An entry leaves the
 * stream only after its event is in PostgreSQL or in audit:failed; whatever breaks before that, the entry is read once
 * more and the event's own id keeps it single. Owns the decisions: when to wait, what to try again, what to give up.
 * Knows neither SQL nor Redis' commands. */
#include "audit/worker.h"

#include "audit/alert.h"
#include "audit/event_writer.h"
#include "audit/intake.h"
#include "audit/requests.h"
#include "audit/watch.h"
#include "common/archive.h"
#include "common/metrics.h"
#include "common/monitor.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ATTEMPTS 5
#define RETRY_PAUSE_MS 20  /* before the second attempt; doubled for each further one */
#define REDIS_PAUSE_MS 500 /* between attempts to reach Redis */
#define UNCLEAR_TRIES 3    /* of a batch, before an error that may or may not be the data's counts as the data's */
#define QUICK_MS (SK_DATABASE_STATEMENT_MS / 4) /* a transaction that takes less may be twice as large */
#define LAST_WAIT_MS 2000                       /* what it is given for an answer once the worker is to stop */

struct worker {
    const struct sk_config *config;
    struct sk_intake *intake;
    struct sk_database *database;
    struct sk_event_writer *writer;
    struct sk_requests *requests;
    struct sk_alert *alert; /* NULL: there is nobody to tell */
    struct sk_watch watch;
    struct sk_monitor *monitor; /* NULL: nobody may ask */
    struct sk_archive archive;  /* the monitor's */
    sigset_t signals;
    bool stopping;

    struct sk_audit_batch *held; /* the intake's: events, then requests */
    size_t held_requests;        /* how many of what is held are no events */
    int attempt;                 /* of what is held: 1 to ATTEMPTS */
    unsigned failures;           /* of reaching PostgreSQL, in a row */
    unsigned unclear;            /* errors of PostgreSQL about what is held, that may be the data's */
    size_t portion;              /* events that PostgreSQL is given in one transaction */
    bool gave_up;                /* told to stop while PostgreSQL was gone */
};

static int64_t now_ms(void)
{
    return sk_monotonic_us() / 1000;
}

/* Waits, but not longer than for a signal to stop. True: stop. */
static bool stop_within(struct worker *worker, int64_t wait_ms)
{
    struct timespec wait = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000};
    if (!worker->stopping && sigtimedwait(&worker->signals, NULL, &wait) > 0) {
        worker->stopping = true;
    }
    return worker->stopping;
}

static size_t held_events(const struct worker *worker)
{
    return worker->held->count - worker->held_requests;
}

/* At every turn: the queue's thresholds, and what may have gone wrong in it. */
static void look_around(struct worker *worker)
{
    sk_metrics_refresh();
    if (sk_watch_look(&worker->watch, sk_intake_redis(worker->intake))) {
        sk_intake_look_around(worker->intake);
    }
}

static void set_aside(struct worker *worker, const struct sk_audit_entry *entry, const char *why)
{
    const struct sk_audit_value *field = entry->event.field;
    if (!sk_intake_set_aside(worker->intake, entry, why)) {
        return;
    }
    sk_metrics_add(SK_METRIC_AUDIT_FAILED, "", 1);
    sk_log(SK_LOG_ERROR, "an audit event cannot be stored and was set aside", SK_S("error", why),
           SK_S("stream_id", entry->stream_id), SK_S("event_id", field[SK_AUDIT_EVENT_ID].text),
           SK_S("session_id", field[SK_AUDIT_SESSION_ID].text), SK_S("type", field[SK_AUDIT_TYPE].text));
    sk_alert_send(worker->alert, SK_ALERT_EVENT_FAILED, "an audit event cannot be stored and was set aside",
                  SK_S("error", why), SK_S("stream_id", entry->stream_id),
                  SK_S("event_id", field[SK_AUDIT_EVENT_ID].text), SK_S("session_id", field[SK_AUDIT_SESSION_ID].text),
                  SK_S("type", field[SK_AUDIT_TYPE].text));
}

/* --- PostgreSQL ------------------------------------------------------------------------------------------------- */

int64_t sk_worker_backoff_ms(unsigned failures)
{
    static const int64_t steps_ms[] = {2000, 4000, 8000, 16000, 32000};
    size_t count = sizeof steps_ms / sizeof steps_ms[0];
    size_t step = failures > 0 ? failures - 1 : 0;
    return steps_ms[step < count ? step : count - 1];
}

/* While it waits for PostgreSQL: what this worker has in hand is delayed, and the queue is watched. */
static void look_around_waiting(struct worker *worker)
{
    sk_metrics_refresh();
    sk_intake_keep_claims(worker->intake);
    (void)sk_watch_look(&worker->watch, sk_intake_redis(worker->intake));
}

/* Waits for PostgreSQL while the claims stay alive. True: stop. */
static bool back_off(struct worker *worker, const struct sk_error *error)
{
    int64_t wait = sk_worker_backoff_ms(++worker->failures);
    sk_log(SK_LOG_WARN, "PostgreSQL cannot be had; nothing is lost, trying again", SK_S("error", error->text),
           SK_I("wait_ms", wait), SK_I("attempt", worker->failures));
    sk_intake_settle(worker->intake);
    sk_intake_note_delayed(worker->intake, (int64_t)held_events(worker), wait);
    int64_t claim_ms = worker->config->audit_claim_s * 1000;
    int64_t step = claim_ms / 3 < SK_WATCH_MS ? claim_ms / 3 : SK_WATCH_MS;
    for (int64_t end = now_ms() + wait, left = wait; left > 0; left = end - now_ms()) {
        if (stop_within(worker, left < step ? left : step)) {
            return true;
        }
        look_around_waiting(worker);
    }
    return false;
}

/* A slow PostgreSQL gets less at a time, and more again once it is quick: half of a transaction that took too long
 * takes half the time, while the whole of it would be begun for ever. */
static void write_less(struct worker *worker, size_t count, const struct sk_error *error)
{
    worker->portion = count - count / 2;
    sk_log(SK_LOG_WARN, "PostgreSQL is slow; it is given less at a time", SK_S("error", error->text),
           SK_I("events", (int64_t)worker->portion));
}

static void note_success(struct worker *worker, size_t count, int64_t took_ms)
{
    size_t most = (size_t)worker->config->audit_batch;
    if (worker->portion < most && count > worker->portion / 2 && took_ms < QUICK_MS) {
        worker->portion = worker->portion > most / 2 ? most : worker->portion * 2;
    }
}

/* Whether what PostgreSQL could not do is to be tried in halves. The server may refuse for a reason of its own, which
 * passes, or for one that lies in an event, which does not. */
static bool is_better_halved(struct worker *worker, size_t count, const struct sk_error *error)
{
    enum sk_database_fault fault = sk_database_fault(worker->database);
    if (fault == SK_DATABASE_SLOW && count > 1 && !worker->stopping) {
        write_less(worker, count, error);
        return true;
    }
    worker->unclear += fault == SK_DATABASE_UNCLEAR;
    return fault == SK_DATABASE_UNCLEAR && worker->unclear >= UNCLEAR_TRIES;
}

/* Writes all entries or none; returns only when PostgreSQL has said yes or no (or that it would rather have less:
 * SK_VALIDATION_ERROR, too), or the worker is to stop (SK_ARCHIVE_UNAVAILABLE). */
static enum sk_code write_all(struct worker *worker, const struct sk_audit_entry *entries, size_t count,
                              struct sk_error *error)
{
    int64_t added = 0;
    enum sk_code code;
    sk_intake_keep_claims(worker->intake);
    int64_t since_us = sk_monotonic_us();
    while ((code = sk_event_writer_write(worker->writer, entries, count, &added, error)) == SK_ARCHIVE_UNAVAILABLE) {
        if (is_better_halved(worker, count, error)) {
            return SK_VALIDATION_ERROR;
        }
        if (back_off(worker, error)) {
            worker->gave_up = true;
            return code;
        }
        since_us = sk_monotonic_us();
    }
    if (worker->failures > 0) {
        sk_log(SK_LOG_INFO, "PostgreSQL is back", SK_I("attempts", worker->failures));
        worker->failures = 0;
        sk_intake_note_delayed(worker->intake, 0, 0);
    }
    if (!code) {
        int64_t took_us = sk_monotonic_us() - since_us;
        note_success(worker, count, took_us / 1000);
        sk_metrics_observe(SK_METRIC_AUDIT_DURATION, "", (double)took_us / 1e6);
        sk_metrics_add(SK_METRIC_AUDIT_WRITTEN, "", (uint64_t)added);
        sk_log(SK_LOG_DEBUG, "events written", SK_I("events", (int64_t)count), SK_I("new", added));
    }
    return code;
}

/* What the database asks while it waits: the claims stay alive, and a signal is heard. */
static bool wait_on(void *context, int64_t waited_ms)
{
    struct worker *worker = context;
    sk_intake_keep_claims(worker->intake);
    return waited_ms < (stop_within(worker, 0) ? LAST_WAIT_MS : SK_DATABASE_HUNG_MS);
}

/* What the writer calls while PostgreSQL is at work. */
static void look_ahead(void *context)
{
    struct worker *worker = context;
    sk_intake_look_ahead(worker->intake);
}

static void swap(struct sk_audit_entry *left, struct sk_audit_entry *right)
{
    struct sk_audit_entry other = *left;
    *left = *right;
    *right = other;
}

/* Writes what PostgreSQL takes of the entries and moves it to the front; returns how many that are. Halving finds one
 * refused event among n in 2 log2 n transactions; what is more than PostgreSQL can be given at once is halved, too. At
 * the last attempt whoever is refused alone is set aside. */
static size_t write_what_can_be(struct worker *worker, struct sk_audit_entry *entries, size_t count)
{
    struct sk_error error = {0};
    bool is_too_much = count > worker->portion;
    if (!is_too_much && !write_all(worker, entries, count, &error)) {
        return count;
    }
    if (worker->gave_up) {
        return 0;
    }
    if (count == 1) {
        sk_log(SK_LOG_DEBUG, "event refused", SK_S("error", error.text), SK_I("attempt", worker->attempt));
        if (worker->attempt == ATTEMPTS) {
            set_aside(worker, entries, error.text);
        }
        return 0;
    }
    size_t half = count / 2;
    size_t written = write_what_can_be(worker, entries, half);
    size_t more = worker->gave_up ? 0 : write_what_can_be(worker, entries + half, count - half);
    for (size_t i = 0; i < more; i++) {
        swap(&entries[written + i], &entries[half + i]);
    }
    return written + more;
}

/* --- a batch ---------------------------------------------------------------------------------------------------- */

/* An entry without one of the fields is nothing that PostgreSQL need be asked about. */
static void set_malformed_aside(struct worker *worker, const struct sk_audit_entry *entry)
{
    char why[64];
    size_t missing = 0;
    while (missing < SK_AUDIT_FIELD_COUNT - 1 && entry->event.field[missing].text) {
        missing++;
    }
    (void)snprintf(why, sizeof why, "the field %s is missing", sk_audit_field_name((enum sk_audit_field)missing));
    set_aside(worker, entry, why);
}

static void drop_malformed(struct worker *worker)
{
    struct sk_audit_batch *held = worker->held;
    size_t malformed = 0;
    for (size_t i = 0; i < held->count; i++) {
        if (held->entries[i].malformed) {
            set_malformed_aside(worker, &held->entries[i]);
            swap(&held->entries[malformed++], &held->entries[i]);
        }
    }
    sk_intake_let_go(worker->intake, malformed);
}

/* Events to the front, requests behind them. */
static void put_requests_last(struct worker *worker)
{
    struct sk_audit_batch *held = worker->held;
    size_t events = 0;
    for (size_t i = 0; i < held->count; i++) {
        if (!held->entries[i].wanted.text) {
            swap(&held->entries[events++], &held->entries[i]);
        }
    }
    worker->held_requests = held->count - events;
}

/* True: each event was written or set aside, or has to wait for room. False: the worker is to stop before that. */
static bool drain_events(struct worker *worker)
{
    for (worker->attempt = 1; held_events(worker) > 0 && worker->attempt <= ATTEMPTS; worker->attempt++) {
        if (worker->attempt > 1 && stop_within(worker, RETRY_PAUSE_MS << (worker->attempt - 2))) {
            return false;
        }
        sk_intake_done(worker->intake, write_what_can_be(worker, worker->held->entries, held_events(worker)));
        if (worker->gave_up) {
            return false;
        }
    }
    sk_intake_let_go(worker->intake, held_events(worker));
    return true;
}

/* PostgreSQL knows now what was changed before they were asked for. Where it cannot (whole is false), nothing is
 * guessed: whoever asked is not waiting for long, and asks again. */
static void serve_requests(struct worker *worker, bool whole)
{
    while (worker->held->count > 0) {
        if (whole) {
            if (stop_within(worker, 0)) {
                return;
            }
            sk_intake_keep_claims(worker->intake);
            sk_requests_serve(worker->requests, worker->held->entries);
        }
        worker->held_requests--;
        sk_intake_done(worker->intake, 1);
    }
}

static void drain_batch(struct worker *worker)
{
    worker->held = sk_intake_held(worker->intake);
    worker->held_requests = 0;
    worker->unclear = 0;
    drop_malformed(worker);
    put_requests_last(worker);
    if (drain_events(worker)) {
        serve_requests(worker, sk_intake_whole(worker->intake));
    }
}

static void drain(struct worker *worker)
{
    while (!stop_within(worker, 0)) {
        look_around(worker);
        if (sk_intake_take(worker->intake)) {
            stop_within(worker, REDIS_PAUSE_MS);
        } else {
            drain_batch(worker);
        }
    }
}

/* --- who watches the worker ------------------------------------------------------------------------------------- */

static bool postgres_reachable(void *archive)
{
    return sk_archive_reachable(archive);
}

static enum sk_code open_monitor(struct worker *worker, const struct sk_redis_url *url, struct sk_error *error)
{
    const struct sk_monitor_need postgres = {"postgres", postgres_reachable, &worker->archive};
    sk_archive_open(&worker->archive, worker->config->database_url, "synckairos-audit");
    return sk_monitor_open(worker->config, url, &postgres, &worker->monitor, error);
}

/* --- start and end ---------------------------------------------------------------------------------------------- */

static enum sk_code open_worker(struct worker *worker, struct sk_error *error)
{
    struct sk_redis_url url;
    enum sk_code code = sk_redis_url_parse(worker->config->redis_url, &url, error);
    if (code) {
        return code;
    }
    worker->intake = sk_intake_new(worker->config, &url);
    worker->database = sk_database_new(worker->config->database_url);
    worker->writer = worker->database ? sk_event_writer_new(worker->database) : NULL;
    worker->requests = sk_requests_new(worker->config, &url);
    if (!worker->intake || !worker->writer || !worker->requests) {
        return sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
    }
    sk_database_ask_while_waiting(worker->database, wait_on, worker);
    sk_event_writer_do_meanwhile(worker->writer, look_ahead, worker);
    sigemptyset(&worker->signals);
    sigaddset(&worker->signals, SIGTERM);
    sigaddset(&worker->signals, SIGINT);
    if (sigprocmask(SIG_BLOCK, &worker->signals, NULL) != 0) {
        return sk_fail(error, SK_INTERNAL_ERROR, "signals cannot be blocked");
    }
    code = sk_alert_open(worker->config->alert_webhook_url, &worker->alert, error); /* its thread blocks them, too */
    worker->watch = (struct sk_watch){.config = worker->config, .alert = worker->alert};
    return code ? code : open_monitor(worker, &url, error);
}

static void close_worker(struct worker *worker)
{
    sk_monitor_close(worker->monitor);
    sk_archive_close(&worker->archive);
    sk_alert_close(worker->alert);
    sk_requests_free(worker->requests);
    sk_event_writer_free(worker->writer);
    sk_database_free(worker->database);
    sk_intake_free(worker->intake);
}

enum sk_code sk_worker_run(const struct sk_config *config, struct sk_error *error)
{
    struct worker worker = {.config = config, .portion = (size_t)config->audit_batch};
    enum sk_code code = open_worker(&worker, error);
    if (!code) {
        const char *consumer = sk_intake_consumer(worker.intake);
        sk_log(SK_LOG_INFO, "audit worker started", SK_S("consumer", consumer));
        sk_intake_tidy(worker.intake);
        drain(&worker);
        const int64_t left = sk_intake_give_back(worker.intake);
        sk_log(SK_LOG_INFO, "audit worker stopped", SK_S("consumer", consumer), SK_I("left_for_others", left));
    }
    close_worker(&worker);
    return code;
}

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
#include "audit/requests.h"
#include "audit/watch.h"
#include "common/audit_queue.h"
#include "common/metrics.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ATTEMPTS 5
#define RETRY_PAUSE_MS 20  /* before the second attempt; doubled for each further one */
#define REDIS_PAUSE_MS 500 /* between attempts to reach Redis */
#define READ_SLICE_MS 1000 /* the longest wait that a signal has to sit out */
#define PUT_OFF_MS 5000    /* before what Redis had no room to set aside is looked at again */
#define HUNG_MS 25000      /* PostgreSQL says nothing for as long: more than its own limit for a statement */
#define LAST_WAIT_MS 2000  /* what it is given for an answer once the worker is to stop */
#define NAME_BYTES 160

struct worker {
    const struct sk_config *config;
    struct sk_redis *redis;
    struct sk_database *database;
    struct sk_event_writer *writer;
    struct sk_requests *requests;
    struct sk_alert *alert; /* NULL: there is nobody to tell */
    struct sk_watch watch;
    char consumer[NAME_BYTES];
    sigset_t signals;
    bool stopping;

    bool redis_gone;
    bool resume;          /* an answer of Redis was lost: some entries may be ours without our knowing */
    int64_t resume_at_ms; /* monotonic: and some could not be set aside, until then; 0: none */
    int64_t claim_at_ms;  /* monotonic: the next look for dead workers' entries */
    int64_t put_off;      /* how many could not be set aside since they were last looked at */
    bool noted;           /* Redis may have a row that says how many of ours are delayed */

    struct sk_audit_batch
        held;              /* the part of the batch that is not acknowledged yet: events, then requests; borrowed */
    size_t held_requests;  /* how many of what is held are no events */
    int64_t renewed_at_ms; /* monotonic: since when the claims on it are fresh */
    int attempt;           /* of what is held: 1 to ATTEMPTS */
    unsigned failures;     /* of reaching PostgreSQL, in a row */
    bool gave_up;          /* told to stop while PostgreSQL was gone */
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

/* --- Redis ------------------------------------------------------------------------------------------------------ */

/* Tells the log when Redis goes and when it comes back, and passes the code on. */
static enum sk_code note_redis(struct worker *worker, enum sk_code code, const struct sk_error *error)
{
    if (code && !worker->redis_gone) {
        sk_log(SK_LOG_WARN, "Redis cannot be had; waiting for it", SK_S("error", error->text));
    }
    if (!code && worker->redis_gone) {
        sk_log(SK_LOG_INFO, "Redis is back");
    }
    if (code) {
        sk_redis_disconnect(worker->redis); /* also from one that answers but cannot write: it may be replaced */
        worker->resume = true;
    }
    worker->redis_gone = code != SK_OK;
    return code;
}

static int64_t claim_ms(const struct worker *worker)
{
    return worker->config->audit_claim_s * 1000;
}

/* The next batch: what is this worker's already, what a dead worker left behind, else what nobody has. */
static enum sk_code take(struct worker *worker, struct sk_audit_batch *batch, struct sk_error *error)
{
    const struct sk_config *config = worker->config;
    *batch = (struct sk_audit_batch){0};
    if (worker->resume || (worker->resume_at_ms != 0 && now_ms() >= worker->resume_at_ms)) {
        worker->resume_at_ms = 0;
        worker->put_off = 0;
        enum sk_code code = sk_audit_queue_resume(worker->redis, worker->consumer, config->audit_batch, batch, error);
        if (code || batch->count > 0) {
            return code;
        }
        sk_audit_batch_clear(batch);
        worker->resume = false;
    }
    if (now_ms() >= worker->claim_at_ms) {
        enum sk_code code =
            sk_audit_queue_claim(worker->redis, worker->consumer, config->audit_batch, claim_ms(worker), batch, error);
        if (code) {
            return code;
        }
        if (batch->count > 0) { /* and there may be more */
            sk_log(SK_LOG_INFO, "took over what another worker left", SK_I("events", (int64_t)batch->count));
            return SK_OK;
        }
        sk_audit_batch_clear(batch);
        worker->claim_at_ms = now_ms() + claim_ms(worker) / 4;
    }
    int64_t wait = config->audit_wait_ms < READ_SLICE_MS ? config->audit_wait_ms : READ_SLICE_MS;
    return sk_audit_queue_read(worker->redis, worker->consumer, config->audit_batch, wait, batch, error);
}

/* A claim that is not renewed in time costs nothing but work done twice: a failure is only noted. */
static void keep_claims(struct worker *worker)
{
    if (now_ms() - worker->renewed_at_ms < claim_ms(worker) / 3) {
        return;
    }
    struct sk_error error = {0};
    enum sk_code code = sk_audit_queue_renew(worker->redis, worker->consumer, &worker->held, &error);
    note_redis(worker, code, &error);
    worker->renewed_at_ms = now_ms();
}

static size_t held_events(const struct worker *worker)
{
    return worker->held.count - worker->held_requests;
}

static void let_go(struct worker *worker, size_t count)
{
    worker->held.entries += count;
    worker->held.count -= count;
}

/* The first count of what is held are in PostgreSQL, or served. Where Redis cannot be told, they are read once more. */
static void acknowledge(struct worker *worker, size_t count)
{
    struct sk_error error = {0};
    struct sk_audit_batch part = {.entries = worker->held.entries, .count = count};
    note_redis(worker, sk_audit_queue_done(worker->redis, &part, &error), &error);
    let_go(worker, count);
}

/* Tells whoever asks for the queue's sizes how many of this worker's events wait, and for how long; 0: none any more.
 * Nobody depends on it: where Redis cannot be told, they are taken to be in work. */
static void note_delayed(struct worker *worker, int64_t events, int64_t wait_ms)
{
    struct sk_error error = {0};
    if (events == 0 && !worker->noted) {
        return;
    }
    bool told = !sk_audit_queue_delay(worker->redis, worker->consumer, events, wait_ms + claim_ms(worker), &error);
    if (!told) {
        sk_log(SK_LOG_DEBUG, "delayed events were not noted", SK_S("error", error.text));
    }
    worker->noted = events > 0 || !told;
}

/* At every turn: the queue's thresholds, and the note of what was put off, for which there may be room by now. */
static void look_around(struct worker *worker)
{
    if (sk_watch_look(&worker->watch, worker->redis)) {
        note_delayed(worker, worker->put_off, PUT_OFF_MS);
    }
}

/* Redis answers, but has no room to set something aside. The entry stays this worker's; what is new goes first, since
 * only that makes room. */
static void put_off(struct worker *worker, const char *why)
{
    if (worker->resume_at_ms == 0) {
        sk_log(SK_LOG_WARN, "an audit event cannot be stored, nor set aside for now; it waits", SK_S("error", why));
    }
    worker->resume = false;
    worker->resume_at_ms = now_ms() + PUT_OFF_MS;
    worker->put_off++;
}

static void set_aside(struct worker *worker, const struct sk_audit_entry *entry, const char *why)
{
    const struct sk_audit_value *field = entry->event.field;
    struct sk_error error = {0};
    enum sk_code code = sk_audit_queue_fail(worker->redis, entry, why, &error);
    if (code && sk_redis_connected(worker->redis)) {
        put_off(worker, error.text);
        return;
    }
    if (note_redis(worker, code, &error)) {
        return; /* it is read once more */
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
    keep_claims(worker);
    (void)sk_watch_look(&worker->watch, worker->redis);
}

/* Waits for PostgreSQL while the claims stay alive. True: stop. */
static bool back_off(struct worker *worker, const struct sk_error *error)
{
    int64_t wait = sk_worker_backoff_ms(++worker->failures);
    sk_log(SK_LOG_WARN, "PostgreSQL cannot be had; nothing is lost, trying again", SK_S("error", error->text),
           SK_I("wait_ms", wait), SK_I("attempt", worker->failures));
    note_delayed(worker, (int64_t)held_events(worker) + worker->put_off, wait);
    int64_t step = claim_ms(worker) / 3 < SK_WATCH_MS ? claim_ms(worker) / 3 : SK_WATCH_MS;
    for (int64_t end = now_ms() + wait, left = wait; left > 0; left = end - now_ms()) {
        if (stop_within(worker, left < step ? left : step)) {
            return true;
        }
        look_around_waiting(worker);
    }
    return false;
}

/* Writes all entries or none; returns only when PostgreSQL has said yes or no, or the worker is to stop
 * (SK_ARCHIVE_UNAVAILABLE). */
static enum sk_code write_all(struct worker *worker, const struct sk_audit_entry *entries, size_t count,
                              struct sk_error *error)
{
    int64_t added = 0;
    enum sk_code code;
    keep_claims(worker);
    while ((code = sk_event_writer_write(worker->writer, entries, count, &added, error)) == SK_ARCHIVE_UNAVAILABLE) {
        if (back_off(worker, error)) {
            worker->gave_up = true;
            return code;
        }
    }
    if (worker->failures > 0) {
        sk_log(SK_LOG_INFO, "PostgreSQL is back", SK_I("attempts", worker->failures));
        worker->failures = 0;
        note_delayed(worker, worker->put_off, PUT_OFF_MS);
    }
    if (!code) {
        sk_metrics_add(SK_METRIC_AUDIT_WRITTEN, "", (uint64_t)added);
        sk_log(SK_LOG_DEBUG, "events written", SK_I("events", (int64_t)count), SK_I("new", added));
    }
    return code;
}

/* What the database asks while it waits: the claims stay alive, and a signal is heard. */
static bool wait_on(void *context, int64_t waited_ms)
{
    struct worker *worker = context;
    keep_claims(worker);
    return waited_ms < (stop_within(worker, 0) ? LAST_WAIT_MS : HUNG_MS);
}

static void swap(struct sk_audit_entry *left, struct sk_audit_entry *right)
{
    struct sk_audit_entry other = *left;
    *left = *right;
    *right = other;
}

/* Writes what PostgreSQL takes of the entries and moves it to the front; returns how many that are. Halving finds one
 * refused event among n in 2 log2 n transactions. At the last attempt whoever is refused alone is set aside. */
static size_t write_what_can_be(struct worker *worker, struct sk_audit_entry *entries, size_t count)
{
    struct sk_error error = {0};
    enum sk_code code = write_all(worker, entries, count, &error);
    if (!code) {
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
    size_t kept = 0;
    for (size_t i = 0; i < worker->held.count; i++) {
        if (worker->held.entries[i].malformed) {
            set_malformed_aside(worker, &worker->held.entries[i]);
        } else {
            swap(&worker->held.entries[kept++], &worker->held.entries[i]);
        }
    }
    worker->held.count = kept;
}

/* Events to the front, requests behind them. */
static void put_requests_last(struct worker *worker)
{
    size_t events = 0;
    for (size_t i = 0; i < worker->held.count; i++) {
        if (!worker->held.entries[i].wanted.text) {
            swap(&worker->held.entries[events++], &worker->held.entries[i]);
        }
    }
    worker->held_requests = worker->held.count - events;
}

/* True: each event was written or set aside, or has to wait for room. False: the worker is to stop before that. */
static bool drain_events(struct worker *worker)
{
    for (worker->attempt = 1; held_events(worker) > 0 && worker->attempt <= ATTEMPTS; worker->attempt++) {
        if (worker->attempt > 1 && stop_within(worker, RETRY_PAUSE_MS << (worker->attempt - 2))) {
            return false;
        }
        acknowledge(worker, write_what_can_be(worker, worker->held.entries, held_events(worker)));
        if (worker->gave_up) {
            return false;
        }
    }
    let_go(worker, held_events(worker));
    return true;
}

/* PostgreSQL knows now what was changed before they were asked for. Where it cannot (whole is false, or Redis could not
 * be told), nothing is guessed: whoever asked is not waiting for long, and asks again. */
static void serve_requests(struct worker *worker, bool whole)
{
    while (worker->held.count > 0) {
        if (whole) {
            if (stop_within(worker, 0)) {
                return;
            }
            keep_claims(worker);
            sk_requests_serve(worker->requests, worker->held.entries);
        }
        worker->held_requests--;
        acknowledge(worker, 1);
    }
}

static void drain_batch(struct worker *worker, const struct sk_audit_batch *batch)
{
    int64_t put_off = worker->put_off;
    worker->held = (struct sk_audit_batch){.entries = batch->entries, .count = batch->count};
    worker->held_requests = 0;
    worker->renewed_at_ms = now_ms();
    drop_malformed(worker);
    put_requests_last(worker);
    if (drain_events(worker)) {
        serve_requests(worker, put_off == worker->put_off && !worker->resume);
    }
    if (put_off != worker->put_off) {
        note_delayed(worker, worker->put_off, PUT_OFF_MS);
    }
}

static void drain(struct worker *worker)
{
    while (!stop_within(worker, 0)) {
        struct sk_error error = {0};
        struct sk_audit_batch batch;
        look_around(worker);
        if (note_redis(worker, take(worker, &batch, &error), &error)) {
            stop_within(worker, REDIS_PAUSE_MS);
            continue;
        }
        drain_batch(worker, &batch);
        sk_audit_batch_clear(&batch);
    }
}

/* --- start and end ---------------------------------------------------------------------------------------------- */

static void name_consumer(struct worker *worker)
{
    char host[65] = "localhost";
    char id[SK_UUID_BYTES];
    (void)gethostname(host, sizeof host - 1);
    sk_uuid_random(id);
    (void)snprintf(worker->consumer, sizeof worker->consumer, "%s:%ld:%s", host, (long)getpid(), id);
}

static enum sk_code open_worker(struct worker *worker, struct sk_error *error)
{
    struct sk_redis_url url;
    enum sk_code code = sk_redis_url_parse(worker->config->redis_url, &url, error);
    if (code) {
        return code;
    }
    /* A read waits for its first event before it answers. */
    worker->redis = sk_redis_new(&url, worker->config->redis_timeout_ms + READ_SLICE_MS);
    worker->database = sk_database_new(worker->config->database_url);
    worker->writer = worker->database ? sk_event_writer_new(worker->database) : NULL;
    worker->requests = sk_requests_new(worker->config, &url);
    if (!worker->redis || !worker->writer || !worker->requests) {
        return sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
    }
    sk_database_ask_while_waiting(worker->database, wait_on, worker);
    name_consumer(worker);
    sigemptyset(&worker->signals);
    sigaddset(&worker->signals, SIGTERM);
    sigaddset(&worker->signals, SIGINT);
    if (sigprocmask(SIG_BLOCK, &worker->signals, NULL) != 0) {
        return sk_fail(error, SK_INTERNAL_ERROR, "signals cannot be blocked");
    }
    code = sk_alert_open(worker->config->alert_webhook_url, &worker->alert, error); /* its thread blocks them, too */
    worker->watch = (struct sk_watch){.config = worker->config, .alert = worker->alert};
    return code;
}

static void close_worker(struct worker *worker)
{
    sk_alert_close(worker->alert);
    sk_requests_free(worker->requests);
    sk_event_writer_free(worker->writer);
    sk_database_free(worker->database);
    sk_redis_free(worker->redis);
}

/* Names of workers are only a nuisance in a list: whether they could be forgotten does not matter. */
static void tidy(struct worker *worker)
{
    struct sk_error error = {0};
    if (sk_audit_queue_tidy(worker->redis, worker->consumer, &error)) {
        sk_log(SK_LOG_DEBUG, "names of former workers stay", SK_S("error", error.text));
    }
}

enum sk_code sk_worker_run(const struct sk_config *config, struct sk_error *error)
{
    struct worker worker = {.config = config};
    enum sk_code code = open_worker(&worker, error);
    if (!code) {
        sk_log(SK_LOG_INFO, "audit worker started", SK_S("consumer", worker.consumer));
        tidy(&worker);
        drain(&worker);
        note_delayed(&worker, 0, 0);
        tidy(&worker);
        sk_log(SK_LOG_INFO, "audit worker stopped", SK_S("consumer", worker.consumer),
               SK_I("left_for_others", (int64_t)worker.held.count));
    }
    close_worker(&worker);
    return code;
}

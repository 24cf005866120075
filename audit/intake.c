/* The worker's end of the queue. Owns the connection to Redis, the batches, and the memory of what Redis was not told.
 */
#include "audit/intake.h"

#include "common/deletions.h"
#include "common/log.h"
#include "common/server_clock.h"
#include "common/uuid.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_SLICE_MS 1000 /* the longest wait that a signal has to sit out */
#define PUT_OFF_MS 5000    /* before what Redis had no room to set aside is looked at again */
#define NAME_BYTES 160

struct sk_intake {
    const struct sk_config *config;
    struct sk_redis *redis;
    char consumer[NAME_BYTES];

    bool redis_gone;
    bool resume;          /* an answer of Redis was lost: some entries may be ours without our knowing */
    int64_t resume_at_ms; /* monotonic: and some could not be set aside, until then; 0: none */
    int64_t claim_at_ms;  /* monotonic: the next look for dead workers' entries */
    bool had_old;         /* the last batch was no new one: new ones take turns with it */
    char claim_from[SK_AUDIT_CURSOR_BYTES]; /* where that look goes on */
    int64_t put_off;                        /* how many could not be set aside since they were last looked at */
    int64_t put_off_then;                   /* when the batch in hand was taken */
    bool noted;                             /* Redis may have a row that says how many of ours are delayed */

    struct sk_audit_batch batch;   /* in hand; owned */
    struct sk_audit_batch held;    /* the part of it that is left; borrowed */
    struct sk_audit_batch next;    /* owned */
    struct sk_audit_batch former;  /* owned: the batch before, while written is a part of it */
    struct sk_audit_batch written; /* borrowed, of batch or of former: Redis has not been told */
    bool full;                     /* the newest batch was as large as can be: there is more */
    int64_t renewed_at_ms;         /* monotonic: since when the claims on batch are fresh */
    int64_t next_renewed_at_ms;    /* … and on next */
};

static int64_t now_ms(void)
{
    return sk_monotonic_us() / 1000;
}

static int64_t claim_ms(const struct sk_intake *intake)
{
    return intake->config->audit_claim_s * 1000;
}

/* --- a life ----------------------------------------------------------------------------------------------------- */

static void name_consumer(struct sk_intake *intake)
{
    char host[65] = "localhost";
    char id[SK_UUID_BYTES];
    (void)gethostname(host, sizeof host - 1);
    sk_uuid_random(id);
    (void)snprintf(intake->consumer, sizeof intake->consumer, "%s:%ld:%s", host, (long)getpid(), id);
}

static void begin_look(struct sk_intake *intake)
{
    (void)snprintf(intake->claim_from, sizeof intake->claim_from, "0-0");
}

struct sk_intake *sk_intake_new(const struct sk_config *config, const struct sk_redis_url *url)
{
    struct sk_intake *intake = calloc(1, sizeof *intake);
    if (!intake) {
        return NULL;
    }
    intake->config = config;
    /* A read waits for its first event before it answers. */
    intake->redis = sk_redis_new(url, config->redis_timeout_ms + READ_SLICE_MS);
    if (!intake->redis) {
        free(intake);
        return NULL;
    }
    name_consumer(intake);
    begin_look(intake);
    return intake;
}

void sk_intake_free(struct sk_intake *intake)
{
    if (intake) {
        sk_audit_batch_clear(&intake->former);
        sk_audit_batch_clear(&intake->batch);
        sk_audit_batch_clear(&intake->next);
        sk_redis_free(intake->redis);
        free(intake);
    }
}

const char *sk_intake_consumer(const struct sk_intake *intake)
{
    return intake->consumer;
}

struct sk_redis *sk_intake_redis(struct sk_intake *intake)
{
    return intake->redis;
}

struct sk_audit_batch *sk_intake_held(struct sk_intake *intake)
{
    return &intake->held;
}

bool sk_intake_whole(const struct sk_intake *intake)
{
    return intake->put_off == intake->put_off_then && !intake->resume;
}

/* Tells the log when Redis goes and when it comes back, and passes the code on. */
static enum sk_code note_redis(struct sk_intake *intake, enum sk_code code, const struct sk_error *error)
{
    if (code && !intake->redis_gone) {
        sk_log(SK_LOG_WARN, "Redis cannot be had; waiting for it", SK_S("error", error->text));
    }
    if (!code && intake->redis_gone) {
        sk_log(SK_LOG_INFO, "Redis is back");
    }
    if (code) {
        sk_redis_disconnect(intake->redis); /* also from one that answers but cannot write: it may be replaced */
        intake->resume = true;
    }
    intake->redis_gone = code != SK_OK;
    return code;
}

/* --- what is done ----------------------------------------------------------------------------------------------- */

static void forget_written(struct sk_intake *intake)
{
    intake->written = (struct sk_audit_batch){0};
    sk_audit_batch_clear(&intake->former);
}

/* The marks of deletions go before the entries do. False: Redis cannot be had, and what was written is read once more.
 */
static bool unmark_deletions(struct sk_intake *intake)
{
    struct sk_error error = {0};
    return !note_redis(intake, sk_deletions_written(intake->redis, &intake->written, &error), &error);
}

void sk_intake_settle(struct sk_intake *intake)
{
    struct sk_error error = {0};
    if (intake->written.count > 0 && unmark_deletions(intake)) {
        note_redis(intake, sk_audit_queue_done(intake->redis, &intake->written, &error), &error);
    }
    forget_written(intake);
}

void sk_intake_let_go(struct sk_intake *intake, size_t count)
{
    intake->held.entries += count;
    intake->held.count -= count;
}

void sk_intake_done(struct sk_intake *intake, size_t count)
{
    if (count == 0) {
        return;
    }
    if (intake->written.count > 0 && intake->written.entries + intake->written.count != intake->held.entries) {
        sk_intake_settle(intake);
    }
    if (intake->written.count == 0) {
        intake->written.entries = intake->held.entries;
    }
    intake->written.count += count;
    sk_intake_let_go(intake, count);
}

/* --- what is taken ---------------------------------------------------------------------------------------------- */

static enum sk_code resume(struct sk_intake *intake, struct sk_error *error)
{
    intake->resume_at_ms = 0;
    intake->put_off = 0;
    enum sk_code code =
        sk_audit_queue_resume(intake->redis, intake->consumer, intake->config->audit_batch, &intake->batch, error);
    if (!code && intake->batch.count == 0) {
        sk_audit_batch_clear(&intake->batch);
        intake->resume = false;
    }
    return code;
}

static enum sk_code claim(struct sk_intake *intake, struct sk_error *error)
{
    enum sk_code code = sk_audit_queue_claim(intake->redis, intake->consumer, intake->config->audit_batch,
                                             claim_ms(intake), intake->claim_from, &intake->batch, error);
    if (code) {
        begin_look(intake);
        return code;
    }
    if (intake->batch.count > 0) { /* and there may be more */
        sk_log(SK_LOG_INFO, "took over what another worker left", SK_I("events", (int64_t)intake->batch.count));
        /* It brings what waits for room, too, and that is no use before there is some. */
        intake->claim_at_ms = intake->resume_at_ms != 0 ? now_ms() + PUT_OFF_MS : intake->claim_at_ms;
    } else {
        sk_audit_batch_clear(&intake->batch);
        intake->claim_at_ms = now_ms() + claim_ms(intake) / 4;
    }
    return SK_OK;
}

static bool resume_is_due(const struct sk_intake *intake)
{
    return intake->resume || (intake->resume_at_ms != 0 && now_ms() >= intake->resume_at_ms);
}

static bool claim_is_due(const struct sk_intake *intake)
{
    return now_ms() >= intake->claim_at_ms;
}

static enum sk_code ask_for_old(struct sk_intake *intake, struct sk_error *error)
{
    enum sk_code code = SK_OK;
    if (resume_is_due(intake)) {
        code = resume(intake, error);
    }
    if (!code && intake->batch.count == 0 && claim_is_due(intake)) {
        code = claim(intake, error);
    }
    return code;
}

/* Old and new ones take turns: only what is new makes the room in Redis that the old ones may be waiting for. */
static enum sk_code ask(struct sk_intake *intake, struct sk_error *error)
{
    const struct sk_config *config = intake->config;
    enum sk_code code = SK_OK;
    bool turn_of_new = intake->had_old;
    intake->full = false;
    intake->had_old = false;
    if (!turn_of_new) {
        code = ask_for_old(intake, error);
        intake->had_old = intake->batch.count > 0;
    }
    if (!code && intake->batch.count == 0) {
        int64_t wait = config->audit_wait_ms < READ_SLICE_MS ? config->audit_wait_ms : READ_SLICE_MS;
        wait = turn_of_new ? 0 : wait;
        code = sk_audit_queue_read(intake->redis, intake->consumer, config->audit_batch, wait, &intake->batch, error);
        intake->full = !code && intake->batch.count == (size_t)config->audit_batch;
    }
    intake->renewed_at_ms = now_ms();
    return code;
}

/* What was read ahead comes into hand; of the batch before, what is written stays until Redis is told. */
static void move_up(struct sk_intake *intake)
{
    if (intake->former.entries) {
        sk_intake_settle(intake);
    }
    intake->former = intake->batch;
    intake->batch = intake->next;
    intake->next = (struct sk_audit_batch){0};
    intake->renewed_at_ms = intake->next_renewed_at_ms;
}

enum sk_code sk_intake_take(struct sk_intake *intake)
{
    struct sk_error error = {0};
    enum sk_code code = SK_OK;
    if (intake->put_off != intake->put_off_then) {
        sk_intake_note_delayed(intake, 0, 0);
    }
    if (intake->next.count > 0 && !intake->resume) {
        move_up(intake);
    } else { /* after a loss of Redis what was read ahead comes with the rest of what is this worker's */
        sk_intake_settle(intake);
        sk_audit_batch_clear(&intake->batch);
        sk_audit_batch_clear(&intake->next);
        code = ask(intake, &error);
        note_redis(intake, code, &error);
    }
    intake->held = (struct sk_audit_batch){.entries = intake->batch.entries, .count = intake->batch.count};
    intake->put_off_then = intake->put_off;
    return code;
}

void sk_intake_look_ahead(struct sk_intake *intake)
{
    struct sk_error error = {0};
    bool something_first = resume_is_due(intake) || claim_is_due(intake);
    if (!intake->full || intake->next.count > 0 || something_first) {
        return;
    }
    if (!unmark_deletions(intake)) {
        forget_written(intake);
        return;
    }
    enum sk_code code = sk_audit_queue_turn(intake->redis, intake->consumer, &intake->written,
                                            intake->config->audit_batch, &intake->next, &error);
    intake->full = !code && intake->next.count == (size_t)intake->config->audit_batch;
    intake->next_renewed_at_ms = now_ms();
    note_redis(intake, code, &error);
    forget_written(intake);
}

static void renew(struct sk_intake *intake, const struct sk_audit_batch *batch, int64_t *renewed_at_ms)
{
    struct sk_error error = {0};
    if (batch->count == 0 || now_ms() - *renewed_at_ms < claim_ms(intake) / 3) {
        return;
    }
    note_redis(intake, sk_audit_queue_renew(intake->redis, intake->consumer, batch, &error), &error);
    *renewed_at_ms = now_ms();
}

void sk_intake_keep_claims(struct sk_intake *intake)
{
    renew(intake, &intake->held, &intake->renewed_at_ms);
    renew(intake, &intake->next, &intake->next_renewed_at_ms);
}

/* --- what waits ------------------------------------------------------------------------------------------------- */

void sk_intake_note_delayed(struct sk_intake *intake, int64_t events, int64_t wait_ms)
{
    struct sk_error error = {0};
    events += intake->put_off;
    wait_ms = intake->put_off > 0 && wait_ms < PUT_OFF_MS ? PUT_OFF_MS : wait_ms;
    if (events == 0 && !intake->noted) {
        return;
    }
    bool told = !sk_audit_queue_delay(intake->redis, intake->consumer, events, wait_ms + claim_ms(intake), &error);
    if (!told) {
        sk_log(SK_LOG_DEBUG, "delayed events were not noted", SK_S("error", error.text));
    }
    intake->noted = events > 0 || !told;
}

static void put_off(struct sk_intake *intake, const char *why)
{
    if (intake->resume_at_ms == 0) {
        sk_log(SK_LOG_WARN, "an audit event cannot be stored, nor set aside for now; it waits", SK_S("error", why));
    }
    intake->resume = false;
    intake->resume_at_ms = now_ms() + PUT_OFF_MS;
    intake->put_off++;
}

bool sk_intake_set_aside(struct sk_intake *intake, const struct sk_audit_entry *entry, const char *why)
{
    struct sk_error error = {0};
    sk_intake_settle(intake); /* it may make the room */
    enum sk_code code = sk_audit_queue_fail(intake->redis, entry, why, &error);
    if (code && sk_redis_connected(intake->redis)) {
        put_off(intake, error.text);
        return false;
    }
    return note_redis(intake, code, &error) == SK_OK;
}

/* After the name of a worker was removed by hand, its entries are neither new nor anybody's. */
static void adopt(struct sk_intake *intake)
{
    struct sk_error error = {0};
    int64_t count = 0;
    if (sk_audit_queue_adopt(intake->redis, intake->consumer, &count, &error)) {
        sk_log(SK_LOG_DEBUG, "entries that nobody has were not looked for", SK_S("error", error.text));
    } else if (count > 0) {
        sk_log(SK_LOG_WARN, "audit events had been handed out and were nobody's any more; they are taken up",
               SK_I("events", count));
        intake->claim_at_ms = 0;
        begin_look(intake);
    }
}

void sk_intake_look_around(struct sk_intake *intake)
{
    adopt(intake);
    sk_intake_note_delayed(intake, 0, 0);
}

void sk_intake_tidy(struct sk_intake *intake)
{
    struct sk_error error = {0};
    if (sk_audit_queue_tidy(intake->redis, intake->consumer, &error)) {
        sk_log(SK_LOG_DEBUG, "names of former workers stay", SK_S("error", error.text));
    }
}

int64_t sk_intake_give_back(struct sk_intake *intake)
{
    struct sk_error error = {0};
    int64_t count = 0;
    sk_intake_settle(intake);
    if (sk_audit_queue_give_back(intake->redis, intake->consumer, &count, &error)) {
        sk_log(SK_LOG_WARN, "what is left in hand stays this worker's until it is claimed", SK_S("error", error.text));
        return (int64_t)(intake->held.count + intake->next.count);
    }
    intake->put_off = 0;
    sk_intake_note_delayed(intake, 0, 0);
    sk_intake_tidy(intake);
    return count;
}

/* The attempts of a change: settle, apply, commit, and what to do when somebody else was faster. */
#include "common/store_parts.h"

#include "common/metrics.h"
#include "common/mode.h"

#include <stdio.h>
#include <string.h>

#define ATTEMPTS_MAX 8

static enum sk_code settle(struct sk_change *change, struct sk_error *error)
{
    enum sk_code code = sk_engine_settle(change->session, change->now_ms, &change->settlement, error);
    change->settlement.cycle_began = change->settlement.cycle_began || change->cycle_began;
    if (!code && change->settlement.count > 0) {
        sk_change_record_settlement(change);
    }
    return code;
}

/* Whether a concurrent change cannot alter what is meant (operation NULL: create or delete). A switch that names
 * neither the participant nor the cycle it ends, nor a version, means the state its sender saw. */
static bool is_repeatable(const struct sk_change *change)
{
    const struct sk_operation *operation = change->operation;
    bool expects = change->origin->terms && change->origin->terms->if_match != SK_NONE;
    return expects || !operation || operation->op != SK_OP_SWITCH || operation->current_participant_id[0] != '\0' ||
           operation->current_cycle_number != SK_NONE || operation->expected_version != SK_NONE;
}

/* Whether an earlier attempt, lost with its connection, was made on another state than this one. */
static bool comes_too_late(const struct sk_change *change)
{
    return change->tried_on[0] != '\0' && !is_repeatable(change) &&
           strcmp(change->tried_on, change->transaction.base_event_id) != 0;
}

/* Whom an operation is about: who was named, else whose cycle it was, else whose it is now. */
static void subject(const struct sk_session *session, const struct sk_operation *operation, char out[SK_ID_BYTES])
{
    const char *id = session->active == SK_NOBODY ? "" : session->participants[session->active].id;
    (void)snprintf(out, SK_ID_BYTES, "%s", operation->participant_id[0] != '\0' ? operation->participant_id : id);
}

bool sk_store_is_replayed(const struct sk_change *change)
{
    return change->origin->terms && change->origin->terms->replayed;
}

enum sk_code sk_store_check_match(const struct sk_change *change, struct sk_error *error)
{
    int64_t wanted = change->origin->terms ? change->origin->terms->if_match : SK_NONE;
    int64_t version = change->session ? change->session->version : 0;
    if (wanted == SK_NONE || wanted == version) {
        return SK_OK;
    }
    return sk_fail(error, SK_PRECONDITION_FAILED, "If-Match does not name the session's version (%lld)",
                   (long long)version);
}

/* The key under which this change is remembered, kept by the same commit. */
static void remember(struct sk_change *change)
{
    const struct sk_terms *terms = change->origin->terms;
    if (terms) {
        memcpy(change->transaction.idempotency_key, terms->idempotency_key, sizeof(terms->idempotency_key));
        memcpy(change->transaction.fingerprint, terms->fingerprint, sizeof(terms->fingerprint));
    }
}

static enum sk_code apply(struct sk_change *change, struct sk_error *error)
{
    char about[SK_ID_BYTES];
    struct sk_session *session = change->session;
    int64_t version = session->version;
    subject(session, change->operation, about);
    enum sk_code code = sk_store_check_match(change, error);
    if (!code) {
        code = sk_engine_apply(session, change->operation, change->now_ms, &change->settlement, error);
    }
    if (!code && session->version != version) {
        if (about[0] == '\0') {
            subject(session, change->operation, about);
        }
        sk_change_record_operation(change, about);
        remember(change);
    }
    return code;
}

enum sk_code sk_store_prepare_operation(struct sk_change *change, enum sk_code loaded, struct sk_error *error)
{
    if (!loaded && !sk_store_is_replayed(change) && comes_too_late(change)) {
        return sk_fail(error, SK_CONFLICT, "the session was changed by somebody else at the same time");
    }
    enum sk_code code = loaded ? loaded : settle(change, error);
    if (code) {
        return code;
    }
    code = sk_store_is_replayed(change) ? SK_OK : apply(change, error);
    if (code == SK_INTERNAL_ERROR) {
        sk_transaction_clear(&change->transaction);
        return code;
    }
    if (change->transaction.event_count > 0) {
        sk_change_complete(change);
    } else if (!code) {
        sk_change_render(change);
    }
    return code;
}

enum sk_code sk_store_prepare_creation(struct sk_change *change, enum sk_code loaded, struct sk_error *error)
{
    if (!loaded && sk_store_is_replayed(change)) {
        return sk_store_prepare_operation(change, loaded, error);
    }
    if (loaded == SK_SESSION_NOT_FOUND && sk_store_is_replayed(change)) {
        return sk_fail(error, SK_CONFLICT, "the session that this key created has gone");
    }
    if (!loaded && sk_store_check_match(change, error)) {
        return SK_PRECONDITION_FAILED;
    }
    if (loaded != SK_SESSION_NOT_FOUND) {
        return loaded ? loaded : sk_fail(error, SK_SESSION_EXISTS, "session %s exists", change->session_id);
    }
    enum sk_code code = sk_store_check_match(change, error);
    if (code) {
        return code;
    }
    change->session = sk_session_copy(change->wanted);
    if (!change->session) {
        return sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
    }
    /* A life is known by its id and when it began: no two of an id may begin at the same instant. */
    bool too_soon = change->deleted_at_ms >= change->now_ms;
    sk_engine_create(change->session, too_soon ? change->deleted_at_ms + 1 : change->now_ms);
    sk_change_record(change, "session_created", "");
    remember(change);
    sk_change_complete(change);
    return SK_OK;
}

enum sk_code sk_store_prepare_deletion(struct sk_change *change, enum sk_code loaded, struct sk_error *error)
{
    if (loaded) {
        return loaded == SK_SESSION_NOT_FOUND ? SK_OK : loaded;
    }
    if (sk_store_is_replayed(change)) {
        return SK_OK;
    }
    enum sk_code code = settle(change, error);
    if (code) {
        return code;
    }
    code = sk_store_check_match(change, error);
    if (!code) {
        change->session->version++;
        sk_change_record(change, "session_deleted", "");
        remember(change);
        sk_change_complete_deletion(change);
    } else if (change->stands_in) {
        sk_transaction_clear(&change->transaction); /* refused: it stays where it was found */
    } else if (change->transaction.event_count > 0) {
        sk_change_complete(change); /* refused, but what had expired is committed */
    }
    return code;
}

/* Commits the session that stands in for a lost one as if it had been there all the time: its recovery first, then what
 * ran out meanwhile. Where somebody else was faster, it is only settled. */
enum sk_code sk_store_prepare_restoration(struct sk_change *change, enum sk_code loaded, struct sk_error *error)
{
    if (loaded) {
        return loaded;
    }
    if (change->stands_in && !sk_change_record_recovery(change)) {
        sk_transaction_clear(&change->transaction);
        return sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
    }
    enum sk_code code = settle(change, error);
    if (code) {
        sk_transaction_clear(&change->transaction);
        return code;
    }
    if (change->transaction.event_count > 0) {
        sk_change_complete(change);
    } else {
        sk_change_render(change);
    }
    return SK_OK;
}

static void count_commit(const struct sk_change *change, enum sk_commit outcome)
{
    if (outcome == SK_COMMIT_LOST_RACE) {
        sk_metrics_add(SK_METRIC_STATE_CONFLICTS, "", 1);
    } else if (outcome == SK_COMMIT_DONE && change->settlement.count > 0) {
        char labels[SK_ID_BYTES];
        (void)snprintf(labels, sizeof(labels), "mode=\"%s\"", change->session->config.mode->name);
        sk_metrics_add(SK_METRIC_EXPIRIES, labels, (uint64_t)change->settlement.count);
    }
}

/* One attempt: read, prepare, commit. *code is what the call answers with after SK_COMMIT_DONE (also where there was
 * nothing to commit) and SK_COMMIT_FAILED. */
static enum sk_commit attempt(struct sk_store *store, struct sk_change *change, sk_store_preparer *prepare,
                              enum sk_code *code, struct sk_error *error)
{
    sk_change_forget(change);
    *code = prepare(change, sk_store_load(store, change, true, error), error);
    if (change->transaction.event_count == 0) {
        sk_store_unwatch(store);
        return SK_COMMIT_DONE;
    }
    struct sk_error failure = {SK_OK, ""};
    change->transaction.audit_max_backlog = store->audit_max_backlog;
    enum sk_commit outcome = sk_transaction_commit(store->redis, &change->transaction, change->origin, &failure);
    count_commit(change, outcome);
    if (outcome == SK_COMMIT_FAILED) {
        *code = sk_fail(error, failure.code, "%s", failure.text);
    }
    if (outcome == SK_COMMIT_NOT_SENT) {
        memcpy(change->tried_on, change->transaction.base_event_id, SK_UUID_BYTES);
        *code = sk_fail(error, SK_STATE_STORE_UNAVAILABLE, "the connection broke during each commit");
    }
    if (outcome == SK_COMMIT_LOST_RACE) {
        memcpy(change->tried_on, change->transaction.base_event_id, SK_UUID_BYTES);
        *code = sk_fail(error, SK_CONFLICT, "the session was changed by somebody else at the same time");
    }
    return outcome;
}

enum sk_code sk_store_run(struct sk_store *store, struct sk_change *change, sk_store_preparer *prepare, int *conflicts,
                          struct sk_error *error)
{
    enum sk_code code = SK_OK;
    change->session_ttl_ms = store->session_ttl_ms;
    for (int number = 0; number < ATTEMPTS_MAX; number++) {
        enum sk_commit outcome = attempt(store, change, prepare, &code, error);
        if (outcome == SK_COMMIT_DONE) {
            return code;
        }
        *conflicts += outcome == SK_COMMIT_LOST_RACE;
        bool keyed = change->origin->terms && change->origin->terms->idempotency_key[0] != '\0';
        bool once = outcome == SK_COMMIT_LOST_RACE && !is_repeatable(change) && !keyed;
        if (outcome == SK_COMMIT_FAILED || once) { /* a keyed one looks at its key again first */
            break;
        }
    }
    sk_change_forget(change); /* what was not committed is nobody's business */
    return code;
}

/* Sessions that Redis lost: asking the finder, and what becomes of what it finds. A live one is written back, an ended
 * one answered as it was. Never decides whether the finder may be believed. */
#include "common/store_parts.h"

#include <string.h>

bool sk_store_may_be_lost(const struct sk_store *store, const struct sk_change *change)
{
    return store->find && change->absent;
}

static enum sk_code find(struct sk_store *store, const struct sk_change *change, struct sk_session **lost,
                         struct sk_error *error)
{
    enum sk_code code = store->find(store->find_context, store->redis, change->session_id, lost, error);
    return code == SK_SESSION_NOT_FOUND ? sk_fail(error, code, "no session %s", change->session_id) : code;
}

/* Moves what came of another change of the same session into this one. */
static void adopt(struct sk_change *change, struct sk_change *other)
{
    sk_change_forget(change);
    change->session = other->session;
    other->session = NULL;
    change->now_ms = other->now_ms;
    change->unreadable = other->unreadable;
    change->settlement = other->settlement;
    other->settlement = (struct sk_settlement){.count = 0};
    change->view = other->view;
    other->view = (struct sk_buffer){0};
}

static enum sk_code restore(struct sk_store *store, struct sk_change *change, const struct sk_session *lost,
                            struct sk_result *result, struct sk_error *error)
{
    struct sk_change restoration = {.session_id = change->session_id, .lost = lost, .origin = change->origin};
    enum sk_code code = sk_store_run(store, &restoration, sk_store_prepare_restoration, &result->conflicts, error);
    if (!code && restoration.view.failed) {
        code = sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
    }
    if (!code) {
        result->recovered = restoration.stands_in;
        adopt(change, &restoration);
        /* What is done next was meant for the session as it was lost: somebody else may have gone on already. */
        memcpy(change->tried_on, result->recovered ? change->session->last_event_id : lost->last_event_id,
               SK_UUID_BYTES);
    }
    sk_change_forget(&restoration);
    return code;
}

/* Takes the session; it has ended, so there is nothing to settle. */
static enum sk_code show_archived(struct sk_change *change, struct sk_session *session, struct sk_result *result,
                                  struct sk_error *error)
{
    sk_change_forget(change);
    change->session = session;
    result->archived = true;
    sk_change_render(change);
    return change->view.failed ? sk_fail(error, SK_INTERNAL_ERROR, "out of memory") : SK_OK;
}

enum sk_code sk_store_recover(struct sk_store *store, struct sk_change *change, struct sk_result *result,
                              struct sk_error *error)
{
    struct sk_session *lost = NULL;
    enum sk_code code = find(store, change, &lost, error);
    if (code) {
        return code;
    }
    if (sk_session_ended(lost)) {
        return show_archived(change, lost, result, error);
    }
    code = restore(store, change, lost, result, error);
    sk_session_free(lost);
    return code;
}

enum sk_code sk_store_answer_archived(struct sk_change *change, struct sk_error *error)
{
    const struct sk_operation *operation = change->operation;
    if (sk_store_is_replayed(change)) {
        return SK_OK;
    }
    enum sk_code code = sk_store_check_match(change, error);
    if (code) {
        return code;
    }
    if (operation->expected_version != SK_NONE && operation->expected_version != change->session->version) {
        return sk_engine_apply(change->session, operation, change->now_ms, NULL, error); /* says so, and no more */
    }
    return sk_engine_refuse(change->session, operation->op, error);
}

enum sk_code sk_store_delete_lost(struct sk_store *store, struct sk_change *change, int *conflicts,
                                  struct sk_error *error)
{
    struct sk_session *lost = NULL;
    enum sk_code code = find(store, change, &lost, error);
    if (code) {
        return code == SK_SESSION_NOT_FOUND ? SK_OK : code;
    }
    change->lost = lost;
    code = sk_store_run(store, change, sk_store_prepare_deletion, conflicts, error);
    change->lost = NULL;
    sk_session_free(lost);
    return code;
}

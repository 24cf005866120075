/* What the files of the store share, and nobody else includes: the store itself, reading (store_read.c), the attempts
 * of a change (store_change.c), and sessions that Redis lost (store_lost.c). */
#ifndef SK_COMMON_STORE_PARTS_H
#define SK_COMMON_STORE_PARTS_H

#include "common/change.h"
#include "common/store.h"

struct sk_store {
    struct sk_redis *redis; /* owned */
    struct sk_server_clock clock;
    int64_t session_ttl_ms;
    int64_t audit_max_backlog;
    sk_store_finder *find; /* NULL: none */
    void *find_context;    /* borrowed */
};

/* Reads the change's session and Redis' time, drawing on the origin's terms; watch: for a commit, and whoever does not
 * come to EXEC then calls sk_store_unwatch. */
enum sk_code sk_store_load(struct sk_store *store, struct sk_change *change, bool watch, struct sk_error *error)
    __attribute__((warn_unused_result));
void sk_store_unwatch(struct sk_store *store);

/* A command without consequences, asked once more where the connection had gone stale. *sent_us: monotonic. Owned;
 * NULL: error says why. */
redisReply *sk_store_ask(struct sk_store *store, const char *command, enum sk_redis_purpose purpose, int64_t *sent_us,
                         struct sk_error *error);

/* What a change does to the session once it is read (loaded: what reading came to): it fills the transaction, or
 * leaves it without an event where there is nothing to commit, and returns what the call answers with if that
 * succeeds. */
typedef enum sk_code sk_store_preparer(struct sk_change *change, enum sk_code loaded, struct sk_error *error);

sk_store_preparer sk_store_prepare_operation;
sk_store_preparer sk_store_prepare_creation;
sk_store_preparer sk_store_prepare_deletion;
sk_store_preparer sk_store_prepare_restoration;

/* Reads, prepares and commits, as often as it takes; *conflicts grows by the races that were lost. */
enum sk_code sk_store_run(struct sk_store *store, struct sk_change *change, sk_store_preparer *prepare, int *conflicts,
                          struct sk_error *error) __attribute__((warn_unused_result));

/* Whether the request was made before: then nothing is applied, and the session as it is now is the answer. */
bool sk_store_is_replayed(const struct sk_change *change);

/* If-Match, compared after settling and ahead of everything else. */
enum sk_code sk_store_check_match(const struct sk_change *change, struct sk_error *error)
    __attribute__((warn_unused_result));

/* Whether what the change did not find may have been lost, so that the finder is worth asking. */
bool sk_store_may_be_lost(const struct sk_store *store, const struct sk_change *change);

/* Looks for the session that the change did not find. SK_OK: change has it, settled and rendered; it was written back
 * (result->recovered), or somebody else had done that, or it has ended and only the archive has it (result->archived).
 * Otherwise change is as it was. */
enum sk_code sk_store_recover(struct sk_store *store, struct sk_change *change, struct sk_result *result,
                              struct sk_error *error) __attribute__((warn_unused_result));

/* What an operation makes of an ended session that only the archive has; change is as sk_store_recover left it. */
enum sk_code sk_store_answer_archived(struct sk_change *change, struct sk_error *error)
    __attribute__((warn_unused_result));

/* Deletes the session that the change did not find, if there is one. */
enum sk_code sk_store_delete_lost(struct sk_store *store, struct sk_change *change, int *conflicts,
                                  struct sk_error *error) __attribute__((warn_unused_result));

#endif

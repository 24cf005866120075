/* A session as plain data: its configuration, its state, and nothing else.
 * Owns its participants, groups and JSON values; knows no rule of the clock (engine.h) and no text form (codec.h).
 *
 * Instants are Unix epoch milliseconds of Redis' TIME, durations milliseconds; SK_NONE where there is none. */
#ifndef SK_COMMON_SESSION_H
#define SK_COMMON_SESSION_H

#include "common/uuid.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SK_NONE INT64_C(-1)
#define SK_NOBODY SIZE_MAX /* in place of a participant's or group's position */
#define SK_ID_BYTES 65     /* an id is 1 to 64 of [A-Za-z0-9_.:-], and the NUL; "" where there is none */
#define SK_WARNINGS_MAX 8
#define SK_PARTICIPANTS_MAX 1000
#define SK_INDEX_MAX INT64_C(2147483647) /* of a participant_index */

struct sk_mode; /* mode.h */

enum sk_status { SK_PENDING, SK_RUNNING, SK_PAUSED, SK_EXPIRED, SK_COMPLETED, SK_CANCELLED, SK_STATUS_COUNT };

/* What is on one clock, and what it has run so far (closed spans only). */
struct sk_bank {
    int64_t total_time_ms; /* left, at cycle_started_at_ms */
    int64_t time_used_ms;
    bool has_expired;
};

struct sk_participant {
    char id[SK_ID_BYTES];
    char group_id[SK_ID_BYTES];
    size_t group; /* position in groups[], SK_NOBODY outside per_group */
    int64_t index;
    int64_t cycle_count;
    struct sk_bank bank; /* in per_group only time_used_ms counts: the rest is the group's */
};

struct sk_group {
    char id[SK_ID_BYTES];
    struct sk_bank bank;
};

/* What the session was created with; it does not change afterwards. */
struct sk_session_config {
    const struct sk_mode *mode;
    int64_t total_time_ms;     /* 0: not set */
    bool total_time_given;     /* by the client, not summed up from the banks */
    int64_t time_per_cycle_ms; /* 0: not set */
    int64_t max_time_ms;       /* 0: not set */
    int64_t increment_ms;
    bool auto_advance;
    json_t *action_on_timeout; /* NULL, or an object with a string "type" */
    int64_t warnings_ms[SK_WARNINGS_MAX];
    size_t warning_count;
    char first_participant_id[SK_ID_BYTES];
};

struct sk_session {
    char id[SK_ID_BYTES];
    struct sk_session_config config;

    enum sk_status status;
    int64_t version;
    size_t active; /* position in participants[], or SK_NOBODY */
    int64_t cycle_number;
    int64_t cycle_started_at_ms;
    int64_t session_started_at_ms;
    int64_t session_completed_at_ms;
    int64_t time_used_ms;
    int64_t cycle_time_used_ms;
    bool overtime;
    bool ran_out; /* the overtime began in this very cycle, by its clock running out */
    char expired_participant_id[SK_ID_BYTES];
    json_t *action_applied;    /* NULL, or what was done about the last expiry */
    int64_t operated_at_ms;    /* the last successful operation of a client */
    int64_t unattended_cycles; /* begun by the clock itself since then */

    struct sk_participant *participants; /* in rotation order */
    size_t participant_count;
    struct sk_group *groups; /* per_group only, in order of first appearance */
    size_t group_count;

    int64_t created_at_ms;
    int64_t updated_at_ms;
    json_t *metadata; /* an object */
    char last_event_id[SK_UUID_BYTES];
};

/* An empty pending session without participants; NULL when out of memory. Owned. */
struct sk_session *sk_session_new(void);
void sk_session_free(struct sk_session *session);

/* A deep copy (JSON values are shared: nobody changes them in place). NULL when out of memory. Owned. */
struct sk_session *sk_session_copy(const struct sk_session *session);

/* Puts participants into rotation order (ascending index), and, where_grouped, groups into order of first
 * appearance, adding with an empty bank those that no list named. False when out of memory. */
bool sk_session_arrange(struct sk_session *session, bool where_grouped);

/* Inserts a copy of the participant in rotation order and keeps `active` on whom it was on; where_grouped, a group
 * that is not there yet comes last, with an empty bank. Returns its position, or SK_NOBODY when out of memory. The
 * caller has checked that id and index are free. */
size_t sk_session_insert(struct sk_session *session, const struct sk_participant *participant, bool where_grouped);

/* Removes a participant who is not active, and its group if that is left empty. */
void sk_session_remove(struct sk_session *session, size_t position);

/* Positions by id; SK_NOBODY where there is none. */
size_t sk_session_find(const struct sk_session *session, const char *participant_id);
size_t sk_session_find_group(const struct sk_session *session, const char *group_id);

/* Whether the session has ended, however it came. */
bool sk_session_ended(const struct sk_session *session);
bool sk_status_ended(enum sk_status status);

/* "pending", …; static storage. */
const char *sk_status_name(enum sk_status status);

/* SK_STATUS_COUNT for a name that is none. */
enum sk_status sk_status_of(const char *name);

/* Whether text is an id as above. */
bool sk_id_valid(const char *text, size_t length);

/* Replaces *slot by a new reference to value (NULL allowed). */
void sk_json_replace(json_t **slot, json_t *value);

#endif

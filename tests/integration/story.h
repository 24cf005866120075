/* What tests tell: sessions are created, acted on and watched, through the stack's web server and its relays. */
#ifndef SK_TESTS_STORY_H
#define SK_TESTS_STORY_H

#include "tests/integration/check.h"
#include "tests/integration/http.h"
#include "tests/integration/json_at.h"
#include "tests/integration/keep.h"
#include "tests/integration/peek.h"
#include "tests/integration/stack.h"
#include "tests/integration/ws_client.h"

/* A chess game: white moves first, five minutes each. */
#define CHESS                                                                                                          \
    "'sync_mode':'per_participant','participants':["                                                                   \
    "{'participant_id':'white','participant_index':0,'total_time_ms':300000},"                                         \
    "{'participant_id':'black','participant_index':1,'total_time_ms':300000}]"

/* A session id that nobody has used; kept until the test is over. */
const char *fresh_id(const char *story);

/* A request to a web server's base URL; body with ' for " and NULL for none. Answers are kept until the test is
 * over. */
struct answer *call_at(const char *base, const char *method, const char *path, const char *body);
struct answer *call(const char *method, const char *path, const char *body);

/* POST /v1/sessions with the id and the configuration's members; expects 201. */
struct answer *create(const char *id, const char *members);
struct answer *create_at(const char *base, const char *id, const char *members);

/* POST /v1/sessions/{id}/{action}. */
struct answer *act(const char *id, const char *action, const char *body);
struct answer *act_at(const char *base, const char *id, const char *action, const char *body);

/* Creates and starts one; expects it to run. */
void create_running(const char *id, const char *members);

/* A game of chess that runs, under an id of its own. */
const char *running(const char *story);

/* So many switches more, each of which may be refused. */
void play_on(const char *id, int switches);

/* GET and DELETE /v1/sessions/{id}. */
struct answer *look(const char *id);
struct answer *look_at(const char *base, const char *id);
struct answer *delete_session(const char *id);

/* A request in a thread of its own, for one that waits while the test goes on; later_answer waits for its end. */
struct later;
struct later *call_later(const char *base, const char *method, const char *path, const char *body);
struct answer *later_answer(struct later *later);
bool later_answered(struct later *later);

/* Waits until a look shows the status. */
void await_status(const char *id, const char *status);

/* The failure that the API promises: status, code, and the form of the body. */
#define EXPECT_STATUS(answer, expected) check_answer((answer), (expected), NULL, #answer, __FILE__, __LINE__)
#define EXPECT_ERROR(answer, expected, code) check_answer((answer), (expected), (code), #answer, __FILE__, __LINE__)
bool check_answer(struct answer *answer, long status, const char *code, const char *what, const char *file, int line);

/* Whether the list error.details names the field. */
bool complains_about(const struct answer *answer, const char *field);

/* GET of a path from a relay's own port. headers: as in a request, NULL for none. */
struct answer *ask_relay(int port, const char *path, const char *headers);

/* Connects to a relay's own port and expects CONNECTED and STATE_SYNC; the client is past both. */
struct ws_client *watch(const char *id, int relay_port);

/* The next message must be of that type: its JSON, kept; an empty object if it is not (and a failed check). */
#define EXPECT_FRAME(client, type) check_frame((client), (type), __FILE__, __LINE__)
json_t *check_frame(struct ws_client *client, const char *type, const char *file, int line);

/* The next two messages must be those of a new connection, CONNECTED and STATE_SYNC; the latter's JSON, kept. */
#define EXPECT_OPENING(client) check_opening((client), __FILE__, __LINE__)
json_t *check_opening(struct ws_client *client, const char *file, int line);

/* The next message must be the STATE_UPDATE of that version. */
#define EXPECT_UPDATE(client, version) check_update((client), (version), __FILE__, __LINE__)
json_t *check_update(struct ws_client *client, int64_t version, const char *file, int line);

/* How many messages of the type have come. */
size_t frames_of(struct ws_client *client, const char *type);

/* The version that the client saw last in a STATE_SYNC or STATE_UPDATE; NOWHERE before the first. */
int64_t version_seen(struct ws_client *client);

/* Waits until every event of a session up to version is in PostgreSQL. */
void await_trail(const char *id, int64_t version);

/* How many of a session's events meet the SQL condition. */
int64_t events_where(const char *id, const char *condition);

/* Waits for a session's trail, which must have so many events: each version once, and each behind the one before. */
void expect_whole_trail(const char *id, int64_t events);

/* Removes a session from PostgreSQL whose trail a test damaged on purpose: what all tests leave behind is verified. */
void forget_trail(const char *id);

#endif

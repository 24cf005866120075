/* The steps that tests are told in. Owns nothing: what it makes is kept until the test is over. */
#include "tests/integration/story.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *fresh_id(const char *story)
{
    static int number;
    return kept_text("%s-%d-%d", story, (int)getpid(), ++number);
}

struct answer *call_at(const char *base, const char *method, const char *path, const char *body)
{
    return http_call(method, kept_text("%s%s", base, path), body, NULL);
}

struct answer *call(const char *method, const char *path, const char *body)
{
    return call_at(stack.url, method, path, body);
}

struct answer *create_at(const char *base, const char *id, const char *members)
{
    struct answer *answer = call_at(base, "POST", "/v1/sessions", kept_text("{'session_id':'%s',%s}", id, members));
    EXPECT_STATUS(answer, 201);
    return answer;
}

struct answer *create(const char *id, const char *members)
{
    return create_at(stack.url, id, members);
}

struct answer *act_at(const char *base, const char *id, const char *action, const char *body)
{
    return call_at(base, "POST", kept_text("/v1/sessions/%s/%s", id, action), body);
}

struct answer *act(const char *id, const char *action, const char *body)
{
    return act_at(stack.url, id, action, body);
}

void create_running(const char *id, const char *members)
{
    create(id, members);
    struct answer *started = act(id, "start", NULL);
    EXPECT_STATUS(started, 200);
    EXPECT_TEXT(text_at(started->body, "data.status"), "running");
}

const char *running(const char *story)
{
    const char *id = fresh_id(story);
    create_running(id, CHESS);
    return id;
}

void play_on(const char *id, int switches)
{
    for (int i = 0; i < switches; i++) {
        act(id, "switch", NULL);
    }
}

struct answer *look_at(const char *base, const char *id)
{
    return call_at(base, "GET", kept_text("/v1/sessions/%s", id), NULL);
}

struct answer *look(const char *id)
{
    return look_at(stack.url, id);
}

struct answer *delete_session(const char *id)
{
    return call("DELETE", kept_text("/v1/sessions/%s", id), NULL);
}

struct later {
    pthread_t thread;
    pthread_mutex_t lock; /* of done */
    bool done;
    bool joined;
    struct request request;
    struct answer answer;
};

static void *send_later(void *argument)
{
    struct later *later = argument;
    http_exchange(&later->request, &later->answer);
    http_thread_end();
    pthread_mutex_lock(&later->lock);
    later->done = true;
    pthread_mutex_unlock(&later->lock);
    return NULL;
}

static void release_later(void *object)
{
    struct later *later = object;
    (void)later_answer(later);
    answer_clear(&later->answer);
    free(later);
}

struct later *call_later(const char *base, const char *method, const char *path, const char *body)
{
    struct later *later = calloc(1, sizeof(*later));
    if (!later) {
        abort();
    }
    later->request = (struct request){.method = method, .url = kept_text("%s%s", base, path)};
    if (body) {
        later->request.body = json_quoted(body);
        later->request.body_bytes = strlen(later->request.body);
    }
    pthread_mutex_init(&later->lock, NULL);
    if (pthread_create(&later->thread, NULL, send_later, later)) {
        abort();
    }
    return keep(later, release_later);
}

struct answer *later_answer(struct later *later)
{
    if (!later->joined) {
        pthread_join(later->thread, NULL);
        later->joined = true;
    }
    return &later->answer;
}

bool later_answered(struct later *later)
{
    pthread_mutex_lock(&later->lock);
    const bool done = later->done;
    pthread_mutex_unlock(&later->lock);
    return done;
}

void await_status(const char *id, const char *status)
{
    EVENTUALLY(strcmp(text_at(look(id)->body, "data.status"), status) == 0);
}

static void print_answer(const struct answer *answer, const char *what, const char *file, int line)
{
    printf("\n    %s:%d: %s was answered with %ld: %.600s", file, line, what, answer->status,
           answer->text ? answer->text : "(nothing)");
    fflush(stdout);
}

bool check_answer(struct answer *answer, long status, const char *code, const char *what, const char *file, int line)
{
    const bool right = answer->status == status && (!code || strcmp(text_at(answer->body, "error.code"), code) == 0) &&
                       (!code || json_is_string(json_at(answer->body, "error.message")));
    if (!right) {
        print_answer(answer, what, file, line);
    }
    return check_true(right, code ? kept_text("%s: %ld %s", what, status, code) : kept_text("%s: %ld", what, status),
                      file, line, false);
}

bool complains_about(const struct answer *answer, const char *field)
{
    const json_t *details = json_at(answer->body, "error.details");
    for (size_t i = 0; i < json_array_size(details); i++) {
        json_t *problem = json_array_get(details, i);
        if (strcmp(text_at(problem, "field"), field) == 0 && json_is_string(json_at(problem, "message"))) {
            return true;
        }
    }
    return false;
}

struct answer *ask_relay(int port, const char *path, const char *headers)
{
    return http_call("GET", kept_text("http://127.0.0.1:%d%s", port, path), NULL, headers);
}

struct ws_client *watch(const char *id, int relay_port)
{
    struct ws_client *client = ws_open(relay_port, kept_text("/ws?sessionId=%s", id));
    EXPECT_OPENING(client);
    return client;
}

static void release_json(void *json)
{
    json_decref(json);
}

json_t *check_frame(struct ws_client *client, const char *type, const char *file, int line)
{
    const struct ws_message *message = ws_next(client);
    const char *found = message ? text_at(message->json, "type") : "(nothing came)";
    if (strcmp(found, type) != 0) {
        printf("\n    %s:%d: expected %s, but: %.600s (closed: %d)", file, line, type,
               message ? message->text : "nothing came", ws_code_now(client));
    }
    check_true(strcmp(found, type) == 0, kept_text("the next message is %s", type), file, line, false);
    return message && message->json ? message->json : keep(json_object(), release_json);
}

json_t *check_opening(struct ws_client *client, const char *file, int line)
{
    check_true(client != NULL, "a connection is opened", file, line, true);
    check_frame(client, "CONNECTED", file, line);
    return check_frame(client, "STATE_SYNC", file, line);
}

json_t *check_update(struct ws_client *client, int64_t version, const char *file, int line)
{
    json_t *update = check_frame(client, "STATE_UPDATE", file, line);
    check_int(int_at(update, "payload.version"), version, "payload.version", file, line);
    return update;
}

size_t frames_of(struct ws_client *client, const char *type)
{
    size_t number = 0;
    const size_t count = ws_count(client);
    for (size_t i = 0; i < count; i++) {
        number += strcmp(text_at(ws_message_at(client, i)->json, "type"), type) == 0;
    }
    return number;
}

int64_t version_seen(struct ws_client *client)
{
    int64_t version = NOWHERE;
    const size_t count = ws_count(client);
    for (size_t i = 0; i < count; i++) {
        const int64_t found = int_at(ws_message_at(client, i)->json, "payload.version");
        version = found == NOWHERE ? version : found;
    }
    return version;
}

void await_trail(const char *id, int64_t version)
{
    EVENTUALLY(sql_int("SELECT count(DISTINCT version) FROM sync_events WHERE session_id = '%s' AND version <= %lld",
                       id, (long long)version) >= version);
}

int64_t events_where(const char *id, const char *condition)
{
    return sql_int("SELECT count(*) FROM sync_events WHERE session_id = '%s' AND %s", id, condition);
}

/* A gap or a doubled version shows in the numbers, a branch in the chain. */
void expect_whole_trail(const char *id, int64_t events)
{
    await_trail(id, events);
    EXPECT_INT(events_where(id, "true"), events);
    EXPECT_INT(sql_int("SELECT count(DISTINCT version) FROM sync_events WHERE session_id = '%s'", id), events);
    EXPECT_INT(sql_int("SELECT max(version) FROM sync_events WHERE session_id = '%s'", id), events);
    EXPECT_INT(sql_int("SELECT count(*) FROM (SELECT prev_event_id, lag(event_id) OVER (ORDER BY version) AS before "
                       "FROM sync_events WHERE session_id = '%s') e WHERE prev_event_id IS DISTINCT FROM before",
                       id),
               0);
}

void forget_trail(const char *id)
{
    (void)sql_int("DELETE FROM sync_events WHERE session_id = '%s' RETURNING 1", id);
    (void)sql_int("DELETE FROM sync_sessions WHERE session_id = '%s' RETURNING 1", id);
}

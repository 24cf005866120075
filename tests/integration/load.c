/* The threads that play. Each owns its connection and its share of the sessions: nobody else moves these, so that it
 * knows whose turn it is until an answer fails to come; then it looks. */
#include "tests/integration/load.h"

#include "tests/integration/story.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BODY_MAX 16384
#define ANSWER_PATIENCE_MS 10000 /* for one answer */
#define LATE_US 100000           /* who is later than this begins to count anew */

struct seat {
    const char *id;
    char active[80]; /* whose turn it is; "": not known */
    long requests;
    struct load_move *moves; /* owned */
    size_t count;
    size_t room;
};

struct load {
    struct load_spec spec;
    struct seat *seats; /* owned */
    struct hand *hands; /* owned */
    size_t hand_count;
    atomic_bool stop;
    bool stopped;
    atomic_long moves;
    atomic_long refused;
    atomic_long unavailable;
    atomic_long broken;
    pthread_mutex_t lock; /* of surprise */
    char surprise[300];
};

/* One thread; it has every seat from its own number on in steps of the threads' number. */
struct hand {
    struct load *load;
    size_t number;
    pthread_t thread;
    CURL *curl;
    struct curl_slist *lines; /* the headers that never change */
    size_t length;
    char body[BODY_MAX]; /* of the answer, NUL-terminated */
};

/* --- one request ------------------------------------------------------------------------------------------------ */

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct hand *hand = context;
    const size_t length = size * count;
    if (length >= sizeof(hand->body) - hand->length) {
        return 0;
    }
    memcpy(hand->body + hand->length, bytes, length);
    hand->length += length;
    hand->body[hand->length] = '\0';
    return length;
}

/* The status; 0: no answer. The answer's body is in the hand. */
static long ask(struct hand *hand, const char *method, const char *url, const char *body, const char *request_id)
{
    char line[LOAD_REQUEST_BYTES + 20];
    (void)snprintf(line, sizeof(line), "X-Request-Id: %s", request_id);
    struct curl_slist first = {.data = line, .next = hand->lines};
    long status = 0;
    hand->length = 0;
    hand->body[0] = '\0';
    curl_easy_setopt(hand->curl, CURLOPT_URL, url);
    curl_easy_setopt(hand->curl, CURLOPT_HTTPHEADER, &first);
    if (body) {
        curl_easy_setopt(hand->curl, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
        curl_easy_setopt(hand->curl, CURLOPT_COPYPOSTFIELDS, body);
    } else {
        curl_easy_setopt(hand->curl, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(hand->curl, CURLOPT_CUSTOMREQUEST, method);
    if (curl_easy_perform(hand->curl) == CURLE_OK) {
        curl_easy_getinfo(hand->curl, CURLINFO_RESPONSE_CODE, &status);
    }
    return status;
}

/* Takes the version and whose turn it is out of an answer; NOWHERE where it is none of a session. */
static int64_t learn(const struct hand *hand, struct seat *seat)
{
    json_t *answer = json_loadb(hand->body, hand->length, 0, NULL);
    const int64_t version = int_at(answer, "data.version");
    const char *active = text_at(answer, "data.active_participant_id");
    const bool somebody = version != NOWHERE && active[0] != '(';
    (void)snprintf(seat->active, sizeof(seat->active), "%s", somebody ? active : "");
    json_decref(answer);
    return version;
}

static void note_broken(struct load *load, const struct hand *hand, long status)
{
    atomic_fetch_add(&load->broken, 1);
    pthread_mutex_lock(&load->lock);
    (void)snprintf(load->surprise, sizeof(load->surprise), "%ld %.200s", status, hand->body);
    pthread_mutex_unlock(&load->lock);
}

static void note_move(struct seat *seat, int64_t version)
{
    if (seat->count == seat->room) {
        seat->room = seat->room ? 2 * seat->room : 256;
        seat->moves = realloc(seat->moves, seat->room * sizeof(*seat->moves));
        if (!seat->moves) {
            abort();
        }
    }
    seat->moves[seat->count++] =
        (struct load_move){.version = version, .answered_us = now_us(), .request = seat->requests};
}

static void look_at_seat(struct hand *hand, struct seat *seat)
{
    char url[256];
    (void)snprintf(url, sizeof(url), "%s/v1/sessions/%s", hand->load->spec.base, seat->id);
    if (ask(hand, "GET", url, NULL, "load-look") == 200) {
        (void)learn(hand, seat);
    }
}

static void move(struct hand *hand, size_t number)
{
    struct load *load = hand->load;
    struct seat *seat = &load->seats[number];
    char url[256];
    char body[160];
    char id[LOAD_REQUEST_BYTES];
    seat->requests++;
    load_request_id(load, number, seat->requests, id);
    (void)snprintf(url, sizeof(url), "%s/v1/sessions/%s/switch", load->spec.base, seat->id);
    (void)snprintf(body, sizeof(body), "{\"current_participant_id\":\"%s\"}", seat->active);
    const long status = ask(hand, "POST", url, body, id);
    const int64_t version = status == 200 ? learn(hand, seat) : NOWHERE;
    if (version != NOWHERE) {
        note_move(seat, version);
        atomic_fetch_add(&load->moves, 1);
        return;
    }
    seat->active[0] = '\0';
    if (status == 400 || status == 409) {
        atomic_fetch_add(&load->refused, 1);
    } else if (status == 503) {
        atomic_fetch_add(&load->unavailable, 1);
    } else {
        note_broken(load, hand, status);
    }
}

/* --- a thread --------------------------------------------------------------------------------------------------- */

static void open_hand(struct hand *hand)
{
    hand->curl = curl_easy_init();
    hand->lines = curl_slist_append(NULL, "Expect:");
    hand->lines = curl_slist_append(hand->lines, "Content-Type: application/json");
    if (!hand->curl || !hand->lines) {
        abort();
    }
    curl_easy_setopt(hand->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(hand->curl, CURLOPT_PROXY, "");
    curl_easy_setopt(hand->curl, CURLOPT_TIMEOUT_MS, (long)ANSWER_PATIENCE_MS);
    curl_easy_setopt(hand->curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(hand->curl, CURLOPT_WRITEDATA, (void *)hand);
}

static void sleep_until(int64_t at_us)
{
    const struct timespec at = {.tv_sec = at_us / 1000000, .tv_nsec = at_us % 1000000 * 1000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR) {
    }
}

static void *play(void *argument)
{
    struct hand *hand = argument;
    struct load *load = hand->load;
    const int64_t step_us = (int64_t)load->hand_count * 1000000 / load->spec.rate;
    int64_t next_us = now_us() + step_us * (int64_t)hand->number / (int64_t)load->hand_count;
    size_t seat = hand->number;
    open_hand(hand);
    while (!atomic_load(&load->stop)) {
        sleep_until(next_us);
        if (!load->seats[seat].active[0]) {
            look_at_seat(hand, &load->seats[seat]);
        }
        if (load->seats[seat].active[0]) {
            move(hand, seat);
        }
        seat = seat + load->hand_count < load->spec.sessions ? seat + load->hand_count : hand->number;
        next_us = now_us() > next_us + LATE_US ? now_us() + step_us : next_us + step_us;
    }
    curl_slist_free_all(hand->lines);
    curl_easy_cleanup(hand->curl);
    return NULL;
}

/* --- all of it -------------------------------------------------------------------------------------------------- */

void load_stop(struct load *load)
{
    atomic_store(&load->stop, true);
    for (size_t i = 0; !load->stopped && i < load->hand_count; i++) {
        pthread_join(load->hands[i].thread, NULL);
    }
    load->stopped = true;
}

static void release(void *object)
{
    struct load *load = object;
    load_stop(load);
    for (size_t i = 0; i < load->spec.sessions; i++) {
        free(load->seats[i].moves);
    }
    free(load->seats);
    free(load->hands);
    pthread_mutex_destroy(&load->lock);
    free(load);
}

struct load *load_start(const struct load_spec *spec)
{
    struct load *load = calloc(1, sizeof(*load));
    struct seat *seats = calloc(spec->sessions, sizeof(*seats));
    struct hand *hands = calloc(spec->threads, sizeof(*hands));
    if (!load || !seats || !hands || pthread_mutex_init(&load->lock, NULL)) {
        abort();
    }
    load->spec = *spec;
    load->seats = seats;
    load->hands = hands;
    for (size_t i = 0; i < spec->sessions; i++) {
        seats[i].id = fresh_id(spec->story);
        create_running(seats[i].id, spec->members);
    }
    load->hand_count = spec->threads < spec->sessions ? spec->threads : spec->sessions;
    keep(load, release); /* after the ids: it is given back before them */
    for (size_t i = 0; i < load->hand_count; i++) {
        hands[i].load = load;
        hands[i].number = i;
        if (pthread_create(&hands[i].thread, NULL, play, &hands[i])) {
            abort();
        }
    }
    return load;
}

void load_count(struct load *load, struct load_counts *counts)
{
    counts->moves = atomic_load(&load->moves);
    counts->refused = atomic_load(&load->refused);
    counts->unavailable = atomic_load(&load->unavailable);
    counts->broken = atomic_load(&load->broken);
    pthread_mutex_lock(&load->lock);
    (void)snprintf(counts->surprise, sizeof(counts->surprise), "%s", load->surprise);
    pthread_mutex_unlock(&load->lock);
}

bool load_await_moves(struct load *load, long more)
{
    const long enough = atomic_load(&load->moves) + more;
    const int64_t give_up_us = now_us() + INT64_C(1000) * PATIENCE_MS;
    while (atomic_load(&load->moves) < enough && now_us() < give_up_us) {
        nap();
    }
    return atomic_load(&load->moves) >= enough;
}

size_t load_sessions(const struct load *load)
{
    return load->spec.sessions;
}

const char *load_session_id(const struct load *load, size_t session)
{
    return load->seats[session].id;
}

const struct load_move *load_moves(const struct load *load, size_t session, size_t *count)
{
    *count = load->seats[session].count;
    return load->seats[session].moves;
}

void load_request_id(const struct load *load, size_t session, long request, char out[LOAD_REQUEST_BYTES])
{
    (void)snprintf(out, LOAD_REQUEST_BYTES, "%s-%ld", load->seats[session].id, request);
}

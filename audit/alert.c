/* Alerts. Owns the thread that sends them, and one place for each kind, in which the newest waits:
 *
 *   whoever raises one ──► place of its kind ──(at most one a minute)──► thread ──► POST, up to 3 attempts
 *
 * Knows nothing of events, and never lets anybody but its thread wait for the network. */
#include "audit/alert.h"

#include "common/iso_time.h"
#include "common/json_writer.h"
#include "common/server_clock.h"
#include "common/utf8.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define APART_MS 60000 /* between two of a kind */
#define ATTEMPTS 3
#define PAUSE_MS 2000 /* between attempts */
#define CONNECT_MS 2000L
#define ANSWER_MS 5000L /* connecting included */
#define CLOSE_MS 1800   /* what a closing thread is given, the rest of 2 s for its end */
#define TEXT_BYTES 400  /* of a text in an alert; what is longer is cut */

struct place {
    struct sk_buffer body; /* owned, without its end; empty: nothing waits */
    int64_t left_out;      /* for which it stands beside itself */
    int64_t next_ms;       /* monotonic: before that nothing of this kind is sent */
};

struct sk_alert {
    const char *url; /* borrowed */
    char host[65];
    CURL *curl; /* the thread's alone */
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    struct place places[SK_ALERT_KIND_COUNT];
    int64_t close_at_ms; /* monotonic: the thread must have ended; 0: it may go on */
};

static const char *const kinds[] = {"audit_event_failed", "audit_backlog", "audit_failed_many", "audit_dropping"};
_Static_assert(sizeof kinds / sizeof kinds[0] == SK_ALERT_KIND_COUNT, "a name for each kind");

static int64_t now_ms(void)
{
    return sk_monotonic_us() / 1000;
}

/* --- what is said ----------------------------------------------------------------------------------------------- */

static void write_text(struct sk_json_writer *writer, const char *key, const char *text)
{
    char shown[TEXT_BYTES];
    sk_utf8_format(shown, sizeof shown, "%.*s", (int)sizeof shown, text);
    sk_json_string(writer, key, shown);
}

/* The body up to the members of details: how many it stands for is known only when it is sent. */
static void write_body(struct sk_alert *alert, struct sk_buffer *body, enum sk_alert_kind kind, const char *text,
                       const struct sk_log_field *fields, size_t count)
{
    struct timespec now = {0};
    char time[SK_ISO_TIME_BYTES];
    (void)clock_gettime(CLOCK_REALTIME, &now);
    sk_buffer_reset(body);
    struct sk_json_writer writer = {.out = body};
    sk_json_object(&writer, NULL);
    sk_json_string(&writer, "service", "synckairos");
    sk_json_string(&writer, "kind", kinds[kind]);
    write_text(&writer, "text", text);
    write_text(&writer, "host", alert->host);
    sk_json_string(&writer, "time", sk_iso_time((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, time));
    sk_json_object(&writer, "details");
    for (size_t i = 1; i < count; i++) {
        if (!fields[i].text) {
            sk_json_int(&writer, fields[i].key, fields[i].number);
        } else if (fields[i].text[0] != '\0') {
            write_text(&writer, fields[i].key, fields[i].text);
        }
    }
}

static void end_body(struct sk_buffer *body, int64_t left_out)
{
    bool bare = body->length > 0 && body->data[body->length - 1] == '{';
    struct sk_json_writer writer = {.out = body, .comma = !bare};
    if (left_out > 0) {
        sk_json_int(&writer, "left_out", left_out);
    }
    sk_json_object_end(&writer);
    sk_json_object_end(&writer);
}

void sk_alert_raise(struct sk_alert *alert, enum sk_alert_kind kind, const char *text,
                    const struct sk_log_field *fields, size_t count)
{
    if (!alert) {
        return;
    }
    pthread_mutex_lock(&alert->lock);
    struct place *place = &alert->places[kind];
    place->left_out += place->body.length > 0;
    write_body(alert, &place->body, kind, text, fields, count);
    if (place->body.failed) {
        sk_buffer_clear(&place->body);
    }
    pthread_cond_signal(&alert->changed);
    pthread_mutex_unlock(&alert->lock);
}

/* --- sending ---------------------------------------------------------------------------------------------------- */

static size_t ignore_answer(char *data, size_t size, size_t count, void *unused)
{
    (void)data;
    (void)unused;
    return size * count;
}

static bool is_taken(CURL *curl, long *status)
{
    return curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status) == CURLE_OK && *status >= 200 && *status < 300;
}

/* The status says all: once the head is whole and good, nobody waits for a body that may never end. */
static size_t look_at_head(char *line, size_t size, size_t count, void *curl)
{
    long status = 0;
    bool is_whole = size * count <= 2 && line[0] != '\0' && line[0] <= '\r';
    return is_whole && is_taken(curl, &status) ? 0 : size * count;
}

static int64_t closing_at(struct sk_alert *alert)
{
    pthread_mutex_lock(&alert->lock);
    int64_t at_ms = alert->close_at_ms;
    pthread_mutex_unlock(&alert->lock);
    return at_ms;
}

/* libcurl asks about once a second, and whenever something moves: often enough for a close within 2 s. */
static int give_up(void *context, curl_off_t total, curl_off_t done, curl_off_t up_total, curl_off_t up_done)
{
    (void)total, (void)done, (void)up_total, (void)up_done;
    int64_t end_ms = closing_at(context);
    return end_ms != 0 && now_ms() >= end_ms - 1000;
}

/* True: the receiver has taken it. why: static, and without the URL, as libcurl's own texts may not be. */
static bool post(struct sk_alert *alert, const struct sk_buffer *body, const char **why, long *status)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    int64_t end_ms = closing_at(alert);
    int64_t left_ms = end_ms != 0 ? end_ms - now_ms() : ANSWER_MS;
    CURL *curl = alert->curl;
    *status = 0;
    *why = "there is no time left";
    if (!headers || left_ms <= 0) {
        curl_slist_free_all(headers);
        return false;
    }
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, alert->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L); /* a name that nobody resolves holds up no end */
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, left_ms < ANSWER_MS ? (long)left_ms : ANSWER_MS);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, give_up);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, alert);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore_answer);
    curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* a proxy's head is none of the receiver's */
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, look_at_head);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, curl);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "synckairos-audit");
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, sk_buffer_text(body));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->length);
    CURLcode result = curl_easy_perform(curl);
    bool taken = is_taken(curl, status);
    *why = result == CURLE_OK ? "the receiver refused it" : curl_easy_strerror(result);
    curl_slist_free_all(headers);
    return taken;
}

/* Waits under the lock until something changes, but not past at_ms (0: whenever that is). */
static void wait_until(struct sk_alert *alert, int64_t at_ms)
{
    if (at_ms == 0) {
        pthread_cond_wait(&alert->changed, &alert->lock);
        return;
    }
    struct timespec at = {.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000};
    (void)pthread_cond_timedwait(&alert->changed, &alert->lock, &at);
}

/* True: the thread is to end. */
static bool pause_between_attempts(struct sk_alert *alert)
{
    int64_t end_ms = now_ms() + PAUSE_MS;
    pthread_mutex_lock(&alert->lock);
    while (alert->close_at_ms == 0 && now_ms() < end_ms) {
        wait_until(alert, end_ms);
    }
    bool closing = alert->close_at_ms != 0;
    pthread_mutex_unlock(&alert->lock);
    return closing;
}

static void send_with_patience(struct sk_alert *alert, const char *kind, const struct sk_buffer *body)
{
    const char *why = "";
    long status = 0;
    for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
        if (post(alert, body, &why, &status)) {
            sk_log(SK_LOG_DEBUG, "an alert was sent", SK_S("kind", kind));
            return;
        }
        if (attempt < ATTEMPTS && pause_between_attempts(alert)) {
            break;
        }
    }
    sk_log(SK_LOG_WARN, "an alert could not be sent", SK_S("kind", kind), SK_S("error", why),
           SK_I("status", (int64_t)status));
}

/* Takes the body of a kind whose turn it is, or says when one's will be (0: nothing waits). While closing it is
 * everybody's. */
static bool take_due(struct sk_alert *alert, struct sk_buffer *body, enum sk_alert_kind *kind, int64_t *next_ms)
{
    *next_ms = 0;
    for (size_t i = 0; i < SK_ALERT_KIND_COUNT; i++) {
        struct place *place = &alert->places[i];
        if (place->body.length == 0) {
            continue;
        }
        if (alert->close_at_ms != 0 || now_ms() >= place->next_ms) {
            end_body(&place->body, place->left_out);
            *body = place->body;
            *kind = (enum sk_alert_kind)i;
            *place = (struct place){.next_ms = now_ms() + APART_MS};
            return true;
        }
        *next_ms = *next_ms == 0 || place->next_ms < *next_ms ? place->next_ms : *next_ms;
    }
    return false;
}

static void *send_all(void *context)
{
    struct sk_alert *alert = context;
    pthread_mutex_lock(&alert->lock);
    for (;;) {
        struct sk_buffer body;
        enum sk_alert_kind kind;
        int64_t next_ms;
        if (take_due(alert, &body, &kind, &next_ms)) {
            pthread_mutex_unlock(&alert->lock);
            send_with_patience(alert, kinds[kind], &body);
            sk_buffer_clear(&body);
            pthread_mutex_lock(&alert->lock);
        } else if (alert->close_at_ms != 0) {
            break;
        } else {
            wait_until(alert, next_ms);
        }
    }
    pthread_mutex_unlock(&alert->lock);
    return NULL;
}

/* --- start and end ---------------------------------------------------------------------------------------------- */

/* A condition that is waited for by the monotonic clock, as all of this is. */
static bool init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0) {
        return false;
    }
    bool made =
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 && pthread_cond_init(condition, &attributes) == 0;
    (void)pthread_condattr_destroy(&attributes);
    return made;
}

enum sk_code sk_alert_open(const char *url, struct sk_alert **alert, struct sk_error *error)
{
    *alert = NULL;
    if (url[0] == '\0') {
        return SK_OK;
    }
    struct sk_alert *made = calloc(1, sizeof *made);
    CURL *curl = made ? curl_easy_init() : NULL;
    if (!curl) {
        free(made);
        return sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
    }
    made->url = url;
    made->curl = curl;
    (void)gethostname(made->host, sizeof made->host - 1);
    if (!init_condition(&made->changed) || pthread_mutex_init(&made->lock, NULL) != 0 ||
        pthread_create(&made->thread, NULL, send_all, made) != 0) {
        curl_easy_cleanup(curl);
        free(made);
        return sk_fail(error, SK_INTERNAL_ERROR, "the thread that sends alerts cannot be started");
    }
    *alert = made;
    return SK_OK;
}

void sk_alert_close(struct sk_alert *alert)
{
    if (!alert) {
        return;
    }
    pthread_mutex_lock(&alert->lock);
    alert->close_at_ms = now_ms() + CLOSE_MS;
    pthread_cond_signal(&alert->changed);
    pthread_mutex_unlock(&alert->lock);
    (void)pthread_join(alert->thread, NULL);
    for (size_t i = 0; i < SK_ALERT_KIND_COUNT; i++) {
        sk_buffer_clear(&alert->places[i].body);
    }
    pthread_cond_destroy(&alert->changed);
    pthread_mutex_destroy(&alert->lock);
    curl_easy_cleanup(alert->curl);
    free(alert);
}

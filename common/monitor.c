/* Answering on METRICS_PORT by libmicrohttpd, a thread for each connection. Owns the listening socket until the daemon
 * has it, the list of who is connected, and the Redis connection, which one thread at a time uses: /health never waits
 * for it, and nobody for long. */
#include "common/monitor.h"

#include "common/json_writer.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/redis.h"
#include "common/scrape.h"
#include "common/server_clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 16
#define LEAVING_MAX 2 /* of those that have had to go, and whose threads have not ended */
#define PLACES (CONNECTIONS_MAX + LEAVING_MAX)
#define STAY_US (INT64_C(2) * 1000 * 1000)
#define SILENCE_S 10
#define TURN_S 1                      /* so long a thread waits until another has done with Redis */
#define HEAD_BYTES ((size_t)8 * 1024) /* of one connection: what it sends, and our answer's head */
#define STACK_BYTES ((size_t)256 * 1024)
#define BACKLOG 16
#define TYPE_JSON "application/json; charset=utf-8"

/* A connection, while it lasts. */
struct place {
    bool taken;
    bool leaving; /* shut down; its thread finds out */
    int fd;       /* the daemon's */
    int64_t since_us;
};

struct sk_monitor {
    struct sk_monitor_need need;
    struct sk_redis *redis; /* owned; under the lock, with what is needed besides */
    pthread_mutex_t lock;
    atomic_bool closing;
    struct place places[PLACES]; /* under a lock of their own */
    pthread_mutex_t places_lock;
    struct MHD_Daemon *daemon;
};

/* --- answers ---------------------------------------------------------------------------------------------------- */

struct page {
    unsigned status;
    const char *type;
    struct sk_buffer body;
};

/* Waits for the turn to use Redis and what is needed besides; false: it did not come in time, or the end has. */
static bool take_turn(struct sk_monitor *monitor)
{
    struct timespec until = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += TURN_S;
    if (pthread_mutex_clocklock(&monitor->lock, CLOCK_MONOTONIC, &until) != 0) {
        return false;
    }
    if (atomic_load(&monitor->closing)) {
        pthread_mutex_unlock(&monitor->lock);
        return false;
    }
    return true;
}

static void end_turn(struct sk_monitor *monitor)
{
    pthread_mutex_unlock(&monitor->lock);
}

static bool measure(struct sk_monitor *monitor, struct sk_readings *readings)
{
    struct sk_error error = {SK_OK, "another request waits for it"};
    bool measured = false;
    if (take_turn(monitor)) {
        measured = sk_readings_take(monitor->redis, readings, &error) == SK_OK;
        end_turn(monitor);
    }
    if (!measured) {
        sk_log(SK_LOG_DEBUG, "Redis not measured", SK_S("error", error.text));
    }
    return measured;
}

static void write_metrics(struct sk_monitor *monitor, struct page *page)
{
    struct sk_readings readings;
    bool measured = measure(monitor, &readings);
    page->type = SK_METRICS_TYPE;
    sk_scrape_write(&page->body, measured ? &readings : NULL);
}

static void write_health(struct sk_monitor *monitor, struct page *page)
{
    (void)monitor;
    struct sk_json_writer writer = {.out = &page->body};
    sk_json_object(&writer, NULL);
    sk_json_string(&writer, "status", "ok");
    sk_json_object_end(&writer);
}

static bool redis_answers(struct sk_redis *redis)
{
    struct sk_error error;
    redisReply *reply = sk_redis_command(redis, &error, "PING");
    freeReplyObject(reply);
    return reply != NULL;
}

enum finding { UNAVAILABLE, AVAILABLE, UNKNOWN };

static void write_ready(struct sk_monitor *monitor, struct page *page)
{
    static const char *const words[] = {[UNAVAILABLE] = "unavailable", [AVAILABLE] = "ok", [UNKNOWN] = "unknown"};
    const struct sk_monitor_need *need = &monitor->need;
    enum finding redis = UNKNOWN;
    enum finding rest = UNKNOWN;
    if (take_turn(monitor)) {
        redis = redis_answers(monitor->redis) ? AVAILABLE : UNAVAILABLE;
        rest = !need->name || need->reachable(need->context) ? AVAILABLE : UNAVAILABLE;
        end_turn(monitor);
    }
    bool ready = redis == AVAILABLE && rest == AVAILABLE;
    page->status = ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
    struct sk_json_writer writer = {.out = &page->body};
    sk_json_object(&writer, NULL);
    sk_json_string(&writer, "status", ready ? "ready" : "unavailable");
    sk_json_object(&writer, "checks");
    sk_json_string(&writer, "redis", words[redis]);
    if (need->name) {
        sk_json_string(&writer, need->name, words[rest]);
    }
    sk_json_object_end(&writer);
    sk_json_object_end(&writer);
}

static void write_error(struct page *page, unsigned status, const char *code, const char *message)
{
    page->status = status;
    struct sk_json_writer writer = {.out = &page->body};
    sk_json_object(&writer, NULL);
    sk_json_object(&writer, "error");
    sk_json_string(&writer, "code", code);
    sk_json_string(&writer, "message", message);
    sk_json_object_end(&writer);
    sk_json_object_end(&writer);
}

static const struct {
    const char *path;
    void (*write)(struct sk_monitor *monitor, struct page *page);
} routes[] = {{"/metrics", write_metrics}, {"/health", write_health}, {"/ready", write_ready}};

static void write_page(struct sk_monitor *monitor, const char *method, const char *path, struct page *page)
{
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (strcmp(path, routes[i].path) != 0) {
            continue;
        }
        if (strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0) {
            routes[i].write(monitor, page);
        } else {
            write_error(page, MHD_HTTP_METHOD_NOT_ALLOWED, sk_code_name(SK_METHOD_NOT_ALLOWED),
                        "this can only be read");
        }
        return;
    }
    write_error(page, MHD_HTTP_NOT_FOUND, sk_code_name(SK_NOT_FOUND), "no such route");
}

/* --- connections ------------------------------------------------------------------------------------------------ */

/* Of two that are there, who has to go first. */
static bool is_older(const struct place *place, const struct place *than)
{
    return place->taken && !place->leaving && place->since_us < than->since_us;
}

/* One more has come than may stay: the oldest makes room, unless it has not had its time; then it is the newcomer. */
static void make_room(struct sk_monitor *monitor, struct place *newcomer)
{
    struct place *oldest = newcomer;
    for (size_t i = 0; i < PLACES; i++) {
        oldest = is_older(&monitor->places[i], oldest) ? &monitor->places[i] : oldest;
    }
    struct place *goes = newcomer->since_us - oldest->since_us >= STAY_US ? oldest : newcomer;
    goes->leaving = true;
    (void)shutdown(goes->fd, SHUT_RDWR);
}

static struct place *take_place(struct sk_monitor *monitor, int fd)
{
    struct place *own = NULL;
    size_t staying = 1;
    for (size_t i = 0; i < PLACES; i++) {
        struct place *place = &monitor->places[i];
        own = own || place->taken ? own : place;
        staying += place->taken && !place->leaving;
    }
    if (!own) {
        (void)shutdown(fd, SHUT_RDWR);
        return NULL;
    }
    *own = (struct place){.taken = true, .fd = fd, .since_us = sk_monotonic_us()};
    if (staying > CONNECTIONS_MAX) {
        make_room(monitor, own);
    }
    return own;
}

/* The daemon calls it when a connection begins, and before it closes its socket. own: the connection's struct place. */
static void attend(void *context, struct MHD_Connection *connection, void **own,
                   enum MHD_ConnectionNotificationCode what)
{
    struct sk_monitor *monitor = context;
    pthread_mutex_lock(&monitor->places_lock);
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        *own = take_place(monitor, info->connect_fd);
    } else if (*own) {
        *(struct place *)*own = (struct place){.taken = false};
    }
    pthread_mutex_unlock(&monitor->places_lock);
}

/* --- libmicrohttpd ---------------------------------------------------------------------------------------------- */

static bool add_headers(struct MHD_Response *response, const struct page *page)
{
    bool good = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, page->type) == MHD_YES &&
                MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") == MHD_YES &&
                MHD_add_response_header(response, "X-Content-Type-Options", "nosniff") == MHD_YES;
    if (good && page->status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        good = MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD") == MHD_YES;
    }
    if (good && page->status == MHD_HTTP_SERVICE_UNAVAILABLE) {
        good = MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1") == MHD_YES;
    }
    return good;
}

/* No path of ours has an escape; decoded, %00 would end one early. */
static size_t leave_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context, (void)connection;
    return strlen(text);
}

/* Called first when the head is there: a body is not waited for. MHD_NO closes the connection. */
static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *path, const char *method,
                              const char *version, const char *upload, size_t *upload_bytes, void **request)
{
    (void)version, (void)upload, (void)upload_bytes, (void)request;
    struct page page = {.status = MHD_HTTP_OK, .type = TYPE_JSON};
    write_page(context, method, path, &page);
    struct MHD_Response *response = NULL;
    if (!page.body.failed) {
        response = MHD_create_response_from_buffer(page.body.length, page.body.data, MHD_RESPMEM_MUST_COPY);
    }
    enum MHD_Result result = MHD_NO;
    if (response && add_headers(response, &page)) {
        result = MHD_queue_response(connection, page.status, response);
    }
    if (response) {
        MHD_destroy_response(response);
    }
    sk_buffer_clear(&page.body);
    return result;
}

/* --- beginning and end ------------------------------------------------------------------------------------------ */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t read_address(const char *text, int64_t port, union address *address)
{
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, text, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons((uint16_t)port);
        return sizeof address->v4;
    }
    (void)inet_pton(AF_INET6, text, &address->v6.sin6_addr); /* the configuration has no other addresses */
    address->v6.sin6_family = AF_INET6;
    address->v6.sin6_port = htons((uint16_t)port);
    return sizeof address->v6;
}

/* The socket, owned; -1 with errno. */
static int listen_on(const char *text, int64_t port)
{
    const int on = 1;
    union address address;
    socklen_t bytes = read_address(text, port, &address);
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
                    bind(fd, &address.any, bytes) != 0 || listen(fd, BACKLOG) != 0)) {
        int why = errno;
        (void)close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

/* Takes the socket. The threads inherit that they hear no signal: those are the program's. */
static struct MHD_Daemon *start(struct sk_monitor *monitor, int fd)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC, 0, NULL, NULL,
        answer, monitor, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)PLACES,
        MHD_OPTION_NOTIFY_CONNECTION, attend, monitor, MHD_OPTION_UNESCAPE_CALLBACK, leave_escapes, NULL,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SILENCE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEAD_BYTES,
        MHD_OPTION_THREAD_STACK_SIZE, STACK_BYTES, MHD_OPTION_END);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!daemon) {
        (void)close(fd);
    }
    return daemon;
}

static enum sk_code open_all(struct sk_monitor *monitor, const struct sk_config *config,
                             const struct sk_redis_url *redis, struct sk_error *error)
{
    monitor->redis = sk_redis_new(redis, config->redis_timeout_ms);
    if (!monitor->redis) {
        return sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
    }
    int fd = listen_on(config->bind, config->metrics_port);
    if (fd < 0) {
        return sk_fail(error, SK_VALIDATION_ERROR, "METRICS_PORT %lld on %s: %s", (long long)config->metrics_port,
                       config->bind, strerrordesc_np(errno));
    }
    monitor->daemon = start(monitor, fd);
    return monitor->daemon ? SK_OK : sk_fail(error, SK_INTERNAL_ERROR, "libmicrohttpd cannot be used");
}

enum sk_code sk_monitor_open(const struct sk_config *config, const struct sk_redis_url *redis,
                             const struct sk_monitor_need *need, struct sk_monitor **monitor, struct sk_error *error)
{
    *monitor = NULL;
    if (config->metrics_port == 0) {
        return SK_OK;
    }
    sk_metrics_refresh(); /* who answers is counted */
    struct sk_monitor *opened = calloc(1, sizeof *opened);
    if (!opened) {
        return sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
    }
    opened->need = *need;
    (void)pthread_mutex_init(&opened->lock, NULL);
    (void)pthread_mutex_init(&opened->places_lock, NULL);
    enum sk_code code = open_all(opened, config, redis, error);
    if (code) {
        sk_monitor_close(opened);
        return code;
    }
    *monitor = opened;
    return SK_OK;
}

void sk_monitor_close(struct sk_monitor *monitor)
{
    if (!monitor) {
        return;
    }
    atomic_store(&monitor->closing, true);
    if (monitor->daemon) {
        MHD_stop_daemon(monitor->daemon);
    }
    sk_redis_free(monitor->redis);
    (void)pthread_mutex_destroy(&monitor->lock);
    (void)pthread_mutex_destroy(&monitor->places_lock);
    free(monitor);
}

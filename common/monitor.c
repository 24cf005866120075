/* Answering on METRICS_PORT by libmicrohttpd, a thread for each connection. Owns the listening socket until the daemon
 * has it, and the Redis connection, which one thread at a time uses: /health never waits for it. */
#include "common/monitor.h"

#include "common/json_writer.h"
#include "common/log.h"
#include "common/redis.h"
#include "common/scrape.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 16
#define SILENCE_S 10
#define HEAD_BYTES ((size_t)8 * 1024) /* of one connection: what it sends, and our answer's head */
#define STACK_BYTES ((size_t)256 * 1024)
#define BACKLOG 16
#define TYPE_JSON "application/json; charset=utf-8"
#define TYPE_METRICS "text/plain; version=0.0.4; charset=utf-8"

struct sk_monitor {
    struct sk_monitor_need need;
    struct sk_redis *redis; /* owned; under the lock, with what is needed besides */
    pthread_mutex_t lock;
    struct MHD_Daemon *daemon;
};

/* --- answers ---------------------------------------------------------------------------------------------------- */

struct page {
    unsigned status;
    const char *type;
    struct sk_buffer body;
};

static void write_metrics(struct sk_monitor *monitor, struct page *page)
{
    struct sk_error error;
    struct sk_readings readings;
    pthread_mutex_lock(&monitor->lock);
    bool measured = sk_readings_take(monitor->redis, &readings, &error) == SK_OK;
    pthread_mutex_unlock(&monitor->lock);
    if (!measured) {
        sk_log(SK_LOG_DEBUG, "Redis not measured", SK_S("error", error.text));
    }
    page->type = TYPE_METRICS;
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

static void write_ready(struct sk_monitor *monitor, struct page *page)
{
    const struct sk_monitor_need *need = &monitor->need;
    pthread_mutex_lock(&monitor->lock);
    bool redis = redis_answers(monitor->redis);
    bool rest = !need->name || need->reachable(need->context);
    pthread_mutex_unlock(&monitor->lock);
    page->status = redis && rest ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
    struct sk_json_writer writer = {.out = &page->body};
    sk_json_object(&writer, NULL);
    sk_json_string(&writer, "status", redis && rest ? "ready" : "unavailable");
    sk_json_object(&writer, "checks");
    sk_json_string(&writer, "redis", redis ? "ok" : "unavailable");
    if (need->name) {
        sk_json_string(&writer, need->name, rest ? "ok" : "unavailable");
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
        answer, monitor, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
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
    struct sk_monitor *opened = calloc(1, sizeof *opened);
    if (!opened) {
        return sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
    }
    opened->need = *need;
    (void)pthread_mutex_init(&opened->lock, NULL);
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
    if (monitor->daemon) {
        MHD_stop_daemon(monitor->daemon);
    }
    sk_redis_free(monitor->redis);
    (void)pthread_mutex_destroy(&monitor->lock);
    free(monitor);
}

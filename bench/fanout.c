/* The contestants of the fan-out: how each is started, published to, and measured. */
#include "bench/fanout.h"

#include "bench/gauge.h"
#include "bench/swarm.h"
#include "common/buffer.h"
#include "tests/integration/story.h"

#include <glob.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SPARE_CONNECTIONS 64

struct contestant {
    const char *name;
    struct process *server;
    pid_t worker; /* which does the work; its processor time counts with the server's */
    struct swarm *swarm;
    bool (*publish)(struct contestant *contestant, const struct sk_buffer *text, int64_t version);
    redisContext *redis;  /* the relay's publisher */
    int fd;               /* nchan's publisher */
    const char *channel;  /* the relay's */
    const char *location; /* nchan's */
    int64_t version;
    int64_t messages; /* published */
    int64_t busy_us;  /* processor time in its rounds */
    int64_t redis_us; /* Redis' in them */
    int64_t wall_us;
    struct latency latency;
};

/* --- a message -------------------------------------------------------------------------------------------------- */

/* An update of so many bytes that says when it went out. */
static void make_text(struct sk_buffer *text, const char *session_id, int64_t version, size_t bytes)
{
    sk_buffer_reset(text);
    sk_buffer_append_format(text,
                            "{\"type\":\"STATE_UPDATE\",\"sessionId\":\"%s\",\"timestamp\":%" PRId64
                            ",\"sent_at_us\":%" PRId64 ",\"payload\":{\"version\":%" PRId64 ",\"view\":\"",
                            session_id, wall_ms(), now_us(), version);
    while (text->length + 3 < bytes) {
        sk_buffer_append_char(text, '-');
    }
    sk_buffer_append_text(text, "\"}}");
    REQUIRE(!text->failed);
}

static redisContext *connect_redis(void)
{
    redisContext *redis = redisConnect("127.0.0.1", stack.redis_port);
    REQUIRE(redis && !redis->err);
    return redis;
}

static bool publish_to_channel(redisContext *redis, const char *channel, const struct sk_buffer *text, int64_t version)
{
    const int64_t at_ms = wall_ms();
    struct sk_buffer message = {.data = NULL};
    sk_buffer_append_format(&message, "STATE_UPDATE %" PRId64 " %" PRId64 " %" PRId64 " -\n", version, at_ms, at_ms);
    sk_buffer_append(&message, text->data, text->length);
    redisReply *reply =
        message.failed ? NULL : redisCommand(redis, "PUBLISH %s %b", channel, message.data, message.length);
    const bool good = reply && reply->type == REDIS_REPLY_INTEGER;
    if (reply) {
        freeReplyObject(reply);
    }
    sk_buffer_clear(&message);
    return good;
}

static void sleep_until(int64_t at_us)
{
    const struct timespec at = {.tv_sec = at_us / 1000000, .tv_nsec = at_us % 1000000 * 1000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL)) {
    }
}

void fanout_publish(const char *session_id, int64_t first, size_t count, size_t bytes, int64_t per_second)
{
    redisContext *redis = connect_redis();
    struct sk_buffer text = {.data = NULL};
    const char *channel = kept_text("ws:%s", session_id);
    const int64_t since = now_us();
    for (size_t i = 0; i < count; i++) {
        sleep_until(since + (int64_t)i * 1000000 / per_second);
        make_text(&text, session_id, first + (int64_t)i, bytes);
        REQUIRE(publish_to_channel(redis, channel, &text, first + (int64_t)i));
    }
    sk_buffer_clear(&text);
    redisFree(redis);
}

/* --- the relay -------------------------------------------------------------------------------------------------- */

static bool publish_to_relay(struct contestant *relay, const struct sk_buffer *text, int64_t version)
{
    return publish_to_channel(relay->redis, relay->channel, text, version);
}

static struct swarm *fill(int port, const char *path, size_t clients)
{
    const char **paths = keep(calloc(1, sizeof(*paths)), free);
    paths[0] = path;
    struct swarm *swarm =
        swarm_start(&(struct swarm_spec){.port = port, .paths = paths, .path_count = 1, .clients = clients});
    REQUIRE(swarm);
    EVENTUALLY(swarm_open(swarm) == clients);
    return swarm;
}

static void start_relay(struct contestant *relay, size_t clients)
{
    const char *id = fresh_id("fanout");
    int port = 0;
    create_running(id, CHESS);
    relay->name = "relay";
    relay->publish = publish_to_relay;
    relay->server = relay_start(NULL, &port);
    relay->redis = connect_redis();
    relay->channel = kept_text("ws:%s", id);
    relay->version = 100;
    relay->swarm = fill(port, kept_text("/ws?sessionId=%s", id), clients);
    EVENTUALLY(swarm_synced(relay->swarm) == clients);
}

/* --- nginx with nchan ------------------------------------------------------------------------------------------- */

static const char *module_file(void)
{
    glob_t found;
    const char *path = "modules/ngx_nchan_module.so";
    if (glob("/usr/lib*/nginx/modules/ngx_nchan_module.so", 0, NULL, &found) == 0) {
        path = kept_text("%s", found.gl_pathv[0]);
        globfree(&found);
    }
    return path;
}

/* storage: what a location says of where its messages are kept; "": in nginx's own memory. */
static const char *write_configuration(int port, const char *storage, const char *upstream, size_t clients)
{
    const char *path = kept_text("%s/nchan-%d.conf", stack.folder, port);
    const char *folder = stack.folder;
    FILE *conf = fopen(path, "we");
    REQUIRE(conf);
    fprintf(conf,
            "load_module %s;\ndaemon off;\nworker_processes 1;\npid %s/nchan-%d.pid;\nerror_log stderr warn;\n"
            "events { worker_connections %zu; }\n"
            "http {\n  access_log off;\n  client_body_temp_path %s/nchan-b;\n  proxy_temp_path %s/nchan-p;\n"
            "  fastcgi_temp_path %s/nchan-f;\n  uwsgi_temp_path %s/nchan-u;\n  scgi_temp_path %s/nchan-s;\n%s"
            "  server {\n    listen 127.0.0.1:%d;\n    keepalive_requests 1000000;\n"
            "    location = /publish { nchan_publisher http; nchan_channel_id fanout; %s}\n"
            "    location = /subscribe { nchan_subscriber websocket; nchan_channel_id fanout;\n"
            "      nchan_websocket_ping_interval 5s;\n"
            "      nchan_subscriber_first_message newest; %s}\n  }\n}\n",
            module_file(), folder, port, clients + SPARE_CONNECTIONS, folder, folder, folder, folder, folder, upstream,
            port, storage, storage);
    REQUIRE(fclose(conf) == 0);
    return path;
}

/* Reads an answer whose body is as long as its head says. */
static bool read_answer(int fd)
{
    char answer[4096];
    size_t got = 0;
    size_t whole = 0;
    while (whole == 0 || got < whole) {
        const ssize_t count = recv(fd, answer + got, sizeof(answer) - 1 - got, 0);
        if (count <= 0) {
            return false;
        }
        got += (size_t)count;
        answer[got] = '\0';
        const char *end = strstr(answer, "\r\n\r\n");
        const char *length = strcasestr(answer, "\r\nContent-Length:");
        if (end) {
            whole = (size_t)(end + 4 - answer) + (length ? strtoul(length + 17, NULL, 10) : 0);
        }
    }
    return strncmp(answer, "HTTP/1.1 20", 11) == 0;
}

static bool publish_to_nchan(struct contestant *nchan, const struct sk_buffer *text, int64_t version)
{
    struct sk_buffer request = {.data = NULL};
    (void)version; /* is in the text */
    sk_buffer_append_format(&request, "POST %s HTTP/1.1\r\nHost: bench\r\nContent-Length: %zu\r\n\r\n", nchan->location,
                            text->length);
    sk_buffer_append(&request, text->data, text->length);
    const bool good = !request.failed &&
                      send(nchan->fd, request.data, request.length, MSG_NOSIGNAL) == (ssize_t)request.length &&
                      read_answer(nchan->fd);
    sk_buffer_clear(&request);
    return good;
}

static void start_nchan(struct contestant *nchan, const char *name, const char *storage, const char *upstream,
                        size_t clients)
{
    const int port = free_port();
    const char *const argv[] = {"nginx", "-c", write_configuration(port, storage, upstream, clients), NULL};
    nchan->name = name;
    nchan->publish = publish_to_nchan;
    nchan->server = stop_after_test(process_start(&(struct process_spec){.name = "nchan", .argv = argv}));
    EVENTUALLY(port_answers(port) || !process_alive(nchan->server));
    REQUIRE(process_alive(nchan->server));
    EVENTUALLY(process_children(nchan->server, NULL, &nchan->worker, 1) >= 1);
    nchan->location = "/publish";
    nchan->fd = port_connect(port, 0);
    REQUIRE(nchan->fd >= 0);
    nchan->swarm = fill(port, "/subscribe", clients);
}

/* --- rounds ----------------------------------------------------------------------------------------------------- */

static int64_t busy_us(const struct contestant *contestant)
{
    return gauge_processor_us(process_pid(contestant->server)) +
           (contestant->worker ? gauge_processor_us(contestant->worker) : 0);
}

static size_t updates_of(const struct contestant *contestant)
{
    struct swarm_counts counts;
    swarm_count(contestant->swarm, &counts);
    return counts.frames[SWARM_STATE_UPDATE];
}

static void play_round(struct contestant *contestant, const struct fanout_spec *spec, struct sk_buffer *text)
{
    const int64_t messages = spec->per_second * spec->round_s;
    const int64_t busy = busy_us(contestant);
    const int64_t redis = gauge_processor_us(process_pid(stack.redis));
    const int64_t since = now_us();
    for (int64_t i = 0; i < messages; i++) {
        sleep_until(since + i * 1000000 / spec->per_second);
        make_text(text, "fanout", ++contestant->version, spec->bytes);
        REQUIRE(contestant->publish(contestant, text, contestant->version));
    }
    sleep_until(since + messages * 1000000 / spec->per_second);
    EVENTUALLY(swarm_told(contestant->swarm, SIZE_MAX, contestant->version) == spec->clients);
    contestant->messages += messages;
    contestant->busy_us += busy_us(contestant) - busy;
    contestant->redis_us += gauge_processor_us(process_pid(stack.redis)) - redis;
    contestant->wall_us += now_us() - since;
}

/* Processor time for each frame that was delivered. */
static double frame_us(const struct contestant *contestant)
{
    return (double)contestant->busy_us / (double)updates_of(contestant);
}

static void print_contestant(const struct contestant *contestant, const struct contestant *first, size_t clients)
{
    const double due = (double)contestant->messages * (double)clients;
    const double wall_us = (double)contestant->wall_us;
    printf("  %-16s %9.2f %8.2f %8.2f %8.2f %8.1f %8.1f %9.2f %8.2f %8.2f\n", contestant->name,
           100.0 * (double)updates_of(contestant) / due, (double)contestant->latency.p50_us / 1e3,
           (double)contestant->latency.p99_us / 1e3, (double)contestant->latency.max_us / 1e3,
           100.0 * (double)contestant->busy_us / wall_us, 100.0 * (double)contestant->redis_us / wall_us,
           frame_us(contestant), (double)first->latency.p99_us / (double)contestant->latency.p99_us,
           frame_us(first) / frame_us(contestant));
}

static void finish(struct contestant *contestant)
{
    swarm_free(contestant->swarm);
    if (contestant->redis) {
        redisFree(contestant->redis);
    }
    if (contestant->fd >= 0) {
        close(contestant->fd);
    }
}

void fanout_compare(const struct fanout_spec *spec)
{
    enum { RELAY, NCHAN, NCHAN_REDIS, COUNT };
    struct contestant all[COUNT] = {[RELAY] = {.fd = -1}, [NCHAN] = {.fd = -1}, [NCHAN_REDIS] = {.fd = -1}};
    struct sk_buffer text = {.data = NULL};
    start_relay(&all[RELAY], spec->clients);
    start_nchan(&all[NCHAN], "nginx + nchan", "", "", spec->clients);
    start_nchan(&all[NCHAN_REDIS], "nchan over Redis", "nchan_redis_pass store; ",
                kept_text("  upstream store { nchan_redis_server redis://127.0.0.1:%d; }\n", stack.redis_port),
                spec->clients);
    for (int i = 0; i < spec->rounds * COUNT; i++) {
        play_round(&all[i % COUNT], spec, &text);
    }
    printf("\nfan-out: %zu bytes to %zu clients of one session, %" PRId64 " a second, %" PRId64
           " s each, by turns of %" PRId64 " s\n"
           "  (published to the relay by PUBLISH on Redis, to nchan by POST; of states that wait for one client the "
           "relay\n"
           "  sends only the newest, so that under pressure it may deliver less than all; all of them ping each client "
           "every 5 s;\n"
           "  ratios: the relay's to the other's)\n"
           "                   delivered      p50      p99      max   server    Redis    server    ratio    ratio\n"
           "                         %%       ms       ms       ms   %% core   %% core  µs/frame      p99   server\n",
           spec->bytes, spec->clients, spec->per_second, spec->rounds * spec->round_s, spec->round_s);
    for (size_t i = 0; i < COUNT; i++) {
        swarm_take_latency(all[i].swarm, &all[i].latency);
        print_contestant(&all[i], &all[RELAY], spec->clients);
    }
    for (size_t i = 0; i < COUNT; i++) {
        finish(&all[i]);
    }
    sk_buffer_clear(&text);
    keep_clear();
}

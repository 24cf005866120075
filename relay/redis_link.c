/* The link's state machine. Owns the hiredis contexts and every command's bookkeeping; knows no key. */
#include "relay/redis_link.h"

#include "common/log.h"
#include "common/network.h"
#include "relay/redis_poll.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define PAUSE_FIRST_MS 50
#define PAUSE_LAST_MS 1000
#define COMMAND_ARGS_MAX 16

enum state { STATE_CLOSED, STATE_DOWN, STATE_RESOLVING, STATE_CONNECTING, STATE_GREETING, STATE_READY, STATE_COUNT };

static const char *const state_names[] = {"closed", "down", "resolving", "connecting", "greeting", "ready"};
_Static_assert(sizeof state_names / sizeof *state_names == STATE_COUNT, "every state has a name");

/* One hiredis context. It outlives the link's interest in it until hiredis or the reaper has freed the context. */
struct connection {
    SLIST_ENTRY(connection) given_up;
    struct sk_redis_link *link; /* NULL: given up */
    redisAsyncContext *context; /* NULL: freed by hiredis */
    int greetings;              /* replies still expected before READY */
    sk_redis_reply_handler *push;
    void *push_context;
};

struct call {
    sk_redis_reply_handler *handler;
    void *context;
};

struct sk_redis_link {
    struct sk_redis_link_options options;
    uv_loop_t *loop;
    uv_timer_t timer; /* the pause while DOWN, the time limit while not yet READY */
    uv_getaddrinfo_t lookup;
    bool looking_up; /* lookup is the loop's; it may outlast RESOLVING, as a lookup cannot always be cancelled */
    enum state state;
    struct connection *connection; /* NULL unless CONNECTING, GREETING or READY */
    SLIST_HEAD(given_up_list, connection) given_up;
    unsigned attempts; /* since it was READY */
    char why[160];     /* it went down */
};

static void resolve(struct sk_redis_link *link);
static void connect_now(struct sk_redis_link *link, const char *host);
static void greet(struct sk_redis_link *link);

/* --- states ------------------------------------------------------------------------------------------------------ */

static void on_timer(uv_timer_t *timer)
{
    struct sk_redis_link *link = timer->data;
    if (link->state == STATE_DOWN) {
        resolve(link);
    } else {
        sk_redis_link_disconnect(link, "no answer in time");
    }
}

/* The pause doubles from 50 ms to 1 s; half of it is chance, so that relays do not come back in step. */
static uint64_t pause_ms(const struct sk_redis_link *link)
{
    unsigned doublings = link->attempts < 8 ? link->attempts : 8;
    uint32_t pause = (uint32_t)PAUSE_FIRST_MS << doublings;
    if (pause > PAUSE_LAST_MS) {
        pause = PAUSE_LAST_MS;
    }
    return pause / 2 + arc4random_uniform(pause / 2 + 1);
}

/* The only one to write the state, and to do what belongs to being in it. */
static void enter(struct sk_redis_link *link, enum state state)
{
    sk_log(SK_LOG_DEBUG, "redis link", SK_S("link", link->options.name), SK_S("from", state_names[link->state]),
           SK_S("to", state_names[state]));
    link->state = state;
    switch (state) {
    case STATE_CLOSED:
        (void)uv_timer_stop(&link->timer);
        break;
    case STATE_DOWN:
        (void)uv_timer_start(&link->timer, on_timer, pause_ms(link), 0);
        link->attempts++;
        break;
    case STATE_RESOLVING:
        (void)uv_timer_start(&link->timer, on_timer, (uint64_t)link->options.timeout_ms, 0);
        break;
    case STATE_CONNECTING:
    case STATE_GREETING:
        break;
    case STATE_READY:
        (void)uv_timer_stop(&link->timer);
        link->attempts = 0;
        break;
    case STATE_COUNT:
        break;
    }
}

/* Told once a loss: the first attempt that fails, not each. */
static void log_down(const struct sk_redis_link *link, bool was_ready)
{
    char where[320];
    if (was_ready || link->attempts == 0) {
        sk_log(SK_LOG_WARN, was_ready ? "connection to Redis lost" : "Redis cannot be reached",
               SK_S("link", link->options.name),
               SK_S("redis", sk_redis_url_shown(link->options.url, where, sizeof where)), SK_S("why", link->why));
    }
}

static void cancel_lookup(struct sk_redis_link *link)
{
    if (link->looking_up) {
        (void)uv_cancel((uv_req_t *)&link->lookup);
    }
}

/* The one way down. The connection is detached first: whatever hiredis still calls finds no link. */
static void go_down(struct sk_redis_link *link, const char *why)
{
    bool was_ready = link->state == STATE_READY;
    struct connection *connection = link->connection;
    if (link->state == STATE_CLOSED || link->state == STATE_DOWN) {
        return;
    }
    (void)snprintf(link->why, sizeof link->why, "%s", why);
    cancel_lookup(link);
    if (connection != NULL) {
        connection->link = NULL;
        link->connection = NULL;
        SLIST_INSERT_HEAD(&link->given_up, connection, given_up);
    }
    log_down(link, was_ready);
    enter(link, STATE_DOWN);
    if (was_ready) {
        link->options.on_down(link->options.owner);
    }
}

void sk_redis_link_disconnect(struct sk_redis_link *link, const char *why)
{
    go_down(link, why);
}

/* --- opening ----------------------------------------------------------------------------------------------------- */

/* A name may have several addresses: each attempt tries the next. */
static const struct addrinfo *choose(const struct addrinfo *found, unsigned attempt)
{
    unsigned count = 0;
    for (const struct addrinfo *each = found; each != NULL; each = each->ai_next) {
        count++;
    }
    unsigned skip = count == 0 ? 0 : attempt % count;
    while (skip-- > 0) {
        found = found->ai_next;
    }
    return found;
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct sk_redis_link *link = request->data;
    char host[64] = "";
    link->looking_up = false;
    if (link->state == STATE_RESOLVING) {
        const struct addrinfo *chosen = choose(found, link->attempts);
        if (status != 0 || chosen == NULL || uv_ip_name(chosen->ai_addr, host, sizeof host) != 0) {
            go_down(link, status != 0 ? uv_strerror(status) : "the name has no address");
        } else {
            connect_now(link, host);
        }
    }
    uv_freeaddrinfo(found);
}

/* An address is taken as it is: a lookup takes threads, and everything that a process of several threads asks of the
 * kernel costs more, each frame that is sent, too. */
static void resolve(struct sk_redis_link *link)
{
    static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    const struct sk_redis_url *url = link->options.url;
    if (link->looking_up) {
        enter(link, STATE_DOWN); /* the last attempt's lookup still hangs */
        return;
    }
    enter(link, STATE_RESOLVING);
    if (url->path[0] != '\0' || sk_network_is_address(url->host)) {
        connect_now(link, url->path[0] != '\0' ? NULL : url->host);
        return;
    }
    link->lookup.data = link;
    int status = uv_getaddrinfo(link->loop, &link->lookup, on_resolved, url->host, NULL, &hints);
    link->looking_up = status == 0;
    if (status != 0) {
        go_down(link, uv_strerror(status));
    }
}

static void on_connected(const redisAsyncContext *context, int status)
{
    struct connection *connection = context->data;
    struct sk_redis_link *link = connection->link;
    if (status != REDIS_OK) {
        connection->context = NULL; /* hiredis frees it next */
    }
    if (link == NULL) {
        return;
    }
    if (status != REDIS_OK) {
        go_down(link, context->errstr);
        return;
    }
    greet(link);
}

static void on_disconnected(const redisAsyncContext *context, int status)
{
    struct connection *connection = context->data;
    connection->context = NULL;
    if (connection->link != NULL) {
        go_down(connection->link, status == REDIS_OK ? "closed" : context->errstr);
    }
}

static redisAsyncContext *open_context(const struct sk_redis_link *link, const char *host)
{
    const struct sk_redis_url *url = link->options.url;
    return host == NULL ? redisAsyncConnectUnix(url->path) : redisAsyncConnect(host, url->port);
}

/* host: a numeric address; NULL: the URL's unix socket. */
static void connect_now(struct sk_redis_link *link, const char *host)
{
    struct connection *connection = calloc(1, sizeof *connection);
    redisAsyncContext *context = connection == NULL ? NULL : open_context(link, host);
    if (context == NULL) {
        free(connection);
        go_down(link, "out of memory");
        return;
    }
    connection->context = context;
    connection->link = link;
    link->connection = connection;
    context->data = connection;
    enter(link, STATE_CONNECTING);
    if (context->err != 0 || !sk_redis_poll_attach(context, link->loop)) {
        go_down(link, context->err != 0 ? context->errstr : "the socket cannot be watched");
        return;
    }
    (void)redisAsyncSetDisconnectCallback(context, on_disconnected);
    (void)redisAsyncSetConnectCallback(context, on_connected);
}

/* --- greeting ---------------------------------------------------------------------------------------------------- */

static void on_greeted(void *data, const redisReply *reply)
{
    struct connection *connection = data;
    struct sk_redis_link *link = connection->link;
    if (link == NULL || reply == NULL) {
        return;
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        go_down(link, reply->str);
        return;
    }
    if (--connection->greetings == 0) {
        sk_log(SK_LOG_INFO, "connected to Redis", SK_S("link", link->options.name));
        enter(link, STATE_READY);
        link->options.on_up(link->options.owner);
    }
}

static bool say(struct sk_redis_link *link, int count, const char *const *args)
{
    size_t lengths[3];
    for (int i = 0; i < count; i++) {
        lengths[i] = strlen(args[i]);
    }
    link->connection->greetings++;
    return sk_redis_link_command(link, on_greeted, link->connection, count, args, lengths);
}

static void greet(struct sk_redis_link *link)
{
    const struct sk_redis_url *url = link->options.url;
    char db[16];
    (void)snprintf(db, sizeof db, "%d", url->db);
    enter(link, STATE_GREETING);
    bool said = true;
    if (url->user[0] != '\0') {
        said = say(link, 3, (const char *const[]){"AUTH", url->user, url->password});
    } else if (url->password[0] != '\0') {
        said = say(link, 2, (const char *const[]){"AUTH", url->password});
    }
    said = said && (url->db == 0 || say(link, 2, (const char *const[]){"SELECT", db}));
    said = said && say(link, 1, (const char *const[]){"PING"});
    if (!said) {
        go_down(link, "the greeting cannot be sent");
    }
}

/* --- commands ---------------------------------------------------------------------------------------------------- */

static void on_reply(redisAsyncContext *context, void *reply, void *data)
{
    struct call *call = data;
    (void)context;
    call->handler(call->context, reply);
    free(call);
}

bool sk_redis_link_command(struct sk_redis_link *link, sk_redis_reply_handler *handler, void *context, int count,
                           const char *const *args, const size_t *lengths)
{
    const char *copied[COMMAND_ARGS_MAX]; /* hiredis takes the pointers without const, and changes none */
    bool sendable = link->connection != NULL && count <= COMMAND_ARGS_MAX;
    struct call *call = sendable ? malloc(sizeof *call) : NULL;
    if (call == NULL) {
        return false;
    }
    *call = (struct call){.handler = handler, .context = context};
    memcpy(copied, args, (size_t)count * sizeof *copied);
    if (redisAsyncCommandArgv(link->connection->context, on_reply, call, count, copied, lengths) != REDIS_OK) {
        free(call);
        return false;
    }
    return true;
}

static void on_push(redisAsyncContext *context, void *reply, void *data)
{
    struct connection *connection = data;
    (void)context;
    if (connection->link != NULL) {
        connection->push(connection->push_context, reply);
    }
}

bool sk_redis_link_subscribe(struct sk_redis_link *link, const char *channel, sk_redis_reply_handler *handler,
                             void *context)
{
    struct connection *connection = link->connection;
    if (connection == NULL || link->state != STATE_READY) {
        return false;
    }
    connection->push = handler;
    connection->push_context = context;
    return redisAsyncCommand(connection->context, on_push, connection, "SUBSCRIBE %s", channel) == REDIS_OK;
}

bool sk_redis_link_unsubscribe(struct sk_redis_link *link, const char *channel)
{
    return link->connection != NULL && link->state == STATE_READY &&
           redisAsyncCommand(link->connection->context, NULL, NULL, "UNSUBSCRIBE %s", channel) == REDIS_OK;
}

/* --- life -------------------------------------------------------------------------------------------------------- */

struct sk_redis_link *sk_redis_link_new(uv_loop_t *loop, const struct sk_redis_link_options *options)
{
    struct sk_redis_link *link = calloc(1, sizeof *link);
    if (link == NULL || uv_timer_init(loop, &link->timer) != 0) {
        free(link);
        return NULL;
    }
    link->options = *options;
    link->loop = loop;
    link->timer.data = link;
    SLIST_INIT(&link->given_up);
    return link;
}

void sk_redis_link_start(struct sk_redis_link *link)
{
    if (link->state == STATE_CLOSED) {
        resolve(link);
    }
}

bool sk_redis_link_ready(const struct sk_redis_link *link)
{
    return link->state == STATE_READY;
}

/* Freeing a context calls back every reply still expected, with NULL. */
void sk_redis_link_reap(struct sk_redis_link *link)
{
    while (!SLIST_EMPTY(&link->given_up)) {
        struct connection *connection = SLIST_FIRST(&link->given_up);
        SLIST_REMOVE_HEAD(&link->given_up, given_up);
        if (connection->context != NULL) {
            redisAsyncFree(connection->context);
        }
        free(connection);
    }
}

void sk_redis_link_close(struct sk_redis_link *link)
{
    if (link == NULL) {
        return;
    }
    if (link->connection != NULL) {
        link->connection->link = NULL;
        SLIST_INSERT_HEAD(&link->given_up, link->connection, given_up);
        link->connection = NULL;
    }
    cancel_lookup(link);
    enter(link, STATE_CLOSED);
    sk_redis_link_reap(link);
    uv_close((uv_handle_t *)&link->timer, NULL);
}

void sk_redis_link_free(struct sk_redis_link *link)
{
    free(link);
}

/* The subcommand status. Only looks. */
#include "audit/status.h"

#include "audit/database.h"
#include "common/audit_queue.h"
#include "common/json_writer.h"

#include <stdio.h>
#include <string.h>

#define PATIENCE_MS 5000 /* a PostgreSQL that accepts a connection and says nothing */

struct state {
    struct sk_audit_sizes sizes;
    bool redis;
    bool postgres;
};

static enum sk_code measure(const struct sk_config *config, struct sk_audit_sizes *sizes, struct sk_error *error)
{
    struct sk_redis_url url;
    enum sk_code code = sk_redis_url_parse(config->redis_url, &url, error);
    if (code) {
        return code;
    }
    struct sk_redis *redis = sk_redis_new(&url, config->redis_timeout_ms);
    code = redis ? sk_audit_queue_sizes(redis, sizes, error) : sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
    sk_redis_free(redis);
    return code;
}

static bool be_patient(void *unused, int64_t waited_ms)
{
    (void)unused;
    return waited_ms < PATIENCE_MS;
}

static enum sk_code ask_postgres(const struct sk_config *config, struct sk_error *error)
{
    struct sk_database *database = sk_database_new(config->database_url);
    if (!database) {
        return sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
    }
    sk_database_ask_while_waiting(database, be_patient, NULL);
    enum sk_code code = sk_database_run(database, "SELECT 1", NULL, error);
    sk_database_free(database);
    return code;
}

static void print_lines(const struct state *state)
{
    const struct sk_audit_sizes *sizes = &state->sizes;
    if (state->redis) {
        (void)printf("waiting    %lld\nactive     %lld\ncompleted  %lld\nfailed     %lld\ndelayed    %lld\n",
                     (long long)sizes->waiting, (long long)sizes->active, (long long)sizes->completed,
                     (long long)sizes->failed, (long long)sizes->delayed);
        (void)printf("oldest     %lld.%03lld s\n", (long long)(sizes->oldest_ms / 1000),
                     (long long)(sizes->oldest_ms % 1000));
    }
    (void)printf("redis      %s\npostgres   %s\n", state->redis ? "ok" : "unavailable",
                 state->postgres ? "ok" : "unavailable");
}

static void write_size(struct sk_json_writer *writer, const struct state *state, const char *key, int64_t size)
{
    if (state->redis) {
        sk_json_int(writer, key, size);
    } else {
        sk_json_null(writer, key);
    }
}

static void print_json(const struct state *state)
{
    struct sk_buffer out = {0};
    struct sk_json_writer writer = {.out = &out};
    sk_json_object(&writer, NULL);
    write_size(&writer, state, "waiting", state->sizes.waiting);
    write_size(&writer, state, "active", state->sizes.active);
    write_size(&writer, state, "completed", state->sizes.completed);
    write_size(&writer, state, "failed", state->sizes.failed);
    write_size(&writer, state, "delayed", state->sizes.delayed);
    write_size(&writer, state, "oldest_ms", state->sizes.oldest_ms);
    sk_json_string(&writer, "redis", state->redis ? "ok" : "unavailable");
    sk_json_string(&writer, "postgres", state->postgres ? "ok" : "unavailable");
    sk_json_object_end(&writer);
    (void)puts(sk_buffer_text(&out));
    sk_buffer_clear(&out);
}

enum sk_exit sk_command_status(const struct sk_config *config, char **argv)
{
    bool json = argv[0] && strcmp(argv[0], "--json") == 0;
    if (argv[0] && (!json || argv[1])) {
        return sk_command_misused(json ? argv[1] : argv[0]);
    }
    struct state state = {.redis = false};
    struct sk_error redis_error = {0};
    struct sk_error postgres_error = {0};
    state.redis = measure(config, &state.sizes, &redis_error) == SK_OK;
    state.postgres = ask_postgres(config, &postgres_error) == SK_OK;
    if (!state.redis) {
        (void)sk_command_complain(redis_error.text);
    }
    if (!state.postgres) {
        (void)sk_command_complain(postgres_error.text);
    }
    (json ? print_json : print_lines)(&state);
    if (fflush(stdout) != 0) {
        return sk_command_complain("the output cannot be written");
    }
    return state.redis && state.postgres ? SK_EXIT_OK : SK_EXIT_FAILED;
}

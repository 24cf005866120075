/* Starting, stopping and finding the servers of a test run. Owns the temporary folder and the ports' numbers. */
#include "tests/integration/stack.h"

#include "tests/integration/check.h"
#include "tests/integration/http.h"
#include "tests/integration/keep.h"
#include "tests/integration/peek.h"
#include "tests/integration/record.h"

#include <ftw.h>
#include <glob.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct stack stack;

#define TRY(holds) ((holds) || (printf("stack: %s does not hold\n", #holds), false))

/* --- waiting -------------------------------------------------------------------------------------------------- */

bool url_answers(const char *url, long status)
{
    struct answer answer;
    http_exchange(&(struct request){.method = "GET", .url = url}, &answer);
    const bool same = answer.status == status;
    answer_clear(&answer);
    return same;
}

static bool postgres_answers(void)
{
    return PQping(stack.database_url) == PQPING_OK;
}

/* Waits for what a server does once it is up; gives up early where its process has died. */
static bool wait_until_up(struct process *process, bool (*answers)(void))
{
    const int64_t give_up_us = now_us() + INT64_C(1000) * PATIENCE_MS;
    while (now_us() < give_up_us && process_alive(process)) {
        if (answers()) {
            return true;
        }
        nap();
    }
    return false;
}

/* --- the stores ------------------------------------------------------------------------------------------------- */

static bool redis_answers(void)
{
    return redis_now_ms() > 0;
}

static struct process *spawn_redis(void)
{
    const char *const argv[] = {"redis-server",
                                "--bind",
                                "127.0.0.1",
                                "--port",
                                kept_text("%d", stack.redis_port),
                                "--dir",
                                kept_text("%s/redis", stack.folder),
                                "--appendonly",
                                "yes",
                                "--appendfsync",
                                "everysec",
                                "--save",
                                "",
                                "--maxmemory-policy",
                                "noeviction",
                                NULL};
    return process_start(&(struct process_spec){.name = "redis", .argv = argv});
}

void stack_stop_redis(void)
{
    process_stop(stack.redis);
}

void stack_kill_redis(void)
{
    process_kill(stack.redis);
}

void stack_start_redis(void)
{
    stack.redis = spawn_redis();
    EXPECT(wait_until_up(stack.redis, redis_answers));
}

/* The newest server that is installed; kept. */
static const char *postgres_program(const char *name)
{
    glob_t found;
    const char *path = name;
    if (glob(kept_text("/usr/lib/postgresql/*/bin/%s", name), 0, NULL, &found) == 0) {
        path = kept_text("%s", found.gl_pathv[found.gl_pathc - 1]);
        globfree(&found);
    }
    return path;
}

/* PostgreSQL refuses to run as root. */
static void leave_root(struct process_spec *spec)
{
    const struct passwd *user = getpwnam("postgres");
    user = user ? user : getpwnam("nobody");
    if (geteuid() == 0 && user) {
        spec->uid = user->pw_uid;
        spec->gid = user->pw_gid;
    }
}

static bool make_postgres(void)
{
    const char *const data = kept_text("%s/postgres", stack.folder);
    const char *const init[] = {
        postgres_program("initdb"), "-D",         data, "-U", "synckairos", "--auth=trust", "--no-sync",
        "--encoding=UTF8",          "--locale=C", NULL};
    struct process_spec spec = {.name = "initdb", .argv = init};
    leave_root(&spec);
    return !mkdir(data, 0700) && !(spec.uid && chown(data, spec.uid, spec.gid)) && TRY(process_run(&spec) == 0);
}

static struct process *spawn_postgres(void)
{
    const char *const argv[] = {postgres_program("postgres"),
                                "-D",
                                kept_text("%s/postgres", stack.folder),
                                "-p",
                                kept_text("%d", stack.postgres_port),
                                "-c",
                                "listen_addresses=127.0.0.1",
                                "-c",
                                "unix_socket_directories=",
                                "-c",
                                stack.durable ? "fsync=on" : "fsync=off",
                                "-c",
                                stack.durable ? "full_page_writes=on" : "full_page_writes=off",
                                NULL};
    struct process_spec spec = {.name = "postgres", .argv = argv, .stop_signal = SIGINT, .death_signal = SIGQUIT};
    leave_root(&spec);
    return process_start(&spec);
}

static bool start_postgres(void)
{
    if (!make_postgres()) {
        return false;
    }
    stack.postgres = spawn_postgres();
    return TRY(wait_until_up(stack.postgres, postgres_answers));
}

void stack_stop_postgres(void)
{
    process_stop(stack.postgres);
}

void stack_kill_postgres(void)
{
    process_kill_family(stack.postgres);
}

void stack_start_postgres(void)
{
    stack.postgres = spawn_postgres();
    EXPECT(wait_until_up(stack.postgres, postgres_answers));
}

static bool migrate(void)
{
    const char *const argv[] = {kept_text("%s/synckairos-audit", stack.build), "migrate", NULL};
    return TRY(process_run(&(struct process_spec){.name = "migrate", .argv = argv}) == 0);
}

/* --- the programs ----------------------------------------------------------------------------------------------- */

/* It logs that it has started once signals are handled; one that is stopped before that dies of them. */
struct process *stack_program(const char *name, const char *const *env)
{
    const int64_t give_up_us = now_us() + INT64_C(1000) * PATIENCE_MS;
    const char *const argv[] = {kept_text("%s/synckairos-%s", stack.build, name), NULL};
    struct process *process = process_start(&(struct process_spec){.name = name, .argv = argv, .env = env});
    while (!process_logged(process, "started\"") && !process_logged(process, "\"listening\"") &&
           process_alive(process) && now_us() < give_up_us) {
        nap();
    }
    return process;
}

static void stop_kept(void *process)
{
    process_stop(process);
}

struct process *stop_after_test(struct process *process)
{
    return keep(process, stop_kept);
}

static struct process *spawn_relay(const char *const *env, int port)
{
    const char *all[16] = {kept_text("RELAY_PORT=%d", port)};
    record_leave_out(port);
    for (size_t i = 0; env && env[i] && i < 14; i++) {
        all[i + 1] = env[i];
    }
    return stack_program("relay", all);
}

struct process *relay_start(const char *const *env, int *port)
{
    *port = free_port();
    struct process *relay = stop_after_test(spawn_relay(env, *port));
    EVENTUALLY(port_answers(*port) || !process_alive(relay));
    return relay;
}

/* lighttpd spawns the API's processes itself here, as the project's configuration says. */
static struct process *spawn_web(void)
{
    const char *const argv[] = {"lighttpd", "-D", "-f", kept_text("%s/lighttpd.conf", stack.sources), NULL};
    return process_start(
        &(struct process_spec){.name = "web", .argv = argv, .stop_signal = SIGINT, .death_signal = SIGTERM});
}

/* (SIGTERM makes lighttpd end with a failure where somebody is still connected, SIGINT does not.)
 * A web server that hands everything to one FastCGI socket. */
static struct process *spawn_front(const char *socket, int port)
{
    const char *path = kept_text("%s/front-%d.conf", stack.folder, port);
    FILE *conf = fopen(path, "we");
    if (!conf) {
        abort();
    }
    fprintf(conf,
            "server.modules = (\"mod_fastcgi\")\nserver.bind = \"127.0.0.1\"\nserver.port = %d\n"
            "server.document-root = \"%s\"\n"
            "fastcgi.server = (\"/\" => ((\"socket\" => \"%s\", \"check-local\" => \"disable\", "
            "\"disable-time\" => 0)))\n",
            port, stack.folder, socket);
    fclose(conf);
    const char *const argv[] = {"lighttpd", "-D", "-f", path, NULL};
    return process_start(
        &(struct process_spec){.name = "front", .argv = argv, .stop_signal = SIGINT, .death_signal = SIGTERM});
}

/* A web server in front of the program, which answers on the socket. */
static struct api *stand_in_front(struct process *program, const char *socket)
{
    struct api *api = keep(calloc(1, sizeof(*api)), free);
    const int port = free_port();
    (void)snprintf(api->socket, sizeof(api->socket), "%s", socket);
    (void)snprintf(api->url, sizeof(api->url), "http://127.0.0.1:%d", port);
    api->program = program;
    EVENTUALLY(access(socket, F_OK) == 0 || !process_alive(program));
    api->front = stop_after_test(spawn_front(socket, port));
    const char *health = kept_text("%s/health", api->url);
    EVENTUALLY(url_answers(health, 200) || !process_alive(program));
    return api;
}

struct api *api_start_by(const char *const *argv, const char *const *env, const char *socket)
{
    return stand_in_front(
        stop_after_test(process_start(&(struct process_spec){.name = "api", .argv = argv, .env = env})), socket);
}

static const char *fresh_socket(void)
{
    static int number;
    return kept_text("%s/api-%d.sock", stack.folder, ++number);
}

struct api *api_start(const char *const *env)
{
    const char *socket = fresh_socket();
    const char *const argv[] = {kept_text("%s/synckairos-api", stack.build), "--listen", socket, NULL};
    return api_start_by(argv, env, socket);
}

struct api *api_start_many(size_t count, const char *const *env, struct process **programs)
{
    const char *const argv[] = {kept_text("%s/synckairos-api", stack.build), NULL};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", fresh_socket());
    const int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(listening > 0 && bind(listening, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
            listen(listening, 1024) == 0);
    for (size_t i = 0; i < count; i++) {
        programs[i] = stop_after_test(
            process_start(&(struct process_spec){.name = "api", .argv = argv, .env = env, .input = listening}));
    }
    close(listening);
    for (size_t i = 0; i < count; i++) {
        EVENTUALLY(process_logged(programs[i], "started\"") || !process_alive(programs[i]));
    }
    return stand_in_front(programs[0], address.sun_path);
}

/* --- all of it -------------------------------------------------------------------------------------------------- */

/* What every program finds in its environment; a test's own settings come on top. */
static void set_environment(void)
{
    setenv("REDIS_URL", kept_text("redis://127.0.0.1:%d/0", stack.redis_port), 1);
    setenv("DATABASE_URL", stack.database_url, 1);
    setenv("METRICS_FILE", kept_text("%s/metrics", stack.folder), 1);
    setenv("BIND", "127.0.0.1", 1);
    setenv("PORT", kept_text("%d", stack.web_port), 1);
    setenv("RELAY_PORT", kept_text("%d", stack.relay_ports[0]), 1);
    setenv("SYNCKAIROS_API", kept_text("%s/synckairos-api", stack.build), 1);
    setenv("SYNCKAIROS_RUN", stack.folder, 1); /* so that the web server's logs stand with all the others */
    setenv("API_PROCESSES", "2", 1);
    setenv("API_THREADS", "4", 1);
    setenv("RELAY_DRAIN_S", "1", 1);
    setenv("AUDIT_CLAIM_S", "2", 1); /* a read whose answer a broken connection lost comes back after so long */
    setenv("LOG_LEVEL", "info", 1);
    setenv("RATE_LIMIT_GENERAL", "0", 1); /* tests ask more than people; those of the limits set their own */
    setenv("RATE_LIMIT_SWITCH", "0", 1);
    setenv("RATE_LIMIT_SERVER", "0", 1);
    setenv("ASAN_OPTIONS", "detect_leaks=1:strict_string_checks=1", 1);
    setenv("UBSAN_OPTIONS", "print_stacktrace=1", 1);
}

static bool prepare(const char *build)
{
    char template[] = "/tmp/synckairos-test-XXXXXX";
    if (!realpath(build, stack.build) || !realpath(".", stack.sources) || !mkdtemp(template) || chmod(template, 0755)) {
        perror(build);
        return false;
    }
    (void)snprintf(stack.folder, sizeof(stack.folder), "%s", template);
    stack.redis_port = free_port();
    stack.postgres_port = free_port();
    stack.web_port = free_port();
    for (size_t i = 0; i < RELAYS; i++) {
        stack.relay_ports[i] = free_port();
    }
    (void)snprintf(stack.url, sizeof(stack.url), "http://127.0.0.1:%d", stack.web_port);
    (void)snprintf(stack.database_url, sizeof(stack.database_url),
                   "postgresql://synckairos@127.0.0.1:%d/postgres?connect_timeout=5", stack.postgres_port);
    set_environment();
    const char *const folders[] = {"logs", "redis"};
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
        if (mkdir(kept_text("%s/%s", stack.folder, folders[i]), 0755)) {
            return false;
        }
    }
    process_open(kept_text("%s/logs", stack.folder));
    return true;
}

static bool web_answers(void)
{
    return url_answers(kept_text("%s/ready", stack.url), 200);
}

static bool relay_answers(void)
{
    return port_answers(stack.relay_ports[0]) && port_answers(stack.relay_ports[1]);
}

bool stack_up(const char *build)
{
    if (!prepare(build) || !start_postgres()) {
        return false;
    }
    stack.redis = spawn_redis();
    if (!TRY(wait_until_up(stack.redis, redis_answers)) || !migrate()) {
        return false;
    }
    stack.audit = stack_program("audit", NULL);
    stack.timekeeper = stack_program("timekeeper", NULL);
    for (size_t i = 0; i < RELAYS; i++) {
        stack.relays[i] = spawn_relay(NULL, stack.relay_ports[i]);
    }
    stack.web = spawn_web();
    return TRY(wait_until_up(stack.relays[0], relay_answers)) && TRY(wait_until_up(stack.web, web_answers)) &&
           TRY(process_alive(stack.audit)) && TRY(process_alive(stack.timekeeper));
}

bool stack_down(void)
{
    return process_end_all();
}

static int remove_entry(const char *path, const struct stat *about, int type, struct FTW *place)
{
    (void)about;
    (void)type;
    (void)place;
    return remove(path);
}

void stack_remove_folder(void)
{
    (void)nftw(stack.folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

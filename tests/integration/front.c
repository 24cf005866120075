/* Starting and stopping other web servers. Owns their files, in the folder of the run. */
#include "tests/integration/front.h"

#include "tests/integration/check.h"
#include "tests/integration/keep.h"
#include "tests/integration/stack.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A text of a shipped configuration and what stands for it here. */
struct edit {
    const char *what;
    const char *with;
};

static struct {
    struct process *api;
    struct process *server;
    int stop_signal; /* the server's */
    char socket[128];
    char stack_url[64]; /* the stack's own, meanwhile */
    int stack_port;
} front;

/* --- files ------------------------------------------------------------------------------------------------------ */

static char *read_whole(const char *path)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *file = fopen(path, "re");
    if (!file || getdelim(&text, &bytes, '\0', file) < 0) {
        printf("front: %s cannot be read\n", path);
    }
    if (file) {
        (void)fclose(file);
    }
    return text;
}

static bool write_whole(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    if (!file) {
        return false;
    }
    const bool written = fputs(text, file) >= 0;
    return fclose(file) == 0 && written;
}

/* Takes text; a new one with every occurrence replaced, or NULL where there is none. */
static char *replaced(char *text, const struct edit *edit)
{
    char *out = NULL;
    size_t bytes = 0;
    bool found = false;
    FILE *stream = text ? open_memstream(&out, &bytes) : NULL;
    if (!stream) {
        free(text);
        return NULL;
    }
    const char *rest = text;
    for (const char *at = strstr(rest, edit->what); at; at = strstr(rest, edit->what)) {
        (void)fprintf(stream, "%.*s%s", (int)(at - rest), rest, edit->with);
        rest = at + strlen(edit->what);
        found = true;
    }
    (void)fputs(rest, stream);
    (void)fclose(stream);
    free(text);
    if (!found) {
        printf("front: the configuration has no %s\n", edit->what);
        free(out);
        return NULL;
    }
    return out;
}

/* Writes a shipped configuration with its edits; the list ends with an empty one. */
static bool adapt(const char *shipped, const struct edit *edits, const char *path)
{
    char *text = read_whole(kept_text("%s/%s", stack.sources, shipped));
    for (; text && edits->what; edits++) {
        text = replaced(text, edits);
    }
    const bool written = text && write_whole(path, text);
    free(text);
    return written;
}

/* What the web servers read, where their own users may read it, and folders to write to. */
static bool share_files(void)
{
    const char *script =
        kept_text("umask 022; cd '%s' && mkdir -p '%s/share/deploy/lighttpd' '%s/nginx' && cp -R web '%s/share/' && "
                  "cp -R deploy/lighttpd/errors '%s/share/deploy/lighttpd/' && chmod -R a+rX '%s/share' && "
                  "{ [ ! -e /etc/nginx/fastcgi_params ] || cp /etc/nginx/fastcgi_params '%s/nginx/'; }",
                  stack.sources, stack.folder, stack.folder, stack.folder, stack.folder, stack.folder, stack.folder);
    const char *const argv[] = {"sh", "-c", script, NULL};
    return process_run(&(struct process_spec){.name = "share", .argv = argv}) == 0;
}

/* --- processes -------------------------------------------------------------------------------------------------- */

static bool wait_for(bool (*holds)(void))
{
    const int64_t give_up_us = now_us() + INT64_C(1000) * PATIENCE_MS;
    while (!holds() && now_us() < give_up_us) {
        nap();
    }
    return holds();
}

static bool socket_there(void)
{
    return access(front.socket, F_OK) == 0;
}

static bool front_answers(void)
{
    return url_answers(kept_text("%s/ready", stack.url), 200);
}

/* Web servers connect as users of their own: the socket is everybody's. */
static bool start_api(const char *const *env)
{
    const char *const argv[] = {kept_text("%s/synckairos-api", stack.build), "--listen", front.socket, NULL};
    front.api = process_start(&(struct process_spec){.name = "front-api", .argv = argv, .env = env});
    return wait_for(socket_there) && chmod(front.socket, 0666) == 0;
}

static void start_server(const char *name, const char *const *argv, int stop_signal)
{
    front.stop_signal = stop_signal;
    front.server = process_start(
        &(struct process_spec){.name = name, .argv = argv, .stop_signal = stop_signal, .death_signal = SIGTERM});
}

static void take_over(void)
{
    const int port = free_port();
    front.stack_port = stack.web_port;
    (void)snprintf(front.stack_url, sizeof(front.stack_url), "%s", stack.url);
    (void)snprintf(front.socket, sizeof(front.socket), "%s/front.sock", stack.folder);
    stack.web_port = port;
    (void)snprintf(stack.url, sizeof(stack.url), "http://127.0.0.1:%d", port);
}

static int finish_opening(bool good)
{
    if (good && wait_for(front_answers)) {
        return 0;
    }
    printf("front: the web server does not answer\n");
    (void)front_close();
    return 1;
}

/* Outside of any test, where no check may fail. */
static bool ended_well(struct process *process, int number)
{
    if (!process) {
        return true;
    }
    process_signal(process, number);
    const int status = process_wait(process);
    if (status != 0) {
        printf("front: a server ended with %d\n", status);
    }
    return status == 0;
}

int front_close(void)
{
    const bool server_well = ended_well(front.server, front.stop_signal);
    const bool api_well = ended_well(front.api, SIGTERM);
    front.server = NULL;
    front.api = NULL;
    stack.web_port = front.stack_port;
    (void)snprintf(stack.url, sizeof(stack.url), "%s", front.stack_url);
    return server_well && api_well ? 0 : 1;
}

struct process *front_api(void)
{
    return front.api;
}

void front_restart_api(const char *const *env)
{
    process_stop(front.api);
    EXPECT(start_api(env));
}

/* --- nginx ------------------------------------------------------------------------------------------------------ */

static const char *const nginx_main =
    "daemon off;\nuser www-data;\nworker_processes 2;\npid %1$s/nginx/pid;\nerror_log %1$s/logs/nginx.log;\n"
    "events { worker_connections 512; }\n"
    "http {\n  types { text/html html; text/css css; text/javascript js; }\n"
    "  client_body_temp_path %1$s/nginx/body;\n  fastcgi_temp_path %1$s/nginx/fastcgi;\n"
    "  proxy_temp_path %1$s/nginx/proxy;\n  uwsgi_temp_path %1$s/nginx/uwsgi;\n  scgi_temp_path %1$s/nginx/scgi;\n"
    "  include %1$s/nginx/synckairos.conf;\n}\n";

static int open_nginx(const char *keep_conn)
{
    take_over();
    const struct edit edits[] = {{"unix:/run/synckairos/api.sock", kept_text("unix:%s", front.socket)},
                                 {"127.0.0.1:8081", kept_text("127.0.0.1:%d", stack.relay_ports[0])},
                                 {"127.0.0.1:8080", kept_text("127.0.0.1:%d", stack.web_port)},
                                 {"/usr/local/share/synckairos", kept_text("%s/share", stack.folder)},
                                 {"/var/log/nginx", kept_text("%s/logs", stack.folder)},
                                 {"fastcgi_keep_conn on;", keep_conn},
                                 {NULL, NULL}};
    const char *conf = kept_text("%s/nginx/nginx.conf", stack.folder);
    bool good = share_files() &&
                adapt("deploy/nginx/synckairos.conf", edits, kept_text("%s/nginx/synckairos.conf", stack.folder)) &&
                write_whole(conf, kept_text(nginx_main, stack.folder)) && start_api(NULL);
    if (good) {
        const char *const argv[] = {"nginx", "-e", "stderr", "-c", conf, NULL};
        start_server("nginx", argv, SIGTERM);
    }
    return finish_opening(good);
}

int front_open_nginx(void)
{
    return open_nginx("fastcgi_keep_conn off;");
}

int front_open_nginx_kept(void)
{
    return open_nginx("fastcgi_keep_conn on;");
}

/* --- Apache ----------------------------------------------------------------------------------------------------- */

static const char *const apache_main =
    "ServerRoot %1$s\nServerName 127.0.0.1\nPidFile %1$s/apache.pid\nDefaultRuntimeDir %1$s\nUser www-data\n"
    "Group www-data\nErrorLog %1$s/logs/apache.log\nStartServers 1\nThreadsPerChild 64\nMaxRequestWorkers 128\n";

static const char *const apache_modules[] = {"mpm_event", "authz_core", "authz_host", "alias",
                                             "dir",       "env",        "mime",       "headers",
                                             "proxy",     "proxy_fcgi", "proxy_http", "proxy_wstunnel"};

static bool write_apache_main(const char *path)
{
    FILE *file = fopen(path, "we");
    if (!file) {
        return false;
    }
    for (size_t i = 0; i < sizeof(apache_modules) / sizeof(*apache_modules); i++) {
        (void)fprintf(file, "LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so\n", apache_modules[i],
                      apache_modules[i]);
    }
    (void)fprintf(
        file,
        "%sTypesConfig /dev/null\nAddType text/html .html\nAddType text/javascript .js\nInclude %s/apache-site.conf\n",
        kept_text(apache_main, stack.folder), stack.folder);
    return fclose(file) == 0;
}

int front_open_apache(void)
{
    take_over();
    const struct edit edits[] = {{"unix:/run/synckairos/api.sock", kept_text("unix:%s", front.socket)},
                                 {"127.0.0.1:8081", kept_text("127.0.0.1:%d", stack.relay_ports[0])},
                                 {"127.0.0.1:8080", kept_text("127.0.0.1:%d", stack.web_port)},
                                 {"/usr/local/share/synckairos", kept_text("%s/share", stack.folder)},
                                 {"/var/log/apache2", kept_text("%s/logs", stack.folder)},
                                 {NULL, NULL}};
    const char *conf = kept_text("%s/apache.conf", stack.folder);
    bool good = share_files() &&
                adapt("deploy/apache/synckairos.conf", edits, kept_text("%s/apache-site.conf", stack.folder)) &&
                write_apache_main(conf) && start_api(NULL);
    if (good) {
        const char *const argv[] = {"apache2", "-DFOREGROUND", "-f", conf, NULL};
        start_server("apache", argv, SIGTERM);
    }
    return finish_opening(good);
}

/* --- plain CGI -------------------------------------------------------------------------------------------------- */

/* lighttpd ends a program once its answer is complete, which may be in the middle of its search for leaks. */
int front_open_cgi(void)
{
    take_over();
    const char *more = kept_text("redis://127.0.0.1:%d/0\",\n    \"DATABASE_URL\" => \"%s\",\n"
                                 "    \"METRICS_FILE\" => \"%s/metrics\",\n    \"ASAN_OPTIONS\" => \"detect_leaks=0",
                                 stack.redis_port, stack.database_url, stack.folder);
    const struct edit edits[] = {{"server.port = 8080", kept_text("server.port = %d", stack.web_port)},
                                 {"/usr/local/share/synckairos", kept_text("%s/share", stack.folder)},
                                 {"/usr/local/bin", stack.build},
                                 {"redis://127.0.0.1:6379/0", more},
                                 {NULL, NULL}};
    const char *conf = kept_text("%s/cgi.conf", stack.folder);
    bool good = share_files() && adapt("deploy/lighttpd/cgi.conf", edits, conf);
    if (good) {
        const char *const argv[] = {"lighttpd", "-D", "-f", conf, NULL};
        start_server("cgi", argv, SIGINT);
    }
    return finish_opening(good);
}

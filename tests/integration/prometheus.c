/* Starting a Prometheus and asking it, by its HTTP interface. Owns its files, in the folder of the run. */
#include "tests/integration/prometheus.h"

#include "tests/integration/record.h"
#include "tests/integration/story.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    struct process *process;
    char url[64];
} server;

/* The shipped files with the run's own target and intervals, in prometheus/ of the stack's folder. */
static bool adapt_configuration(void)
{
    const char *script = kept_text("mkdir '%s/prometheus' && cp -R deploy/prometheus/rules '%s/prometheus' && "
                                   "sed -e 's/127\\.0\\.0\\.1:8080/127.0.0.1:%d/' -e 's/_interval: 15s/_interval: 1s/' "
                                   "-e 's/scrape_timeout: 10s/scrape_timeout: 1s/' deploy/prometheus/prometheus.yml "
                                   ">'%s/prometheus/prometheus.yml'",
                                   stack.folder, stack.folder, stack.web_port, stack.folder);
    const char *const argv[] = {"sh", "-c", kept_text("cd '%s' && %s", stack.sources, script), NULL};
    return process_run(&(struct process_spec){.name = "prometheus-files", .argv = argv}) == 0;
}

/* Outside of any test, where no check may fail. */
static bool has_scraped(void)
{
    struct answer answer;
    const char *up = kept_text("%s/api/v1/query?query=up==1", server.url);
    http_exchange(&(struct request){.method = "GET", .url = up}, &answer);
    const bool scraped = json_array_size(json_at(answer.body, "data.result")) == 1;
    answer_clear(&answer);
    return scraped;
}

int prometheus_open(void)
{
    const int port = free_port();
    const int64_t give_up_us = now_us() + INT64_C(1000) * PATIENCE_MS;
    const char *const argv[] = {"prometheus", kept_text("--config.file=%s/prometheus/prometheus.yml", stack.folder),
                                kept_text("--storage.tsdb.path=%s/prometheus/data", stack.folder),
                                kept_text("--web.listen-address=127.0.0.1:%d", port), NULL};
    record_leave_out(port);
    (void)snprintf(server.url, sizeof server.url, "http://127.0.0.1:%d", port);
    if (!adapt_configuration()) {
        return 1;
    }
    server.process = process_start(&(struct process_spec){.name = "prometheus", .argv = argv});
    while (!has_scraped() && process_alive(server.process) && now_us() < give_up_us) {
        nap();
    }
    return has_scraped() ? 0 : 1;
}

int prometheus_close(void)
{
    process_signal(server.process, SIGTERM);
    return process_wait(server.process) == 0 ? 0 : 1;
}

static json_t *data_of(const char *path)
{
    struct answer *answer = http_call("GET", kept_text("%s%s", server.url, path), NULL, NULL);
    if (!EXPECT_TEXT(text_at(answer->body, "status"), "success")) {
        printf(" (%s: %s)", path, text_at(answer->body, "error"));
        return NULL;
    }
    return json_at(answer->body, "data");
}

json_t *prometheus_query(const char *expression)
{
    char *escaped = curl_easy_escape(NULL, expression, 0);
    json_t *data = data_of(kept_text("/api/v1/query?query=%s", escaped));
    curl_free(escaped);
    return json_at(data, "result");
}

size_t prometheus_values(const char *expression)
{
    size_t index = 0;
    size_t values = 0;
    json_t *series = NULL;
    json_array_foreach(prometheus_query(expression), index, series)
    {
        values += strcmp(text_at(series, "value.1"), "NaN") != 0;
    }
    return values;
}

json_t *prometheus_rules(void)
{
    size_t index = 0;
    json_t *group = NULL;
    json_t *rules = keep(json_array(), (void (*)(void *))json_decref);
    json_array_foreach(json_at(data_of("/api/v1/rules"), "groups"), index, group)
    {
        (void)json_array_extend(rules, json_at(group, "rules"));
    }
    return rules;
}

const char *prometheus_alert(const char *name)
{
    size_t index = 0;
    json_t *rule = NULL;
    json_array_foreach(prometheus_rules(), index, rule)
    {
        if (strcmp(text_at(rule, "name"), name) == 0) {
            return text_at(rule, "state");
        }
    }
    return "(nothing)";
}

void prometheus_await_scrapes(int scrapes)
{
    const char *count = "count_over_time(up[1h])";
    const long before = strtol(text_at(prometheus_query(count), "0.value.1"), NULL, 10);
    EVENTUALLY(strtol(text_at(prometheus_query(count), "0.value.1"), NULL, 10) >= before + scrapes);
}

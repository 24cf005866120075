/* A real Prometheus watches the stack by the configuration, the rules and the dashboard that the project ships. */
#include "tests/integration/dashboard.h"
#include "tests/integration/prometheus.h"
#include "tests/integration/story.h"
#include "tests/integration/suites.h"
#include "tests/integration/tokens.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- something of every kind ------------------------------------------------------------------------------------ */

/* An API that asks for tokens, lets a subject make one request a minute, and reaches no PostgreSQL. */
static const char *const strict[] = {TOKEN_KEY, "RATE_LIMIT_SERVER=1", "DATABASE_URL=postgresql://127.0.0.1:1/none",
                                     NULL};

static void be_refused(const struct api *api, const char *subject)
{
    const char *token = signed_token(kept_text("{'sub':'%s','scope':'admin'}", subject), 600);
    const char *header = kept_text("Authorization: Bearer %s", token);
    const char *events = kept_text("%s/v1/sessions/nobody/events", api->url);
    EXPECT_STATUS(http_call("GET", events, NULL, NULL), 401);
    EXPECT_STATUS(http_call("GET", events, NULL, header), 503);
    EXPECT_STATUS(http_call("GET", events, NULL, header), 429);
}

static void play_a_game(void)
{
    const char *id = running("watched");
    struct ws_client *client = watch(id, stack.relay_ports[0]);
    play_on(id, 10);
    EXPECT_STATUS(act(id, "switch", "{'current_cycle_number':1}"), 409);
    EXPECT_STATUS(look(id), 200);
    EXPECT_STATUS(look(fresh_id("unknown")), 404);
    await_trail(id, int_at(look(id)->body, "data.version"));
    EXPECT_STATUS(call("GET", kept_text("/v1/sessions/%s/events", id), NULL), 200);
    EXPECT_STATUS(delete_session(id), 204);
    EXPECT_INT(ws_close_code(client), 1000);
}

/* With nobody asking, so that it is the timekeeper who commits it. */
static void let_a_clock_run_out(void)
{
    const char *id = fresh_id("expires");
    create_running(id, "'sync_mode':'count_up','max_time_ms':1000,'warnings_ms':[500]");
    struct ws_client *watcher = watch(id, stack.relay_ports[0]);
    EVENTUALLY(frames_of(watcher, "TIME_EXPIRED") > 0);
    ws_leave(watcher);
}

/* Some series begin with what they count first, and a rate needs two readings: so there is a second time. */
static void make_traffic(void)
{
    struct api *api = api_start(strict);
    for (int i = 0; i < 2; i++) {
        be_refused(api, fresh_id("subject"));
        play_a_game();
        let_a_clock_run_out();
        prometheus_await_scrapes(2);
    }
}

/* --- the dashboard ---------------------------------------------------------------------------------------------- */

/* What a query asks for, without the 0 that stands in where there is none of it. */
static const char *without_zero(const char *expression)
{
    static const char *const zeros[] = {" or on () vector(0)", " or vector(0)"};
    for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++) {
        const char *zero = strstr(expression, zeros[i]);
        if (zero) {
            return kept_text("%.*s", (int)(zero - expression), expression);
        }
    }
    return expression;
}

static void expect_values(json_t *panel, json_t *target, int64_t give_up_us)
{
    const char *expression = without_zero(dashboard_expression(text_at(target, "expr"), ".*"));
    EXPECT(strchr(expression, '$') == NULL);
    REQUIRE(prometheus_query(expression) != NULL);
    while (prometheus_values(expression) == 0 && now_us() < give_up_us) {
        nap();
    }
    if (!EXPECT(prometheus_values(expression) > 0)) {
        printf(" (%s: %s)", text_at(panel, "title"), expression);
    }
}

static void every_query_of_the_dashboard_is_answered_with_data(void)
{
    size_t index = 0;
    size_t queries = 0;
    json_t *panel = NULL;
    make_traffic();
    const int64_t give_up_us = now_us() + INT64_C(1000) * PATIENCE_MS;
    json_array_foreach(json_at(dashboard_load(), "panels"), index, panel)
    {
        size_t number = 0;
        json_t *target = NULL;
        json_array_foreach(json_at(panel, "targets"), number, target)
        {
            expect_values(panel, target, give_up_us);
            queries++;
        }
    }
    EXPECT(queries >= 40);
}

/* The query of the panel with this title; "": there is none. */
static const char *query_of(const char *title)
{
    size_t index = 0;
    json_t *panel = NULL;
    json_array_foreach(json_at(dashboard_load(), "panels"), index, panel)
    {
        if (strcmp(text_at(panel, "title"), title) == 0) {
            return text_at(panel, "targets.0.expr");
        }
    }
    return "";
}

/* A host where nothing has happened stands for one where it has not happened yet. */
static void what_is_rare_is_shown_as_0_until_it_happens(void)
{
    static const char *const titles[] = {
        "Switches",          "Switches by mode",         "Expiries by mode", "Messages by type", "Closes by code",
        "Failures by route", "Failures of all requests", "Rate limited",     "Tokens refused"};
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) {
        json_t *values = prometheus_query(dashboard_expression(query_of(titles[i]), "none"));
        if (!EXPECT(json_array_size(values) == 1)) {
            printf(" (%s)", titles[i]);
        }
        EXPECT_TEXT(text_at(values, "0.value.1"), "0");
    }
}

/* What a panel shows must be readable without knowing the query. */
static void expect_readable(json_t *panel)
{
    size_t index = 0;
    size_t other = 0;
    json_t *target = NULL;
    json_t *targets = json_at(panel, "targets");
    EXPECT_TEXT(text_at(panel, "datasource.uid"), "${datasource}");
    EXPECT(json_is_string(json_at(panel, "description")));
    EXPECT(json_is_string(json_at(panel, "fieldConfig.defaults.unit")));
    EXPECT(json_array_size(targets) > 0);
    json_array_foreach(targets, index, target)
    {
        EXPECT(text_at(target, "legendFormat")[0] != '\0');
        EXPECT(strstr(text_at(target, "expr"), "instance=~\"$instance\"") != NULL);
        for (other = 0; other < index; other++) {
            EXPECT(strcmp(text_at(target, "refId"), text_at(json_array_get(targets, other), "refId")) != 0);
        }
    }
}

static bool overlap(json_t *one, json_t *other)
{
    const char *const sides[][2] = {{"gridPos.x", "gridPos.w"}, {"gridPos.y", "gridPos.h"}};
    bool both = true;
    for (size_t i = 0; i < 2; i++) {
        const int64_t a = int_at(one, sides[i][0]);
        const int64_t b = int_at(other, sides[i][0]);
        both = both && a < b + int_at(other, sides[i][1]) && b < a + int_at(one, sides[i][1]);
    }
    return both;
}

static void expect_place(json_t *panels, size_t index)
{
    json_t *panel = json_array_get(panels, index);
    EXPECT_BETWEEN(int_at(panel, "gridPos.x"), 0, 24 - int_at(panel, "gridPos.w"));
    EXPECT_BETWEEN(int_at(panel, "gridPos.h"), 1, 24);
    for (size_t i = 0; i < index; i++) {
        json_t *other = json_array_get(panels, i);
        EXPECT(int_at(other, "id") != int_at(panel, "id"));
        if (!EXPECT(!overlap(other, panel))) {
            printf(" (%s, %s)", text_at(other, "title"), text_at(panel, "title"));
        }
    }
}

static void the_dashboard_is_one_that_grafana_takes(void)
{
    size_t index = 0;
    json_t *panel = NULL;
    json_t *dashboard = dashboard_load();
    json_t *panels = json_at(dashboard, "panels");
    EXPECT_TEXT(text_at(dashboard, "uid"), "synckairos");
    EXPECT(is_null_at(dashboard, "id"));
    EXPECT_BETWEEN(int_at(dashboard, "schemaVersion"), 39, 41);
    EXPECT_TEXT(text_at(dashboard, "templating.list.0.type"), "datasource");
    EXPECT_TEXT(text_at(dashboard, "templating.list.0.name"), "datasource");
    EXPECT_TEXT(text_at(dashboard, "templating.list.1.name"), "instance");
    json_array_foreach(panels, index, panel)
    {
        EXPECT(int_at(panel, "id") > 0);
        EXPECT(json_is_string(json_at(panel, "title")));
        expect_place(panels, index);
        if (strcmp(text_at(panel, "type"), "row") != 0) {
            expect_readable(panel);
        }
    }
}

/* --- the rules -------------------------------------------------------------------------------------------------- */

/* Whether each rule was reckoned without an error, and each alert is quiet; says which is not. */
static bool all_is_well(const char **what)
{
    size_t index = 0;
    json_t *rule = NULL;
    json_t *rules = prometheus_rules();
    json_array_foreach(rules, index, rule)
    {
        const bool is_alert = strcmp(text_at(rule, "type"), "alerting") == 0;
        *what = kept_text("%s %s %s %s", text_at(rule, "name"), text_at(rule, "health"), text_at(rule, "state"),
                          text_at(rule, "lastError"));
        if (strcmp(text_at(rule, "health"), "ok") != 0 ||
            (is_alert && strcmp(text_at(rule, "state"), "inactive") != 0)) {
            return false;
        }
    }
    return json_array_size(rules) > 0;
}

static void no_alert_is_raised_while_all_is_well(void)
{
    const char *what = "";
    play_a_game();
    prometheus_await_scrapes(3);
    const int64_t give_up_us = now_us() + INT64_C(1000) * PATIENCE_MS;
    while (!all_is_well(&what) && now_us() < give_up_us) {
        nap();
    }
    if (!EXPECT(all_is_well(&what))) {
        printf(" (%s)", what);
    }
}

#define EVENTUALLY_ALERT(name, state) EVENTUALLY(strcmp(prometheus_alert(name), (state)) == 0)

static void an_alert_tells_that_the_timekeeper_is_gone(void)
{
    EVENTUALLY_ALERT("SyncKairosNoTimekeeper", "inactive");
    process_stop(stack.timekeeper);
    EVENTUALLY_ALERT("SyncKairosNoTimekeeper", "pending");
    stack.timekeeper = stack_program("timekeeper", NULL);
    EVENTUALLY_ALERT("SyncKairosNoTimekeeper", "inactive");
}

static void an_alert_tells_that_redis_does_not_answer(void)
{
    EVENTUALLY_ALERT("SyncKairosNotReady", "inactive");
    stack_stop_redis();
    EVENTUALLY_ALERT("SyncKairosNotReady", "pending");
    EVENTUALLY_ALERT("SyncKairosTargetDown", "inactive");
    EXPECT_STATUS(call("GET", "/ready", NULL), 503);
    stack_start_redis();
    EVENTUALLY_ALERT("SyncKairosNotReady", "inactive");
    EVENTUALLY(call("GET", "/ready", NULL)->status == 200);
}

/* --- the pages -------------------------------------------------------------------------------------------------- */

static const char *file_text(const char *path)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *file = fopen(kept_text("%s/%s", stack.sources, path), "re");
    REQUIRE(file != NULL);
    const ssize_t length = getdelim(&text, &bytes, '\0', file);
    (void)fclose(file);
    keep(text, free);
    REQUIRE(length > 0);
    return text;
}

static void expect_named(const char *page, const char *name)
{
    if (!EXPECT(strstr(page, kept_text("`%s`", name)) != NULL)) {
        printf(" (%s)", name);
    }
}

static void the_page_on_monitoring_names_every_metric(void)
{
    const char *page = file_text("docs/monitoring.md");
    const char *dashboard = file_text("deploy/grafana/synckairos.json");
    const struct answer *scrape = call("GET", "/metrics", NULL);
    char name[100];
    size_t metrics = 0;
    for (const char *at = strstr(scrape->text, "# TYPE "); at; at = strstr(at + 1, "# TYPE ")) {
        REQUIRE(sscanf(at, "# TYPE %99s", name) == 1);
        expect_named(page, name);
        EXPECT(strstr(dashboard, name) != NULL);
        metrics++;
    }
    EXPECT(metrics >= 20);
    for (const char *at = strstr(page, "`synckairos_"); at; at = strstr(at + 1, "`synckairos_")) {
        REQUIRE(sscanf(at, "`%99[a-z_]", name) == 1);
        if (!EXPECT(strstr(scrape->text, kept_text("# TYPE %s ", name)) != NULL)) {
            printf(" (%s)", name);
        }
    }
}

static void the_page_on_monitoring_names_every_alert(void)
{
    size_t alerts = 0;
    char name[100];
    const char *page = file_text("docs/monitoring.md");
    const char *rules = file_text("deploy/prometheus/rules/synckairos.yml");
    for (const char *at = strstr(rules, "- alert: "); at; at = strstr(at + 1, "- alert: ")) {
        REQUIRE(sscanf(at, "- alert: %99s", name) == 1);
        expect_named(page, name);
        alerts++;
    }
    EXPECT(alerts >= 15);
}

/* Whether a link reaches a heading by an anchor: lower case, hyphens for blanks, neither points nor commas. */
static bool is_reached(const char *heading, const char *anchor)
{
    for (; *heading != '\0' && *heading != '\n'; heading++) {
        const int letter = *heading == ' ' ? '-' : tolower((unsigned char)*heading);
        if ((isalnum(letter) || letter == '-') && letter != *anchor++) {
            return false;
        }
    }
    return *anchor == '\0';
}

static bool has_section(const char *page, const char *anchor)
{
    for (const char *at = strstr(page, "\n## "); at; at = strstr(at + 1, "\n## ")) {
        if (is_reached(at + strlen("\n## "), anchor)) {
            return true;
        }
    }
    return false;
}

static void every_alert_names_a_section_of_the_page_on_troubles(void)
{
    size_t alerts = 0;
    char alert[100];
    char page[100];
    char anchor[100];
    const char *rules = file_text("deploy/prometheus/rules/synckairos.yml");
    for (const char *at = strstr(rules, "- alert: "); at; at = strstr(at + 1, "- alert: ")) {
        const char *url = strstr(at, "runbook_url: ");
        REQUIRE(url && sscanf(at, "- alert: %99s", alert) == 1);
        REQUIRE(sscanf(url, "runbook_url: %99[^#\n]#%99[^\n]", page, anchor) == 2);
        if (!EXPECT(has_section(file_text(page), anchor))) {
            printf(" (%s: %s#%s)", alert, page, anchor);
        }
        alerts++;
    }
    EXPECT(alerts >= 15);
}

CU_TestInfo prometheus_tests[] = {
    {"no alert is raised while all is well", no_alert_is_raised_while_all_is_well}, /* before others make failures */
    {"every query of the dashboard is answered with data", every_query_of_the_dashboard_is_answered_with_data},
    {"what is rare is shown as 0 until it happens", what_is_rare_is_shown_as_0_until_it_happens},
    {"the dashboard is one that Grafana takes", the_dashboard_is_one_that_grafana_takes},
    {"an alert tells that the timekeeper is gone", an_alert_tells_that_the_timekeeper_is_gone},
    {"an alert tells that Redis does not answer", an_alert_tells_that_redis_does_not_answer},
    {"the page on monitoring names every metric", the_page_on_monitoring_names_every_metric},
    {"the page on monitoring names every alert", the_page_on_monitoring_names_every_alert},
    {"every alert names a section of the page on troubles", every_alert_names_a_section_of_the_page_on_troubles},
    CU_TEST_INFO_NULL,
};

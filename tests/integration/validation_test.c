/* What requests may be: each limit with the last value inside and the first one outside, and requests that are hardly
 * any. What a body costs that is as large and as nasty as it may be. */
#include "tests/integration/story.h"
#include "tests/integration/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY_MAX ((size_t)1 << 20)
#define COST_MAX_MS 150 /* asserted generously: 50 is the aim, and sanitizers and a busy machine take their share */

/* --- limits of fields --------------------------------------------------------------------------------------------- */

#define ID64 "1234567890123456789012345678901234567890123456789012345678901234"
#define TWO "'participants':[{'participant_id':'a'},{'participant_id':'b'}]"

struct limit {
    const char *members; /* of a body for POST /v1/sessions */
    const char *field;   /* that is complained about; "": the body is right */
};

static const struct limit limits[] = {
    {"'sync_mode':'count_up'", ""},
    {"'sync_mode':'count_up','session_id':'" ID64 "5'", "session_id"},
    {"'sync_mode':'count_up','session_id':''", "session_id"},
    {"'sync_mode':'count_up','session_id':'a b'", "session_id"},
    {"'sync_mode':'count_up','session_id':'a/b'", "session_id"},
    {"'sync_mode':'count_up','session_id':'\xc3\xa4'", "session_id"},
    {"'sync_mode':'count_up','session_id':7", "session_id"},
    {"'sync_mode':'count_up','session_id':null", ""},
    {"'sync_mode':'Count_up'", "sync_mode"},
    {"'sync_mode':['count_up']", "sync_mode"},
    {"'sync_mode':null", "sync_mode"},
    {"'sync_mode':'count_up','Session_id':'x'", "Session_id"},
    {"'sync_mode':'count_up','':1", ""},
    {"'sync_mode':'count_up','participants':[{'participant_id':'" ID64 "'}]", ""},
    {"'sync_mode':'count_up','participants':[{'participant_id':'" ID64 "5'}]", "participants[0].participant_id"},
    {"'sync_mode':'count_up','participants':[{'participant_id':'a','colour':'red'}]", "participants[0].colour"},
    {"'sync_mode':'count_up','participants':['a']", "participants[0]"},
    {"'sync_mode':'count_up','participants':'a'", "participants"},
    {"'sync_mode':'count_up'," TWO ",'active_participant_id':'b'", ""},
    {"'sync_mode':'count_up'," TWO ",'active_participant_id':'c'", "active_participant_id"},
    {"'sync_mode':'count_up','participants':[{'participant_id':'a','participant_index':2147483647}]", ""},
    {"'sync_mode':'count_up','participants':[{'participant_id':'a','participant_index':2147483648}]",
     "participants[0].participant_index"},
    {"'sync_mode':'count_up','participants':[{'participant_id':'a','total_time_ms':0}]", ""},
    {"'sync_mode':'count_up','participants':[{'participant_id':'a','total_time_ms':1}]",
     "participants[0].total_time_ms"},
    {"'sync_mode':'per_cycle','time_per_cycle_ms':1000,'participants':[{'participant_id':'a','total_time_ms':999}]",
     "participants[0].total_time_ms"},
    {"'sync_mode':'per_participant','participants':[{'participant_id':'a','total_time_ms':0}]",
     "participants[0].total_time_ms"},
    {"'sync_mode':'per_participant'", "participants"},
    {"'sync_mode':'per_participant','total_time_ms':1000,'participants':[]", "participants"},
    {"'sync_mode':'per_participant','total_time_ms':1000," TWO, ""},
    {"'sync_mode':'per_participant','total_time_ms':999," TWO, "total_time_ms"},
    {"'sync_mode':'per_participant','total_time_ms':2678400000," TWO, ""},
    {"'sync_mode':'per_participant','total_time_ms':2678400001," TWO, "total_time_ms"},
    {"'sync_mode':'per_participant','total_time_ms':5000.0," TWO, "total_time_ms"},
    {"'sync_mode':'per_participant','total_time_ms':5e3," TWO, "total_time_ms"},
    {"'sync_mode':'per_participant','total_time_ms':true," TWO, "total_time_ms"},
    {"'sync_mode':'per_participant','total_time_ms':'5000'," TWO, "total_time_ms"},
    {"'sync_mode':'per_cycle','time_per_cycle_ms':999," TWO, "time_per_cycle_ms"},
    {"'sync_mode':'per_cycle','time_per_cycle_ms':2678400001," TWO, "time_per_cycle_ms"},
    {"'sync_mode':'count_up','max_time_ms':999", "max_time_ms"},
    {"'sync_mode':'count_up','max_time_ms':1000", ""},
    {"'sync_mode':'count_up','max_time_ms':2678400001", "max_time_ms"},
    {"'sync_mode':'count_up','increment_ms':0", ""},
    {"'sync_mode':'count_up','increment_ms':3600000", ""},
    {"'sync_mode':'count_up','increment_ms':3600001", "increment_ms"},
    {"'sync_mode':'count_up','increment_ms':-1", "increment_ms"},
    {"'sync_mode':'count_up','auto_advance':1", "auto_advance"},
    {"'sync_mode':'count_up','warnings_ms':[]", ""},
    {"'sync_mode':'count_up','warnings_ms':[100,3600000,3,4]", "warnings_ms[2]"},
    {"'sync_mode':'count_up','warnings_ms':[100,3600001]", "warnings_ms[1]"},
    {"'sync_mode':'count_up','warnings_ms':[500,500]", "warnings_ms[1]"},
    {"'sync_mode':'count_up','warnings_ms':[101,102,103,104,105,106,107,108]", ""},
    {"'sync_mode':'count_up','warnings_ms':[101,102,103,104,105,106,107,108,109]", "warnings_ms"},
    {"'sync_mode':'per_group','total_time_ms':5000," TWO, "participants[1].group_id"},
    {"'sync_mode':'per_group','total_time_ms':5000,'participants':[{'participant_id':'a','group_id':'" ID64 "5'}]",
     "participants[0].group_id"},
    {"'sync_mode':'per_group','groups':[{'group_id':'red','total_time_ms':5000},{'group_id':'blue',"
     "'total_time_ms':5000}],'participants':[{'participant_id':'a','group_id':'red'}]",
     "groups[1].group_id"},
    {"'sync_mode':'per_group','groups':[{'group_id':'red','total_time_ms':0}],"
     "'participants':[{'participant_id':'a','group_id':'red'}]",
     "groups[0].total_time_ms"},
    {"'sync_mode':'count_up','metadata':[]", "metadata"},
    {"'sync_mode':'count_up','metadata':'x'", "metadata"},
    {"'sync_mode':'count_up','action_on_timeout':{'type':7}", "action_on_timeout.type"},
    {"'sync_mode':'count_up','action_on_timeout':{'type':'" ID64 "'}", ""},
    {"'sync_mode':'count_up','action_on_timeout':{'type':'" ID64 "5'}", "action_on_timeout.type"},
};

static void every_limit_of_a_field_holds(void)
{
    for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
        struct answer *answer = call("POST", "/v1/sessions", kept_text("{%s}", limits[i].members));
        const bool is_empty_name = strstr(limits[i].members, "'':") != NULL;
        const bool right = limits[i].field[0] == '\0' && !is_empty_name;
        if (right ? answer->status != 201 : !complains_about(answer, limits[i].field)) {
            EXPECT_TEXT(kept_text("%ld %s", answer->status, answer->text), limits[i].members);
        }
        if (right) {
            delete_session(text_at(answer->body, "data.session_id"));
        }
    }
}

/* 8192 bytes written compactly, whatever blanks it came with. */
static void objects_have_so_many_bytes(void)
{
    static const char *const names[] = {"metadata", "action_on_timeout"};
    for (size_t is = 0; is < 2; is++) {
        const char *head = is ? "{\"type\":\"ring\",\"x\":\"\"}" : "{\"x\":\"\"}";
        const int filler = 8192 - (int)strlen(head);
        for (int more = 0; more < 2; more++) {
            const char *object = kept_text("{ %s 'x' : '%0*d' }", is ? "'type' : 'ring' ," : "", filler + more, 0);
            struct answer *answer =
                call("POST", "/v1/sessions", kept_text("{'sync_mode':'count_up','%s':%s}", names[is], object));
            EXPECT_STATUS(answer, more ? 400 : 201);
            EXPECT_INT(more, complains_about(answer, names[is]));
        }
    }
}

/* --- JSON --------------------------------------------------------------------------------------------------------- */

static void what_json_forbids_is_refused(void)
{
    static const char *const bodies[] = {
        "{'a':1,'a':1}",
        "{'a':1,'\\u0061':1}",
        "{'metadata':{'a':{'b':1,'b':2}}}",
        "{'metadata':{'a':'\xc3'}}",
        "{'metadata':{'a':'\xed\xa0\x80'}}",
        "{'metadata':{'a':'\xc0\xaf'}}",
        "{'metadata':{'\xff':1}}",
        "{'metadata':{'a':'\\ud800'}}",
        "{'metadata':{'a':'\\u0000'}}",
        "{'metadata':{'\\u0000':1}}",
        "{'increment_ms':NaN}",
        "{'increment_ms':Infinity}",
        "{'increment_ms':-Infinity}",
        "{'increment_ms':99999999999999999999}",
        "{'increment_ms':1e999}",
        "{'increment_ms':01}",
        "{'increment_ms':+1}",
        "{'increment_ms':0x10}",
        "{'increment_ms':1,}",
        "{'increment_ms':1",
        "{'increment_ms':1}}",
        "{'increment_ms':1} x",
        "{increment_ms:1}",
        "{'a':'\t'}",
        "/**/{}",
        "\xef\xbb\xbf{}",
        "nul",
        "null",
        "7",
        "   ",
        "{'a':'\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4' x}",
    };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
        struct answer *refused = call("POST", "/v1/sessions", bodies[i]);
        if (!EXPECT_ERROR(refused, 400, "INVALID_JSON")) {
            EXPECT_TEXT(refused->text, bodies[i]);
        }
    }
}

/* The body's own object is the first level. */
static void json_is_so_deep_and_no_deeper(void)
{
    for (int levels = 32; levels <= 33; levels++) {
        char open[40] = "";
        char shut[40] = "";
        memset(open, '[', (size_t)levels - 2);
        memset(shut, ']', (size_t)levels - 2);
        const char *body = kept_text("{'sync_mode':'count_up','metadata':{'[{':%s%s}}", open, shut);
        struct answer *answer = call("POST", "/v1/sessions", body);
        if (levels == 32) {
            EXPECT_STATUS(answer, 201);
        } else {
            EXPECT_ERROR(answer, 400, "INVALID_JSON");
        }
    }
}

/* --- requests that are hardly any --------------------------------------------------------------------------------- */

/* Sends bytes as they are, closes its sending side, and reads what comes; kept. "": the connection was just closed. */
static const char *raw(const char *bytes, size_t length, bool shut)
{
    char *answer = kept_text("%*s", 16384, "");
    size_t used = 0;
    const int fd = port_connect(stack.web_port, 0);
    REQUIRE(fd >= 0);
    EXPECT(send(fd, bytes, length, MSG_NOSIGNAL) == (ssize_t)length);
    if (shut) {
        shutdown(fd, SHUT_WR);
    }
    for (ssize_t got = 1; got > 0 && used<16383; used += got> 0 ? (size_t)got : 0) {
        got = recv(fd, answer + used, 16383 - used, 0);
    }
    answer[used] = '\0';
    close(fd);
    return answer;
}

static void expect_raw(const char *head, const char *body, const char *status)
{
    const char *request = kept_text("%s\r\nHost: x\r\nConnection: close\r\n\r\n%s", head, body);
    const char *answer = raw(request, strlen(request), false);
    if (strncmp(answer, status, strlen(status)) != 0) {
        EXPECT_TEXT(answer, status);
    }
}

#define POST_JSON "POST /v1/sessions HTTP/1.1\r\nContent-Type: application/json\r\n"
#define CHUNKED POST_JSON "Transfer-Encoding: chunked"

static void bodies_in_chunks_are_put_together(void)
{
    const char *member = json_quoted("'sync_mode':'count_up'");
    const char *pieces = kept_text("1\r\n{\r\n%zx\r\n%s\r\n1\r\n}\r\n0\r\n\r\n", strlen(member), member);
    expect_raw(CHUNKED, pieces, "HTTP/1.1 201");
    expect_raw(CHUNKED, "0\r\n\r\n", "HTTP/1.1 400"); /* no body: the mode is missing */
    expect_raw(CHUNKED, "2\r\n{]\r\n0\r\n\r\n", "HTTP/1.1 400");
    expect_raw(CHUNKED, "zz\r\n{}\r\n0\r\n\r\n", "HTTP/1.1 400");
    expect_raw(CHUNKED, kept_text("100001\r\n%*s\r\n0\r\n\r\n", 0x100001, "{}"), "HTTP/1.1 413");
}

static void a_length_that_lies_is_found_out(void)
{
    expect_raw(POST_JSON "Content-Length: -1", "{}", "HTTP/1.1 400");
    expect_raw(POST_JSON "Content-Length: two", "{}", "HTTP/1.1 400");
    expect_raw(POST_JSON "Content-Length: 2\r\nContent-Length: 3", "{}", "HTTP/1.1 400");
    expect_raw(POST_JSON "Content-Length: 1", "{}", "HTTP/1.1 400"); /* "{" alone, and "}" is no next request */
    expect_raw(POST_JSON "Content-Length: 99999999999999999999", "{}", "HTTP/1.1 4");
    expect_raw("POST /v1/sessions HTTP/1.1\r\nContent-Type: application/json", "", "HTTP/1.1 411");
    expect_raw(POST_JSON "Content-Length: 0", "", "HTTP/1.1 400");
    const char *early = POST_JSON "Host: x\r\nContent-Length: 500\r\n\r\n{";
    const char *answer = raw(early, strlen(early), true);
    EXPECT(answer[0] == '\0' || strncmp(answer, "HTTP/1.1 4", 10) == 0);
    EXPECT_STATUS(call("GET", "/health", NULL), 200);
}

static void head_is_get_without_a_body(void)
{
    const char *id = fresh_id("head");
    create(id, CHESS);
    const char *const paths[] = {kept_text("/v1/sessions/%s", id),        "/v1/sessions", "/v1/time", "/health",
                                 kept_text("/v1/sessions/%s/events", id), "/v1/nothing"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        struct answer *head = call("HEAD", paths[i], NULL);
        struct answer *get = call("GET", paths[i], NULL);
        EXPECT_INT(head->status, get->status);
        EXPECT_INT((int64_t)head->text_bytes, 0);
        EXPECT_TEXT(answer_header(head, "Content-Type"), "application/json; charset=utf-8");
    }
    EXPECT_TEXT(answer_header(call("HEAD", paths[0], NULL), "ETag"), "\"1\"");
    EXPECT_INT(call("HEAD", kept_text("/v1/sessions/%s/start", id), NULL)->status, 405);
    EXPECT_INT(int_at(look(id)->body, "data.version"), 1);
}

static void paths_and_methods_are_told_apart(void)
{
    static const struct {
        const char *path;
        const char *allow; /* NULL: no such route */
    } rows[] = {
        {"/v1/sessions", "POST, GET, HEAD, OPTIONS"},
        {"/v1/sessions/x", "GET, HEAD, DELETE, OPTIONS"},
        {"/v1/sessions/x/start", "POST, OPTIONS"},
        {"/v1/sessions/x/participants", "POST, OPTIONS"},
        {"/v1/sessions/x/participants/p", "PATCH, DELETE, OPTIONS"},
        {"/v1/sessions/x/events", "GET, HEAD, OPTIONS"},
        {"/v1/time", "GET, HEAD, OPTIONS"},
        {"/health", "GET, HEAD, OPTIONS"},
        {"/v1/sessions/", NULL},
        {"/v1/sessions/x/", NULL},
        {"/v1/sessions/x/participants/", NULL},
        {"/v1/sessions/x/participants/p/q", NULL},
        {"/v1/", NULL},
        {"/v1/Sessions", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct answer *options = call("OPTIONS", rows[i].path, NULL);
        struct answer *put = call("PUT", rows[i].path, "{}");
        if (!rows[i].allow) {
            EXPECT_ERROR(options, 404, "NOT_FOUND");
            EXPECT_ERROR(put, 404, "NOT_FOUND");
            continue;
        }
        EXPECT_STATUS(options, 204);
        EXPECT_TEXT(answer_header(options, "Allow"), rows[i].allow);
        EXPECT_ERROR(put, 405, "METHOD_NOT_ALLOWED");
        EXPECT_TEXT(answer_header(put, "Allow"), rows[i].allow);
    }
}

static void a_body_is_json_by_name_too(void)
{
    const char *url = kept_text("%s/v1/sessions", stack.url);
    static const struct {
        const char *type;
        bool good;
    } rows[] = {
        {"application/json", true},
        {"Application/JSON", true},
        {"application/json;charset=UTF-8", true},
        {"application/json ; charset=utf-8", true},
        {"application/jsonp", false},
        {"application/json, text/plain", false},
        {"application/merge-patch+json", false},
        {"text/plain", false},
        {"multipart/form-data; boundary=x", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct answer *answer = http_post_bytes(url, "{}", 2, kept_text("Content-Type: %s", rows[i].type));
        if (rows[i].good) {
            EXPECT_ERROR(answer, 400, "VALIDATION_ERROR");
        } else {
            EXPECT_ERROR(answer, 415, "UNSUPPORTED_MEDIA_TYPE");
        }
    }
    struct answer *without = http_post_bytes(url, "", 0, "Content-Type: text/plain"); /* nothing to be JSON */
    EXPECT_ERROR(without, 400, "VALIDATION_ERROR");
}

/* --- cost --------------------------------------------------------------------------------------------------------- */

/* Without a NUL behind it. */
static void put(char *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        out[i] = text[i];
    }
}

static void quote(char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\'') {
            text[i] = '"';
        }
    }
}

/* One piece of a list, with its number where it has a %d; its length. */
static size_t print_piece(char *out, size_t bytes, const char *piece, size_t number)
{
    const char *place = strstr(piece, "%d");
    const char *comma = number ? "," : "";
    const int length = place
                           ? snprintf(out, bytes, "%s%.*s%zu%s", comma, (int)(place - piece), piece, number, place + 2)
                           : snprintf(out, bytes, "%s%s", comma, piece);
    return (size_t)length;
}

/* A body of the maximal size, with " for ': head, as many pieces as fit, foot, and blanks. */
static char *largest(const char *head, const char *piece, const char *foot, size_t pieces_max)
{
    char *body = kept_text("%*s", (int)BODY_MAX, "");
    const size_t foot_length = strlen(foot);
    const size_t end = BODY_MAX - foot_length;
    size_t used = strlen(head);
    put(body, head, used);
    for (size_t i = 0; i < pieces_max; i++) {
        char one[200];
        const size_t length = print_piece(one, sizeof(one), piece, i);
        if (used + length > end) {
            break;
        }
        put(body + used, one, length);
        used += length;
    }
    put(body + used, foot, foot_length);
    quote(body, used + foot_length);
    return body;
}

/* The same with a filler between head and foot in place of pieces. */
static char *filled(const char *head, char filler, const char *foot)
{
    char *body = kept_text("%*s", (int)BODY_MAX, foot);
    const size_t start = strlen(head);
    put(body, head, start);
    memset(body + start, filler, BODY_MAX - start - strlen(foot));
    quote(body, BODY_MAX);
    return body;
}

/* Processor time of a process and its threads so far, in ticks. */
static int64_t ticks_of(pid_t pid)
{
    char line[1024] = "";
    long user = 0;
    long kernel = 0;
    FILE *stat = fopen(kept_text("/proc/%d/stat", (int)pid), "re");
    if (stat) {
        line[fread(line, 1, sizeof(line) - 1, stat)] = '\0';
        fclose(stat);
    }
    const char *end = strrchr(line, ')');
    if (!end || sscanf(end, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &kernel) != 2) {
        return NOWHERE;
    }
    return user + kernel;
}

static void the_nastiest_body_is_cheap(void)
{
    enum { TIMES = 10 };
    const struct {
        const char *name;
        char *body;
    } rows[] = {
        {"blanks", largest("{", "", "}", 1)},
        {"one long text", filled("{'metadata':{'a':'", 'x', "'}}")},
        {"one long name", filled("{'", 'x', "':1}")},
        {"escapes", filled("{'metadata':{'a':'", '\\', "'}}")},
        {"one long integer", filled("{'increment_ms':", '9', "}")},
        {"one long fraction", filled("{'increment_ms':0.", '9', "}")},
        {"brackets", filled("{'metadata':", '[', "}")},
        {"open texts", filled("{'metadata':{", '"', "}}")},
        {"unknown names", largest("{", "'%d':0", "}", BODY_MAX)},
        {"just so many unknown names", largest("{", "'unknown-name-number-%d':0", "}", 32700)},
        {"nearly the same names", largest("{", "'aaaaaaaaaaaaaaaaaaaaaaaaaaa%d':0", "}", 32700)},
        {"one name many times", largest("{", "'a':0", "}", BODY_MAX)},
        {"a list of numbers", largest("{'metadata':{'a':[", "1e-300", "]}}", 32700)},
        {"lists of lists", largest("{'metadata':{'a':[", "[[]]", "]}}", 10900)},
        {"a thousand participants with problems",
         largest("{'sync_mode':'per_group','participants':[",
                 "{'participant_id':'same','participant_index':-1,'total_time_ms':1.5,'group_id':7,'x%d':1}", "]}",
                 1000)},
        {"a thousand groups twice",
         largest("{'sync_mode':'per_group','participants':[{'participant_id':'a','group_id':'g'}],'groups':[",
                 "{'group_id':'1234567890123456789012345678901234567890123456789012345678901%d','total_time_ms':0}",
                 "]}", 1000)},
        {"more participants than may be",
         largest("{'sync_mode':'count_up','participants':[", "{'participant_id':'p%d'}", "]}", 16000)},
        {"participants of one index",
         largest("{'sync_mode':'count_up','participants':[",
                 "{'participant_id':'123456789012345678901234567890123456789012345678901234567890%d',"
                 "'participant_index':5}",
                 "]}", 1000)},
    };
    struct api *api = api_start((const char *const[]){"API_THREADS=1", NULL});
    const char *url = kept_text("%s/v1/sessions", api->url);
    const pid_t pid = process_pid(api->program);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const int64_t before = ticks_of(pid);
        for (int times = 0; times < TIMES; times++) {
            struct answer answer;
            http_exchange(&(struct request){.method = "POST",
                                            .url = url,
                                            .body = rows[i].body,
                                            .body_bytes = BODY_MAX,
                                            .headers = "Content-Type: application/json"},
                          &answer);
            if (answer.status != 400) {
                EXPECT_TEXT(kept_text("%ld %.200s", answer.status, answer.text ? answer.text : ""), rows[i].name);
            }
            answer_clear(&answer);
        }
        const int64_t cost_ms = (ticks_of(pid) - before) * 1000 / sysconf(_SC_CLK_TCK) / TIMES;
        printf("\n    %3lld ms: %s", (long long)cost_ms, rows[i].name);
        EXPECT_BETWEEN(cost_ms, 0, COST_MAX_MS);
    }
    printf("\n    ");
}

CU_TestInfo validation_tests[] = {
    {"every limit of a field holds", every_limit_of_a_field_holds},
    {"objects have so many bytes", objects_have_so_many_bytes},
    {"what JSON forbids is refused", what_json_forbids_is_refused},
    {"JSON is so deep and no deeper", json_is_so_deep_and_no_deeper},
    {"bodies in chunks are put together", bodies_in_chunks_are_put_together},
    {"a length that lies is found out", a_length_that_lies_is_found_out},
    {"HEAD is GET without a body", head_is_get_without_a_body},
    {"paths and methods are told apart", paths_and_methods_are_told_apart},
    {"a body is JSON by name too", a_body_is_json_by_name_too},
    {"the nastiest body is cheap", the_nastiest_body_is_cheap},
    CU_TEST_INFO_NULL,
};

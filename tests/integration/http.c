/* Requests over libcurl. Owns one easy handle a thread. */
#include "tests/integration/http.h"

#include "tests/integration/check.h"
#include "tests/integration/keep.h"
#include "tests/integration/record.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local CURL *own;

static size_t append(char **text, size_t *length, const char *bytes, size_t count)
{
    char *longer = realloc(*text, *length + count + 1);
    if (!longer) {
        return 0;
    }
    memcpy(longer + *length, bytes, count);
    *text = longer;
    *length += count;
    longer[*length] = '\0';
    return count;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *answer)
{
    struct answer *into = answer;
    return append(&into->text, &into->text_bytes, bytes, size * count);
}

static size_t on_header(char *bytes, size_t size, size_t count, void *answer)
{
    struct answer *into = answer;
    return append(&into->headers, &into->headers_bytes, bytes, size * count);
}

static struct curl_slist *header_list(const struct request *request)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    if (request->body && !(request->headers && strcasestr(request->headers, "content-type:"))) {
        list = curl_slist_append(list, "Content-Type: application/json");
    } else if (!request->body) {
        list = curl_slist_append(list, "Content-Type:");
    }
    for (const char *line = request->headers; line && *line; line += strspn(line, "\n")) {
        char header[4096];
        const size_t length = strcspn(line, "\n");
        (void)snprintf(header, sizeof(header), "%.*s", (int)length, line);
        list = curl_slist_append(list, header);
        line += length;
    }
    return list;
}

static void prepare(CURL *curl, const struct request *request, struct curl_slist *headers, struct answer *answer)
{
    *answer = (struct answer){0};
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(curl, CURLOPT_NOBODY, strcmp(request->method, "HEAD") == 0 ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)PATIENCE_MS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, answer);
    /* A POST without a body says Content-Length: 0, as browsers do; lighttpd answers 411 to one that says nothing. */
    if (request->body || strcmp(request->method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_bytes);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body ? request->body : "");
    }
}

static void finish(CURL *curl, CURLcode code, struct answer *answer)
{
    if (code == CURLE_OK) {
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
    }
    if (answer->text) {
        answer->body = json_loadb(answer->text, answer->text_bytes, JSON_REJECT_DUPLICATES, NULL);
    }
}

void http_exchange(const struct request *request, struct answer *answer)
{
    own = own ? own : curl_easy_init();
    curl_easy_reset(own);
    struct curl_slist *headers = header_list(request);
    prepare(own, request, headers, answer);
    finish(own, curl_easy_perform(own), answer);
    curl_slist_free_all(headers);
    record_exchange(request, answer);
}

void answer_clear(struct answer *answer)
{
    json_decref(answer->body);
    free(answer->text);
    free(answer->headers);
    *answer = (struct answer){0};
}

void http_thread_end(void)
{
    curl_easy_cleanup(own);
    own = NULL;
}

static void run_to_the_end(CURLM *multi)
{
    int running = 1;
    while (running && curl_multi_perform(multi, &running) == CURLM_OK && running) {
        if (curl_multi_poll(multi, NULL, 0, 1000, NULL) != CURLM_OK) {
            return;
        }
    }
}

static void collect(CURLM *multi)
{
    CURLMsg *message = NULL;
    int left = 0;
    while ((message = curl_multi_info_read(multi, &left))) {
        struct answer *answer = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&answer);
        finish(message->easy_handle, message->data.result, answer);
    }
}

void http_burst(const struct request *request, struct answer *answers, size_t count)
{
    CURLM *multi = curl_multi_init();
    CURL **curls = calloc(count, sizeof(CURL *));
    struct curl_slist *headers = header_list(request);
    if (!multi || !curls) {
        abort();
    }
    for (size_t i = 0; i < count; i++) {
        curls[i] = curl_easy_init();
        prepare(curls[i], request, headers, &answers[i]);
        curl_easy_setopt(curls[i], CURLOPT_PRIVATE, (void *)&answers[i]);
        curl_multi_add_handle(multi, curls[i]);
    }
    run_to_the_end(multi);
    collect(multi);
    for (size_t i = 0; i < count; i++) {
        record_exchange(request, &answers[i]);
        curl_multi_remove_handle(multi, curls[i]);
        curl_easy_cleanup(curls[i]);
    }
    curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
    free(curls);
}

static void release_answer(void *answer)
{
    answer_clear(answer);
    free(answer);
}

static struct answer *kept_exchange(const struct request *request)
{
    struct answer *answer = keep(calloc(1, sizeof(*answer)), release_answer);
    http_exchange(request, answer);
    return answer;
}

struct answer *http_call(const char *method, const char *url, const char *quoted, const char *headers)
{
    struct request request = {.method = method, .url = url, .headers = headers};
    if (quoted) {
        request.body = json_quoted(quoted);
        request.body_bytes = strlen(request.body);
    }
    return kept_exchange(&request);
}

struct answer *http_post_bytes(const char *url, const char *body, size_t length, const char *headers)
{
    return kept_exchange(
        &(struct request){.method = "POST", .url = url, .body = body, .body_bytes = length, .headers = headers});
}

const char *answer_header(const struct answer *answer, const char *name)
{
    const size_t length = strlen(name);
    for (const char *line = answer->headers; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
            const char *value = line + length + 1 + strspn(line + length + 1, " ");
            return kept_text("%.*s", (int)strcspn(value, "\r\n"), value);
        }
    }
    return NULL;
}

char *json_quoted(const char *text)
{
    char *copy = kept_text("%s", text);
    for (char *at = copy; *at; at++) {
        if (*at == '\'') {
            *at = '"';
        }
    }
    return copy;
}

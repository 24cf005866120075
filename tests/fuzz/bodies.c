/* Fuzz target: what the API does with bodies. The first line is a new session's configuration, each further one an
 * operation on it: its name, the milliseconds that pass before it, its body. Whatever the strict readers accept, the
 * engine must be able to work with. */
#include "common/session_reader.h"
#include "tests/fuzz/clock_checks.h"

#define BEGIN_MS INT64_C(1790000000000)
#define STEPS_MAX 32

/* Reads the line as the arguments of that operation; false: it was refused. */
static int read_arguments(const struct input *line, enum sk_op op, struct sk_operation *operation)
{
    struct sk_error error = {.code = SK_OK};
    struct sk_problems problems = {0};
    json_t *body = sk_body_parse(line->text, line->length, &error);
    if (!body) {
        MUST(error.code == SK_INVALID_JSON && error.text[0]);
        return 0;
    }
    sk_operation_read(body, op, operation, &problems);
    int good = problems.count == 0;
    sk_problems_clear(&problems);
    json_decref(body);
    return good;
}

/* The reader of each operation sees each body. */
static void read_as_all(const struct input *line)
{
    for (int op = 0; op < SK_OP_COUNT; op++) {
        struct sk_operation operation;
        (void)read_arguments(line, (enum sk_op)op, &operation);
    }
}

/* The session that the line configures, created; NULL: it was refused. */
static struct sk_session *create(const struct input *line)
{
    struct sk_error error = {.code = SK_OK};
    struct sk_problems problems = {0};
    json_t *body = sk_body_parse(line->text, line->length, &error);
    struct sk_session *session = sk_session_new();
    MUST(session);
    if (body) {
        sk_session_read(body, session, &problems);
    }
    if (!body || problems.count > 0) {
        sk_session_free(session);
        session = NULL;
    } else {
        sk_engine_create(session, BEGIN_MS);
        check_view(session, BEGIN_MS);
        check_stored_form(session);
    }
    sk_problems_clear(&problems);
    json_decref(body);
    return session;
}

/* One operation at its time. */
static void step(struct sk_session *session, struct input *line, int64_t *now_ms)
{
    char word[24];
    struct sk_operation operation;
    struct sk_settlement settlement;
    struct sk_error error = {.code = SK_OK};
    input_word(line, word, sizeof word);
    enum sk_op op = sk_op_of(word);
    input_word(line, word, sizeof word);
    *now_ms += strtoll(word, NULL, 10) % INT64_C(100000000000);
    if (op == SK_OP_COUNT || !read_arguments(line, op, &operation)) {
        return;
    }
    settle_and_check(session, *now_ms, &settlement);
    int64_t version = session->version;
    enum sk_code code = sk_engine_apply(session, &operation, *now_ms, &settlement, &error);
    MUST(code != SK_INTERNAL_ERROR);
    MUST(code == SK_OK ? session->version - version <= 1 : session->version == version);
    sk_settlement_clear(&settlement);
    check_view(session, *now_ms);
    check_stored_form(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {(const char *)data, size};
    struct input line = {"", 0};
    int64_t now_ms = BEGIN_MS;
    (void)input_line(&input, &line);
    read_as_all(&line);
    struct sk_session *session = create(&line);
    for (int steps = 0; session && steps < STEPS_MAX && input_line(&input, &line); steps++) {
        step(session, &line, &now_ms);
    }
    sk_session_free(session);
    return 0;
}

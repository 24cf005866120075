/* Sessions for unit tests. */
#include "tests/unit/common/sessions.h"

#include "common/session_reader.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *parse(const char *text)
{
    char json[4096];
    size_t length = strlen(text);
    CU_ASSERT_FATAL(length < sizeof(json));
    for (size_t i = 0; i <= length; i++) {
        json[i] = text[i];
        if (text[i] == '\'') {
            json[i] = '"';
        }
    }
    json_t *value = sk_body_parse(json, length, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(value);
    return value;
}

struct sk_session *session_of(const char *config)
{
    struct sk_problems problems = {0};
    struct sk_session *session = sk_session_new();
    json_t *body = parse(config);
    if (!session) {
        abort();
    }
    sk_session_read(body, session, &problems);
    CU_ASSERT_EQUAL_FATAL(problems.count, 0);
    (void)snprintf(session->id, sizeof(session->id), "s1");
    sk_engine_create(session, T0);
    json_decref(body);
    return session;
}

enum sk_code operate(struct sk_session *session, const char *op, const char *arguments, int64_t now_ms)
{
    struct sk_problems problems = {0};
    struct sk_operation operation;
    struct sk_settlement settlement;
    struct sk_error error = {SK_OK, ""};
    json_t *body = parse(arguments);
    const char *whom = json_string_value(json_object_get(body, "participant_id"));
    char id[SK_ID_BYTES] = "";
    if (whom && strcmp(op, "add") != 0) {
        memcpy(id, whom, strlen(whom) + 1);
        json_object_del(body, "participant_id");
    }
    sk_operation_read(body, sk_op_of(op), &operation, &problems);
    CU_ASSERT_EQUAL_FATAL(problems.count, 0);
    if (id[0] != '\0') {
        memcpy(operation.participant_id, id, sizeof(id));
    }
    CU_ASSERT_EQUAL_FATAL(sk_engine_settle(session, now_ms, &settlement, &error), SK_OK);
    enum sk_code code = sk_engine_apply(session, &operation, now_ms, &settlement, &error);
    sk_settlement_clear(&settlement);
    json_decref(body);
    return code;
}

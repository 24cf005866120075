/* Fuzz target: REDIS_URL. What is accepted has a place to connect to and shows no password; nor does a refusal. */
#include "common/redis_url.h"

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = input_text(data, size);
    struct sk_redis_url url;
    struct sk_error error = {.code = SK_OK};
    if (sk_redis_url_parse(text, &url, &error) == SK_OK) {
        char shown[400];
        MUST((url.host[0] != '\0') != (url.path[0] != '\0'));
        MUST(url.path[0] || (url.port > 0 && url.port < 65536));
        MUST(url.db >= 0);
        MUST(sk_redis_url_shown(&url, shown, sizeof shown) == shown && shown[0]);
    } else {
        MUST(error.code == SK_VALIDATION_ERROR && error.text[0]);
        MUST(!strstr(text, ":hunter2@") || !strstr(error.text, "hunter2"));
    }
    free(text);
    return 0;
}

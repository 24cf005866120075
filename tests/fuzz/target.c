/* Fuzz target: which session a WebSocket connection asks for: the first line is the path, each further one an argument
 * of the query. What is accepted is an id. */
#include "relay/target.h"

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = input_text(data, size);
    char *rest = text;
    const char *path = strsep(&rest, "\n");
    struct sk_target target;
    sk_target_read_path(&target, path);
    while (rest) {
        sk_target_read_argument(&target, path, strsep(&rest, "\n"));
    }
    if (target.kind == SK_TARGET_SESSION) {
        MUST(sk_id_valid(target.session_id, strlen(target.session_id)));
    }
    free(text);
    return 0;
}

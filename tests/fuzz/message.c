/* Fuzz target: a published message, as the relay takes it from Redis. A header that was read, written again and read
 * again, is the same. */
#include "common/message.h"

#include "tests/fuzz/fuzz.h"

static void check_again(const struct sk_message_header *header, const char *text, size_t text_length)
{
    struct sk_buffer written = {0};
    struct sk_message_header again;
    const char *again_text = NULL;
    size_t again_length = 0;
    sk_message_write_header(&written, header);
    sk_buffer_append(&written, text, text_length);
    MUST(sk_message_read(written.data, written.length, &again, &again_text, &again_length));
    MUST(again.type == header->type && again.version == header->version &&
         again.updated_at_ms == header->updated_at_ms && again.committed_at_ms == header->committed_at_ms &&
         strcmp(again.request_id, header->request_id) == 0);
    MUST(again_length == text_length && memcmp(again_text, text, text_length) == 0);
    sk_buffer_clear(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sk_message_header header;
    const char *text = NULL;
    size_t text_length = 0;
    if (sk_message_read((const char *)data, size, &header, &text, &text_length)) {
        MUST(text >= (const char *)data && text + text_length == (const char *)data + size);
        MUST(sk_message_type_name(header.type) != NULL);
        check_again(&header, text, text_length);
    }
    return 0;
}

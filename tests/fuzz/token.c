/* Fuzz target: tokens. The input is a token as somebody sends it, which must never pass; and, where it is a JSON
 * object, it is also the claims of a token that is signed rightly, so that what reads the claims sees it. */
#include "common/token.h"

#include "tests/fuzz/fuzz.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define SECRET "0123456789abcdef0123456789abcdef"
#define HEADER "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9" /* {"alg":"HS256","typ":"JWT"} */
#define NOW_S INT64_C(1790000000)
#define CLAIMS_MAX ((size_t)4096)

static const struct sk_keyring *keyring(void)
{
    static struct sk_keyring *opened;
    static struct sk_config config;
    struct sk_error error;
    if (!opened) {
        MUST(setenv("JWT_SECRET", SECRET, 1) == 0 && setenv("JWT_AUDIENCE", "game", 1) == 0);
        MUST(sk_config_load(&config, SK_PROGRAM_API, &error) == SK_OK);
        MUST(sk_keyring_open(&opened, &config, &error) == SK_OK);
    }
    return opened;
}

/* Appends base64url without padding (RFC 4648 §5) behind a text; returns the new length. */
static size_t append_encoded(char *out, size_t length, const unsigned char *bytes, size_t count)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned held = 0;
    int bits = 0;
    for (size_t i = 0; i < count; i++) {
        held = (held << 8 | bytes[i]) & 0xffff;
        for (bits += 8; bits >= 6; bits -= 6) {
            out[length++] = alphabet[held >> (bits - 6) & 63];
        }
    }
    if (bits > 0) {
        out[length++] = alphabet[held << (6 - bits) & 63];
    }
    return length;
}

/* Signs the claims and has the token checked. */
static void check_claims(const uint8_t *claims, size_t size)
{
    static char token[sizeof HEADER + CLAIMS_MAX * 4 / 3 + 64];
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_bytes = 0;
    struct sk_identity identity;
    struct sk_error error = {.code = SK_OK};
    memcpy(token, HEADER ".", sizeof HEADER);
    size_t length = append_encoded(token, sizeof HEADER, claims, size);
    MUST(HMAC(EVP_sha256(), SECRET, sizeof SECRET - 1, (const unsigned char *)token, length, mac, &mac_bytes));
    token[length++] = '.';
    length = append_encoded(token, length, mac, mac_bytes);
    if (sk_token_check(keyring(), token, length, NOW_S, &identity, &error) == SK_OK) {
        MUST(!identity.session_id[0] || sk_id_valid(identity.session_id, strlen(identity.session_id)));
        MUST(!identity.participant_id[0] || sk_id_valid(identity.participant_id, strlen(identity.participant_id)));
        MUST(strlen(identity.subject) < SK_SUBJECT_BYTES && !identity.open);
        (void)sk_identity_allows(&identity, SK_SCOPE_CONTROL, "g1", true);
    } else {
        MUST(error.code == SK_UNAUTHORIZED && error.text[0]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sk_identity identity;
    struct sk_error error = {.code = SK_OK};
    MUST(sk_token_check(keyring(), (const char *)data, size, NOW_S, &identity, &error) == SK_UNAUTHORIZED);
    MUST(error.text[0]);
    char *text = input_text(data, size);
    const char *bearer = sk_token_bearer(text);
    MUST(!bearer || (bearer >= text && bearer <= text + size));
    free(text);
    if (size > 0 && size <= CLAIMS_MAX && data[0] == '{') {
        check_claims(data, size);
    }
    return 0;
}

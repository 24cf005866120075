/* SHA-256 over lists of texts. */
#include "common/digest.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define HASH_BYTES 32

static bool hash(const char *const *texts, size_t count, unsigned char out[HASH_BYTES])
{
    unsigned length = 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; i < count && good; i++) {
        good = EVP_DigestUpdate(context, texts[i], strlen(texts[i]) + 1) == 1;
    }
    good = good && EVP_DigestFinal_ex(context, out, &length) == 1 && length == HASH_BYTES;
    EVP_MD_CTX_free(context);
    return good;
}

bool sk_digest(const char *const *texts, size_t count, char out[SK_DIGEST_BYTES])
{
    unsigned char bytes[HASH_BYTES];
    out[0] = '\0';
    if (!hash(texts, count, bytes)) {
        return false;
    }
    for (size_t i = 0; i < HASH_BYTES; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    }
    return true;
}

bool sk_digest_uuid(const char *const *texts, size_t count, char out[SK_UUID_BYTES])
{
    char hex[SK_DIGEST_BYTES];
    out[0] = '\0';
    if (!sk_digest(texts, count, hex)) {
        return false;
    }
    hex[12] = '8'; /* the version; the variant's two bits are 10 */
    hex[16] = "89ab"[(hex[16] >= 'a' ? hex[16] - 'a' + 2 : hex[16] - '0') & 3];
    (void)snprintf(out, SK_UUID_BYTES, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
    return true;
}

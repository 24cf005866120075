/* From two files to an SSL_CTX: what is asked of the files, and what is agreed on with clients. */
#include "relay/certificate.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHAIN "RELAY_TLS_CERT_FILE"
#define KEY "RELAY_TLS_KEY_FILE"

static enum sk_code refuse(struct sk_error *error, const char *option, const char *file, const char *why)
{
    return sk_fail(error, SK_VALIDATION_ERROR, "%s (%.60s): %s", option, file, why);
}

/* What OpenSSL says of a failure's origin; it never speaks of a key's content. */
static const char *openssl_reason(const char *otherwise)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    return reason != NULL ? reason : otherwise;
}

/* Whoever started the relay may have a terminal: OpenSSL would ask there, and wait. */
static int no_passphrase(char *out, int bytes, int writing, void *context)
{
    (void)out;
    (void)bytes;
    (void)writing;
    (void)context;
    return -1;
}

/* Opens a regular file; anything else might have the reader wait. NULL: errno says why. */
static FILE *open_file(const char *file)
{
    struct stat status;
    int fd = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return NULL;
    }
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        (void)close(fd);
        errno = EINVAL;
        return NULL;
    }
    return fdopen(fd, "r");
}

/* Why open_file has failed. */
static const char *file_reason(void)
{
    return errno == EINVAL ? "not a regular file" : strerror(errno);
}

static enum sk_code read_key(const char *file, EVP_PKEY **key, struct sk_error *error)
{
    FILE *in = open_file(file);
    if (in == NULL) {
        return refuse(error, KEY, file, file_reason());
    }
    *key = PEM_read_PrivateKey(in, NULL, no_passphrase, NULL);
    (void)fclose(in);
    return *key != NULL ? SK_OK : refuse(error, KEY, file, "not a private key in PEM without a passphrase");
}

static enum sk_code use_chain(SSL_CTX *context, const char *file, struct sk_error *error)
{
    FILE *in = open_file(file);
    if (in == NULL) {
        return refuse(error, CHAIN, file, file_reason());
    }
    (void)fclose(in);
    if (SSL_CTX_use_certificate_chain_file(context, file) != 1) {
        return refuse(error, CHAIN, file, openssl_reason("not a certificate in PEM"));
    }
    return SK_OK;
}

/* NULL: it is valid now. */
static const char *fault_of(const X509 *certificate)
{
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) {
        return "the certificate has expired";
    }
    return X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0 ? "the certificate is not valid yet" : NULL;
}

/* Clients refuse the whole where any part of it is not valid. */
static enum sk_code check_dates(SSL_CTX *context, const char *file, struct sk_error *error)
{
    STACK_OF(X509) *rest = NULL;
    const char *fault = fault_of(SSL_CTX_get0_certificate(context));
    (void)SSL_CTX_get0_chain_certs(context, &rest);
    for (int i = 0; fault == NULL && i < sk_X509_num(rest); i++) {
        fault = fault_of(sk_X509_value(rest, i)) != NULL ? "a certificate of the chain is not valid now" : NULL;
    }
    return fault == NULL ? SK_OK : refuse(error, CHAIN, file, fault);
}

static enum sk_code use_pair(SSL_CTX *context, const char *chain_file, const char *key_file, struct sk_error *error)
{
    EVP_PKEY *key = NULL;
    enum sk_code code = use_chain(context, chain_file, error);
    code = code == SK_OK ? read_key(key_file, &key, error) : code;
    if (code == SK_OK && X509_check_private_key(SSL_CTX_get0_certificate(context), key) != 1) {
        code = refuse(error, KEY, key_file, "not the key of the certificate in " CHAIN);
    }
    if (code == SK_OK && SSL_CTX_use_PrivateKey(context, key) != 1) {
        code = refuse(error, KEY, key_file, openssl_reason("the key cannot be used"));
    }
    EVP_PKEY_free(key);
    return code == SK_OK ? check_dates(context, chain_file, error) : code;
}

/* RFC 7301: WebSockets are HTTP/1.1 here. Who asks for other protocols alone has not meant this server. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_length, const unsigned char *in,
                           unsigned in_length, void *context)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen = NULL;
    (void)ssl;
    (void)context;
    int found = SSL_select_next_proto(&chosen, out_length, ours, sizeof ours - 1, in, in_length);
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* Tickets let a client come back without the costly part of a handshake; a cache of sessions here would do the same for
 * more memory. A peer that ends the TCP connection without a word of TLS is taken to have said one: WebSocket has close
 * frames of its own, so nothing that was cut off passes for whole. */
static bool set_up(SSL_CTX *context)
{
    (void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    (void)SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                        SSL_MODE_RELEASE_BUFFERS);
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1;
}

enum sk_code sk_certificate_load(const char *chain_file, const char *key_file, SSL_CTX **context,
                                 struct sk_error *error)
{
    SSL_CTX *made = SSL_CTX_new(TLS_server_method());
    if (made == NULL || !set_up(made)) {
        SSL_CTX_free(made);
        return sk_fail(error, SK_INTERNAL_ERROR, "OpenSSL cannot start");
    }
    enum sk_code code = use_pair(made, chain_file, key_file, error);
    ERR_clear_error();
    if (code != SK_OK) {
        SSL_CTX_free(made);
        return code;
    }
    *context = made;
    return SK_OK;
}

/* Keys (P-256) and certificates by OpenSSL. What fails here is a broken machine, and ends the run. */
#include "tests/integration/certificates.h"

#include "tests/integration/keep.h"
#include "tests/integration/stack.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void add_extension(X509 *certificate, int kind, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, value);
    must(extension && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

static X509 *self_signed(const char *name, EVP_PKEY *key, long from_s, long to_s)
{
    X509 *certificate = X509_new();
    int64_t serial = 0;
    must(certificate && RAND_bytes((unsigned char *)&serial, sizeof(serial)) == 1);
    X509_NAME *subject = X509_get_subject_name(certificate);
    must(X509_set_version(certificate, X509_VERSION_3) == 1 &&
         ASN1_INTEGER_set_int64(X509_get_serialNumber(certificate), serial & INT64_MAX) == 1 &&
         X509_gmtime_adj(X509_getm_notBefore(certificate), from_s) &&
         X509_gmtime_adj(X509_getm_notAfter(certificate), to_s) && X509_set_pubkey(certificate, key) == 1 &&
         X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) == 1 &&
         X509_set_issuer_name(certificate, subject) == 1);
    add_extension(certificate, NID_subject_alt_name, "IP:127.0.0.1");
    must(X509_sign(certificate, key, EVP_sha256()) > 0);
    return certificate;
}

static FILE *file_for(const char *path)
{
    FILE *file = fopen(path, "we");
    must(file != NULL);
    return file;
}

static void write_key(const char *path, EVP_PKEY *key, const EVP_CIPHER *cipher, char *passphrase)
{
    FILE *file = file_for(path);
    must(PEM_write_PKCS8PrivateKey(file, key, cipher, NULL, 0, NULL, passphrase) == 1);
    must(fclose(file) == 0);
}

struct certificate certificate_make(const char *name, long from_s, long to_s)
{
    char passphrase[] = "open sesame";
    const struct certificate made = {.chain_file = kept_text("%s/%s.pem", stack.folder, name),
                                     .key_file = kept_text("%s/%s.key", stack.folder, name),
                                     .locked_key_file = kept_text("%s/%s-locked.key", stack.folder, name)};
    EVP_PKEY *key = EVP_EC_gen("P-256");
    must(key != NULL);
    X509 *certificate = self_signed(name, key, from_s, to_s);
    FILE *file = file_for(made.chain_file);
    must(PEM_write_X509(file, certificate) == 1);
    must(fclose(file) == 0);
    write_key(made.key_file, key, NULL, NULL);
    write_key(made.locked_key_file, key, EVP_aes_256_cbc(), passphrase);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return made;
}

/* Certificates of a test's own making, for 127.0.0.1, each signed by itself. */
#ifndef SK_TESTS_CERTIFICATES_H
#define SK_TESTS_CERTIFICATES_H

struct certificate {
    const char *chain_file; /* PEM, like the others; all are kept */
    const char *key_file;
    const char *locked_key_file; /* the same key, behind a passphrase */
};

/* Writes files called after name into the stack's folder, over those that are there. Valid from so many seconds after
 * now to so many after now; either may be negative. */
struct certificate certificate_make(const char *name, long from_s, long to_s);

#endif

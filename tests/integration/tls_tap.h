/* A port of the test's own, behind which is a TLS server: what speaks plainly here is spoken in TLS there, by a client
 * that checks the certificate. So every client of the tests can be one in TLS. A thread a connection. */
#ifndef SK_TESTS_TLS_TAP_H
#define SK_TESTS_TLS_TAP_H

struct tls_tap;

/* Begins to listen; ends with the test. trusted_file: the one certificate that is accepted, read now. */
struct tls_tap *tls_tap_start(int server_port, const char *trusted_file);

int tls_tap_port(const struct tls_tap *tap);

/* Connections whose handshake went well, those that had a ticket among them, those whose handshake did not, and those
 * that the server ended as TLS wants it (close_notify). */
int tls_tap_greeted(const struct tls_tap *tap);
int tls_tap_resumed(const struct tls_tap *tap);
int tls_tap_refused(const struct tls_tap *tap);
int tls_tap_ended_well(const struct tls_tap *tap);

#endif

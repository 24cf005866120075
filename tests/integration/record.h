/* What a test run sent and received, a JSON line an exchange, in the file that SYNCKAIROS_EXCHANGES names: there
 * tests/openapi looks whether all of it is documented. Without that variable nothing is written. */
#ifndef SK_TESTS_RECORD_H
#define SK_TESTS_RECORD_H

#include "tests/integration/http.h"

/* Appends one; an exchange without an answer is none. Any thread may call it. */
void record_exchange(const struct request *request, const struct answer *answer);

/* What answers on that port of the loopback is not the API (a relay's own port, METRICS_PORT): it is not recorded. */
void record_leave_out(int port);

#endif

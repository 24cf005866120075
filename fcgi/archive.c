/* Asks PostgreSQL for a connection and closes it again, within a bounded time. Sends no statement. */
#include "fcgi/archive.h"

#include "common/server_clock.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stddef.h>

void sk_archive_probe_open(struct archive_probe *probe, const char *url)
{
    *probe = (struct archive_probe){.url = url};
}

/* Waits until libpq's socket is ready for what it wants next; false when the time is up. */
static bool wait_for(PGconn *connection, PostgresPollingStatusType wanted, int64_t until_us)
{
    int64_t left_ms = (until_us - sk_monotonic_us()) / 1000;
    struct pollfd ready = {.fd = PQsocket(connection), .events = wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT};
    return left_ms > 0 && poll(&ready, 1, (int)left_ms) > 0;
}

static bool connects(const char *url)
{
    /* A host that drops packets must not hold the answer up; TLS stays as the URL asks for it. */
    const char *const keywords[] = {"dbname", "fallback_application_name", NULL};
    const char *const values[] = {url, "synckairos-api", NULL};
    int64_t until_us = sk_monotonic_us() + INT64_C(1000) * SK_ARCHIVE_TIMEOUT_MS;
    PGconn *connection = PQconnectStartParams(keywords, values, 1);
    PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
    if (!connection || PQstatus(connection) == CONNECTION_BAD) {
        wanted = PGRES_POLLING_FAILED;
    }
    while (wanted == PGRES_POLLING_READING || wanted == PGRES_POLLING_WRITING) {
        wanted = wait_for(connection, wanted, until_us) ? PQconnectPoll(connection) : PGRES_POLLING_FAILED;
    }
    PQfinish(connection);
    return wanted == PGRES_POLLING_OK;
}

bool sk_archive_probe_reachable(struct archive_probe *probe)
{
    int64_t now_us = sk_monotonic_us();
    if (!probe->checked_at_us || now_us - probe->checked_at_us > INT64_C(1000) * SK_ARCHIVE_FRESH_MS) {
        probe->reachable = connects(probe->url);
        probe->checked_at_us = sk_monotonic_us();
    }
    return probe->reachable;
}

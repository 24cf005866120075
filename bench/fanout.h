/* One message to many WebSocket clients, as SyncKairos' relay does it and as nginx with nchan does: the same text, the
 * same clients, the same rate, by turns in one run. What is compared is the way from publishing to the clients: the
 * relay hears it from Redis, nchan from its own publisher location, by HTTP. */
#ifndef SK_BENCH_FANOUT_H
#define SK_BENCH_FANOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fanout_spec {
    size_t clients;
    size_t bytes;       /* of the text */
    int64_t per_second; /* messages */
    int64_t round_s;    /* how long a turn of each lasts */
    int rounds;         /* how many turns each has */
};

/* Runs it on the stack, with a relay and an nginx of its own, and prints the table. */
void fanout_compare(const struct fanout_spec *spec);

/* Publishes STATE_UPDATEs of a session on Redis as whoever makes a change does, count of them; the first has the
 * version first. Blocks until the last is out. */
void fanout_publish(const char *session_id, int64_t first, size_t count, size_t bytes, int64_t per_second);

#endif

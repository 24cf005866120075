/* How many connections come from where. Counts by household: an IPv4 address, or the /64 of an IPv6 one
 * (common/network.h). Owns one small record a household that has connections here, and nothing of one that has none,
 * so its memory is bounded by the connections. Decides nothing (admission.h). */
#ifndef SK_RELAY_GUARD_H
#define SK_RELAY_GUARD_H

#include <stddef.h>
#include <stdint.h>

struct sk_guard;

struct sk_household {
    int64_t clients; /* those that were let in; the clients count */
    int64_t refused; /* those that are being sent away; likewise */
    size_t holders;  /* connections that point here, let in or not; the guard counts */
};

/* Owned; NULL when out of memory. */
struct sk_guard *sk_guard_new(void);
void sk_guard_free(struct sk_guard *guard);

/* The household of that name, for one more connection, which must give it back. NULL when out of memory: the
 * connection is not counted then. */
struct sk_household *sk_guard_hold(struct sk_guard *guard, const char *name);

/* The connection has gone. NULL: nothing happens. */
void sk_guard_release(struct sk_guard *guard, struct sk_household *household);

/* How many households there are. */
size_t sk_guard_count(const struct sk_guard *guard);

#endif

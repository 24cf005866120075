/* Addresses and networks: "10.0.0.0/8", "::1". Pure; resolves no names. */
#ifndef SK_COMMON_NETWORK_H
#define SK_COMMON_NETWORK_H

#include <stdbool.h>
#include <stddef.h>

/* Whether text is an IPv4 or IPv6 address. */
bool sk_network_is_address(const char *text);

/* Whether text is an address, or one with the number of bits that count. */
bool sk_network_is_network(const char *text);

/* Whether every word of a list separated by spaces or commas is a network; an empty list is right. */
bool sk_network_is_list(const char *list);

/* Whether the address lies in one of the networks of the list. An IPv4 address written as IPv6 (::ffff:10.0.0.1) counts
 * as IPv4. False for what is no address. */
bool sk_network_contains(const char *list, const char *address);

/* Writes whom an address stands for, the same for each way to write it: an IPv4 address, or the /64 of an IPv6 one,
 * which is what a single customer has. What is no address is written as it is. */
void sk_network_owner(const char *address, char *out, size_t bytes);

/* Whether the address is this host itself: 127.0.0.0/8 or ::1. */
bool sk_network_is_loopback(const char *address);

#endif

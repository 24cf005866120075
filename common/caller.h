/* Where a request comes from: the client's address, seen through the proxies that the operator trusts. */
#ifndef SK_COMMON_CALLER_H
#define SK_COMMON_CALLER_H

#include <stddef.h>

#define SK_ADDRESS_BYTES 64

/* The address that counts: the web server's peer, or, while that is a trusted proxy, whoever it says it speaks for,
 * from the right of X-Forwarded-For on; a port behind it is left out. trusted: a list of networks; "": nobody is, and
 * forwarded is ignored. An entry that is no address ends the search: nothing left of it can be believed. */
void sk_caller_address(const char *peer, const char *forwarded, const char *trusted, char out[SK_ADDRESS_BYTES]);

#endif

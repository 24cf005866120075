/* What the kernel knows of a connection's incoming bytes. Pure but for the one question to the kernel. */
#ifndef SK_RELAY_INFLOW_H
#define SK_RELAY_INFLOW_H

#include <stdint.h>

/* How many bytes a TCP connection has received since it was opened, whether they were read or not. 0: it is no TCP
 * connection. Does not block. */
uint64_t sk_inflow_bytes(int fd);

#endif

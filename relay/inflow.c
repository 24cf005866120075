/* TCP_INFO, as Linux has it: the C library's record of it ends before what is asked for here, and the two headers
 * cannot stand side by side. Owns nothing. */
#include "relay/inflow.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

uint64_t sk_inflow_bytes(int fd)
{
    struct tcp_info info = {0};
    socklen_t length = sizeof info;
    bool known = getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 &&
                 length >= offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received;
    return known ? info.tcpi_bytes_received : 0;
}

/* Ports of the loopback: free ones, connections to them, listening on them. */
#ifndef SK_TESTS_PORT_H
#define SK_TESTS_PORT_H

#include <stdbool.h>

/* A port that nobody listened on a moment ago. */
int free_port(void);

/* Whether somebody accepts connections there. */
bool port_answers(int port);

/* A connection that sends without delay and whose reads give up with the test's patience; -1: nobody takes it. The
 * caller closes it. receive_bytes: of its receive buffer, and the segments of a network then; 0: as the
 * system likes. */
int port_connect(int port, int receive_bytes);

/* A socket that listens on a port which the system gives. The caller closes it. */
int port_listen(int *port);

#endif

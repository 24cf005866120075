/* Other web servers in front of the same service: each with the configuration that the project ships for it, in which
 * only addresses and folders are exchanged for those of the run. Suites are opened and closed with these: between the
 * two the stack's URL and port are the front's, so that any test that talks to the web server talks to it. */
#ifndef SK_TESTS_FRONT_H
#define SK_TESTS_FRONT_H

#include "tests/integration/process.h"

/* Start a web server with an API of its own behind it. Not 0: it does not answer. */
int front_open_nginx(void);
int front_open_nginx_kept(void); /* with fastcgi_keep_conn */
int front_open_apache(void);

/* lighttpd, which starts the API as a plain CGI program. */
int front_open_cgi(void);

/* Stops both, and the stack has its own web server again. */
int front_close(void);

/* The API behind the front; NULL: it starts its own. The second starts it anew, with more environment. */
struct process *front_api(void);
void front_restart_api(const char *const *env);

#endif

/* The same API as a plain CGI program (RFC 3875): one request from the environment and standard input, answered on
 * standard output. For web servers without FastCGI, and for trying out; every request pays for a process and a
 * connection to Redis. */
#ifndef SK_FCGI_CGI_H
#define SK_FCGI_CGI_H

#include "fcgi/api.h"

#include <stdbool.h>

/* Whether a web server has started this process to answer one request. */
bool sk_cgi_invoked(void);

/* Answers the request. Blocks as the web server sends and the store answers. False: the answer could not be written,
 * the web server is gone. */
bool sk_cgi_serve(struct api *api) __attribute__((warn_unused_result));

#endif

/* Between libfcgi and the API. Owns the connection while a request is on it.
 *
 * libfcgi 2.4.2 is used for the protocol alone, never for accept(): its accept loop cannot be woken without a signal
 * that would also break a read() in progress, and it holds a thread on every connection that a web server keeps. So
 * FCGX_Accept_r is given a connection that was accepted already (it reads on if ipcFd is set and the request before was
 * to be kept) and no listening socket: where the bytes are no request, its next accept() fails at once. */
#include "fcgi/exchange.h"

#include <fcgiapp.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define NO_SOCKET (-1)
#define DRAIN_BYTES ((size_t)16 * 1024 * 1024)

bool sk_exchange_init(void)
{
    return FCGX_Init() == 0;
}

static const char *variable(void *context, const char *name)
{
    const FCGX_Request *fcgx = context;
    return FCGX_GetParam(name, fcgx->envp);
}

static ptrdiff_t read_body(void *context, char *bytes, size_t limit)
{
    const FCGX_Request *fcgx = context;
    int got = FCGX_GetStr(bytes, limit < INT_MAX ? (int)limit : INT_MAX, fcgx->in);
    return FCGX_GetError(fcgx->in) ? -1 : got;
}

static void answer(FCGX_Request *fcgx, struct api *api, struct sk_buffer *out, bool *drained)
{
    struct request request;
    struct reply reply;
    const struct request_source source = {.context = fcgx, .variable = variable, .read = read_body};
    sk_request_open(&request, &source);
    sk_reply_open(&reply);
    sk_api_handle(api, &request, &reply);
    sk_request_drain(&request, DRAIN_BYTES);
    *drained = request.drained;
    sk_buffer_reset(out);
    sk_reply_write(&reply, request.request_id, strcmp(request.method, "HEAD") == 0, out);
    for (size_t sent = 0; sent < out->length && !out->failed;) { /* half an answer would be none */
        size_t rest = out->length - sent;
        int put = FCGX_PutStr(out->data + sent, rest < INT_MAX ? (int)rest : INT_MAX, fcgx->out);
        if (put <= 0) {
            break; /* the web server is gone; FCGX_Finish_r closes */
        }
        sent += (size_t)put;
    }
    sk_reply_clear(&reply);
    sk_request_close(&request);
}

int sk_exchange_serve(int fd, struct api *api, struct sk_buffer *out)
{
    FCGX_Request fcgx;
    bool drained = false;
    (void)FCGX_InitRequest(&fcgx, NO_SOCKET, FCGI_FAIL_ACCEPT_ON_INTR);
    fcgx.ipcFd = fd;
    fcgx.keepConnection = 1;
    if (FCGX_Accept_r(&fcgx) != 0) {
        return -1; /* no request: closed by the peer, or rubbish; libfcgi has closed it */
    }
    if (FCGX_GetError(fcgx.in)) {
        FCGX_Free(&fcgx, 1); /* it broke off among the variables, which libfcgi takes for their end */
        return -1;
    }
    answer(&fcgx, api, out, &drained);
    bool keep = fcgx.keepConnection && drained;
    fcgx.keepConnection =
        drained;          /* where nothing is left to read, closing need not wait for the peer, as libfcgi does */
    FCGX_Finish_r(&fcgx); /* after an error it closes whatever was said */
    if (fcgx.ipcFd >= 0 && !keep) {
        (void)close(fcgx.ipcFd);
        fcgx.ipcFd = -1;
    }
    return fcgx.ipcFd;
}

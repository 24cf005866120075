/* What the files of a client share (client.c: its life and what is sent; client_sync.c, client_inbound.c and
 * client_tick.c: what is told, said, and due); nobody else includes it. */
#ifndef SK_RELAY_CLIENT_PARTS_H
#define SK_RELAY_CLIENT_PARTS_H

#include "relay/client.h"

#define US_PER_MS INT64_C(1000)
#define US_PER_S INT64_C(1000000)

/* What waits goes out, or is waited for, in this very moment: what is for this client alone holds up nobody. */
void sk_client_send_now(struct sk_client *client);

/* What waits goes out when it is its turn: others may get the same in this moment, and they may be many. Where a full
 * socket is waited for already, that is its turn. */
void sk_client_send_soon(struct sk_client *client);

/* Queues a frame and sends it when it is its turn. A client whose queue is full is too slow. */
void sk_client_send_frame(struct sk_client *client, struct sk_frame_buffer *frame);

/* Takes text, and sends it now. */
void sk_client_send_text(struct sk_client *client, enum sk_frame_type type, struct sk_buffer *text);

/* Takes the answer to what the client said. Before it is greeted nothing can be sent, so only some are kept: to talk
 * meanwhile is not to be slow. Later, who lets SK_CLIENT_ANSWERS_MAX of them wait is. type: PONG or ERROR. */
void sk_client_send_answer(struct sk_client *client, enum sk_frame_type type, struct sk_buffer *text);
void sk_client_send_error(struct sk_client *client, const char *code, const char *message);

/* Its peer does not take what it is sent. The writable callback may never come: the tick drops it then. */
void sk_client_close_slow(struct sk_client *client);

/* Cuts it off without another word. */
void sk_client_abort(struct sk_client *client);

/* Its session's id; NULL: it listens to the feed. */
const char *sk_client_session(const struct sk_client *client);

/* Redis' time, 0 while it was never heard. */
int64_t sk_client_now_ms(const struct sk_client *client);

#endif

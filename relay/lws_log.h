/* What libwebsockets says, in our log. Mostly a stranger has made it say so, so it is bounded: so many lines a second,
 * then how many more there were. One loop's, since libwebsockets' hook for lines has no place for anything of ours. */
#ifndef SK_RELAY_LWS_LOG_H
#define SK_RELAY_LWS_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SK_LWS_LOG_LINES_A_SECOND 10

struct sk_lws_log_quota {
    int64_t since_us; /* when this second began */
    unsigned lines;   /* in it */
    size_t left_out;  /* that nobody was told of */
};

/* Whether one more line may be written at now_us. */
bool sk_lws_log_take(struct sk_lws_log_quota *quota, int64_t now_us);

/* How many lines were left out, once the second in which that was is over; 0: none, or not yet. */
size_t sk_lws_log_left_out(struct sk_lws_log_quota *quota, int64_t now_us);

/* The hook for lws_set_log_level, and what is to be done from time to time. */
void sk_lws_log_line(int level, const char *line);
void sk_lws_log_tick(int64_t now_us);

#endif

/* Looking into the stores behind the programs' backs: Redis by command, PostgreSQL by query. Each call has a
 * connection of its own, so that a restart of the store needs no care. */
#ifndef SK_TESTS_PEEK_H
#define SK_TESTS_PEEK_H

#include <hiredis/hiredis.h>
#include <stdint.h>

#define NO_ROW INT64_MIN

/* The reply, kept until the test is over; NULL: Redis does not answer. */
redisReply *redis_peek(const char *format, ...);

/* The same for words of any bytes; lengths NULL: they are texts. */
redisReply *redis_peek_words(int count, const char **words, const size_t *lengths);

/* An integer reply; NO_ROW if it is none. */
int64_t redis_int(const char *format, ...);

/* Redis' TIME in milliseconds; NO_ROW while it does not answer. */
int64_t redis_now_ms(void);

/* The first column of the first row, kept until the test is over; "(nothing)" without a row or for NULL. */
const char *sql_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same as a number; NO_ROW. */
int64_t sql_int(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

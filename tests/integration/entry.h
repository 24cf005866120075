/* Entries of the audit stream by hand: an event as it stands there, to be added once more with something changed. */
#ifndef SK_TESTS_ENTRY_H
#define SK_TESTS_ENTRY_H

#include <stddef.h>

#define ENTRY_FIELDS ((size_t)16)

struct entry {
    const char *text[2 * ENTRY_FIELDS]; /* names and values in turn; kept until the test is over */
    size_t length[2 * ENTRY_FIELDS];
};

/* The newest of the stream; the test ends where there is none. */
void entry_newest(struct entry *entry);

/* Gives a field that is there another value, of any bytes; borrowed. */
void entry_change(struct entry *entry, const char *field, const char *value, size_t length);

/* Makes it another event of another session, which nobody but PostgreSQL knows. */
void entry_make_other(struct entry *entry, const char *session_id);

/* Adds the first so many fields of it to the stream. */
void entry_add(const struct entry *entry, size_t fields);

#endif

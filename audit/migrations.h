/* The schema's migrations: files NNN_name.sql, applied in order, once each, recorded with a hash of their text. */
#ifndef SK_AUDIT_MIGRATIONS_H
#define SK_AUDIT_MIGRATIONS_H

#include "audit/database.h"

#include <stdio.h>

/* One file of the folder, and the row that tells of it. */
struct sk_migration {
    char *name;      /* owned: the file's name */
    char *text;      /* owned: the file's content */
    char hash[65];   /* SHA-256 of the text, hexadecimal */
    bool is_applied; /* PostgreSQL has it */
};

struct sk_migrations {
    struct sk_migration *list; /* owned, in order */
    size_t count;
};

/* Reads a folder's migrations. SK_VALIDATION_ERROR: the folder cannot be read, has none, or their numbers are not
 * 001, 002, … without a gap. */
enum sk_code sk_migrations_load(const char *folder, struct sk_migrations *migrations, struct sk_error *error)
    __attribute__((warn_unused_result));
void sk_migrations_clear(struct sk_migrations *migrations);

/* Takes note that PostgreSQL has a file of this name and hash. SK_VALIDATION_ERROR: the folder has no such file, or
 * another text, or an earlier one that is not applied (call in the order of names). */
enum sk_code sk_migrations_note(struct sk_migrations *migrations, const char *name, const char *hash,
                                struct sk_error *error) __attribute__((warn_unused_result));

/* Applies what is missing, each in a transaction of its own, under an advisory lock of the session: a second one at the
 * same time waits, and finds nothing to do. (Through a pool in transaction mode there is no such lock: connect to
 * PostgreSQL itself.) Tells what it does on out. */
enum sk_code sk_migrations_apply(struct sk_migrations *migrations, struct sk_database *database, FILE *out,
                                 struct sk_error *error) __attribute__((warn_unused_result));

#endif

/* Applying the schema's migrations. Owns the table schema_migrations and the advisory lock; knows nothing of what the
 * files say. */
#include "audit/migrations.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX (16L << 20)

/* "SynK" as a number, and 1 for migrations, so that nobody else's lock in this database is met by accident. */
#define LOCK "1400467019, 1"

static const char record_sql[] = "CREATE TABLE IF NOT EXISTS schema_migrations ("
                                 "  name text PRIMARY KEY,"
                                 "  sha256 text NOT NULL,"
                                 "  applied_at timestamptz NOT NULL DEFAULT now());"
                                 "COMMENT ON TABLE schema_migrations IS"
                                 "  'What synckairos-audit migrate has applied, and the SHA-256 of each file then.'";

/* --- the folder ------------------------------------------------------------------------------------------------- */

void sk_migrations_clear(struct sk_migrations *migrations)
{
    for (size_t i = 0; i < migrations->count; i++) {
        free(migrations->list[i].name);
        free(migrations->list[i].text);
    }
    free(migrations->list);
    *migrations = (struct sk_migrations){0};
}

static int is_sql(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 4 && strcmp(entry->d_name + length - 4, ".sql") == 0;
}

static int by_name(const struct dirent **left, const struct dirent **right)
{
    return strcmp((*left)->d_name, (*right)->d_name);
}

/* The number in front of NNN_name.sql; 0 where the name is not of that form. */
static size_t number_of(const char *name)
{
    size_t number = 0;
    for (int i = 0; i < 3; i++) {
        if (!isdigit((unsigned char)name[i])) {
            return 0;
        }
        number = number * 10 + (size_t)(name[i] - '0');
    }
    return name[3] == '_' ? number : 0;
}

/* The whole text, NUL-terminated and without another NUL; NULL otherwise. Owned. */
static char *read_text(FILE *file)
{
    if (fseek(file, 0, SEEK_END) != 0) {
        return NULL;
    }
    long size = ftell(file);
    if (size < 0 || size > FILE_BYTES_MAX || fseek(file, 0, SEEK_SET) != 0) {
        return NULL;
    }
    char *text = calloc(1, (size_t)size + 1);
    if (text && (fread(text, 1, (size_t)size, file) != (size_t)size || strlen(text) != (size_t)size)) {
        free(text);
        text = NULL;
    }
    return text;
}

static enum sk_code load_file(const char *folder, const char *name, struct sk_migration *migration,
                              struct sk_error *error)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = length > 0 && (size_t)length < sizeof path ? fopen(path, "rbe") : NULL;
    if (file) {
        migration->text = read_text(file);
        (void)fclose(file);
    }
    migration->name = strdup(name);
    if (!migration->text || !migration->name) {
        return sk_fail(error, SK_VALIDATION_ERROR, "%s cannot be read", name);
    }
    return SK_OK;
}

static enum sk_code load_files(const char *folder, struct dirent **names, size_t count,
                               struct sk_migrations *migrations, struct sk_error *error)
{
    migrations->list = calloc(count + 1, sizeof *migrations->list);
    if (!migrations->list) {
        return sk_fail(error, SK_VALIDATION_ERROR, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        const char *name = names[i]->d_name;
        if (number_of(name) != i + 1) {
            return sk_fail(error, SK_VALIDATION_ERROR, "%s: found where a file %03zu_….sql belongs", name, i + 1);
        }
        enum sk_code code = load_file(folder, name, &migrations->list[migrations->count++], error);
        if (code) {
            return code;
        }
    }
    return SK_OK;
}

enum sk_code sk_migrations_load(const char *folder, struct sk_migrations *migrations, struct sk_error *error)
{
    *migrations = (struct sk_migrations){0};
    struct dirent **names = NULL;
    int count = scandir(folder, &names, is_sql, by_name);
    if (count < 0) {
        return sk_fail(error, SK_VALIDATION_ERROR, "%.100s: %s", folder, strerror(errno));
    }
    enum sk_code code = count > 0 ? load_files(folder, names, (size_t)count, migrations, error)
                                  : sk_fail(error, SK_VALIDATION_ERROR, "%.100s holds no .sql file", folder);
    for (int i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
    if (code) {
        sk_migrations_clear(migrations);
    }
    return code;
}

/* --- what is applied -------------------------------------------------------------------------------------------- */

static struct sk_migration *find(struct sk_migrations *migrations, const char *name)
{
    for (size_t i = 0; i < migrations->count; i++) {
        if (strcmp(migrations->list[i].name, name) == 0) {
            return &migrations->list[i];
        }
    }
    return NULL;
}

enum sk_code sk_migrations_note(struct sk_migrations *migrations, const char *name, const char *hash,
                                struct sk_error *error)
{
    struct sk_migration *migration = find(migrations, name);
    if (!migration) {
        return sk_fail(error, SK_VALIDATION_ERROR, "%s is applied but not in the folder: an older release's?", name);
    }
    if (strcmp(migration->hash, hash) != 0) {
        return sk_fail(error, SK_VALIDATION_ERROR, "%s was changed after it was applied", name);
    }
    if (migration != migrations->list && !migration[-1].is_applied) {
        return sk_fail(error, SK_VALIDATION_ERROR, "%s is applied, but %s before it is not", name, migration[-1].name);
    }
    migration->is_applied = true;
    return SK_OK;
}

static enum sk_code hash_all(struct sk_migrations *migrations, struct sk_database *database, struct sk_error *error)
{
    for (size_t i = 0; i < migrations->count; i++) {
        struct sk_migration *migration = &migrations->list[i];
        const char *parameters[] = {migration->text};
        PGresult *result;
        enum sk_code code = sk_database_query(database, "SELECT encode(sha256(convert_to($1, 'UTF8')), 'hex')", 1,
                                              parameters, &result, error);
        if (code) {
            return code;
        }
        (void)snprintf(migration->hash, sizeof migration->hash, "%s", PQgetvalue(result, 0, 0));
        PQclear(result);
    }
    return SK_OK;
}

static enum sk_code note_all(struct sk_migrations *migrations, struct sk_database *database, struct sk_error *error)
{
    PGresult *rows;
    enum sk_code code = sk_database_query(
        database, "SELECT name, sha256 FROM schema_migrations ORDER BY name COLLATE \"C\"", 0, NULL, &rows, error);
    for (int i = 0; !code && i < PQntuples(rows); i++) {
        code = sk_migrations_note(migrations, PQgetvalue(rows, i, 0), PQgetvalue(rows, i, 1), error);
    }
    PQclear(rows);
    return code;
}

/* --- applying --------------------------------------------------------------------------------------------------- */

/* The transaction that is open, 0 when none is. */
static enum sk_code current_transaction(struct sk_database *database, int64_t *id, struct sk_error *error)
{
    PGresult *result;
    *id = 0;
    if (!sk_database_in_transaction(database)) {
        return SK_OK;
    }
    enum sk_code code = sk_database_query(database, "SELECT pg_current_xact_id()", 0, NULL, &result, error);
    if (!code) {
        *id = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    }
    PQclear(result);
    return code;
}

/* Runs the file's statements, and makes sure that the transaction around them is the same before and after. */
static enum sk_code run_text(const struct sk_migration *migration, struct sk_database *database, struct sk_error *error)
{
    int64_t before;
    int64_t after;
    enum sk_code code = current_transaction(database, &before, error);
    if (!code) {
        code = sk_database_run(database, migration->text, NULL, error);
    }
    if (!code) {
        code = current_transaction(database, &after, error);
    }
    if (!code && before != after) {
        code = sk_fail(error, SK_VALIDATION_ERROR, "the file ends the transaction that it is applied in");
    }
    return code;
}

static enum sk_code apply_text(const struct sk_migration *migration, struct sk_database *database,
                               struct sk_error *error)
{
    /* An index over a long trail takes longer than a timeout meant for requests. */
    enum sk_code code = sk_database_run(database, "BEGIN; SET LOCAL statement_timeout = 0", NULL, error);
    if (!code) {
        code = run_text(migration, database, error);
    }
    if (!code) {
        const char *parameters[] = {migration->name, migration->hash};
        PGresult *result;
        code = sk_database_query(database, "INSERT INTO schema_migrations (name, sha256) VALUES ($1, $2)", 2,
                                 parameters, &result, error);
        PQclear(result);
    }
    return code ? code : sk_database_run(database, "COMMIT", NULL, error);
}

static enum sk_code apply_missing(const struct sk_migrations *migrations, struct sk_database *database, FILE *out,
                                  struct sk_error *error)
{
    for (size_t i = 0; i < migrations->count; i++) {
        const struct sk_migration *migration = &migrations->list[i];
        if (migration->is_applied) {
            continue;
        }
        struct sk_error why = {0};
        enum sk_code code = apply_text(migration, database, &why);
        if (code) {
            return sk_fail(error, code, "%s: %s", migration->name, why.text);
        }
        (void)fprintf(out, "applied %s\n", migration->name);
    }
    (void)fprintf(out, "the schema is up to date (%zu migrations)\n", migrations->count);
    return SK_OK;
}

static enum sk_code lock(struct sk_database *database, FILE *out, struct sk_error *error)
{
    PGresult *result;
    enum sk_code code = sk_database_query(database, "SELECT pg_try_advisory_lock(" LOCK ")", 0, NULL, &result, error);
    if (code) {
        return code;
    }
    bool held = PQgetvalue(result, 0, 0)[0] == 't';
    PQclear(result);
    if (held) {
        return SK_OK;
    }
    (void)fprintf(out, "another migration is under way; waiting for it\n");
    (void)fflush(out);
    return sk_database_run(database, "SELECT pg_advisory_lock(" LOCK ")", NULL, error);
}

enum sk_code sk_migrations_apply(struct sk_migrations *migrations, struct sk_database *database, FILE *out,
                                 struct sk_error *error)
{
    enum sk_code code = lock(database, out, error);
    if (!code) {
        code = sk_database_run(database, record_sql, NULL, error);
    }
    if (!code) {
        code = hash_all(migrations, database, error);
    }
    if (!code) {
        code = note_all(migrations, database, error);
    }
    if (!code) {
        code = apply_missing(migrations, database, out, error);
    }
    if (!code) {
        code = sk_database_run(database, "SELECT pg_advisory_unlock(" LOCK ")", NULL, error);
    }
    if (code) {
        sk_database_disconnect(database); /* which ends the transaction and gives the lock back */
    }
    return code;
}

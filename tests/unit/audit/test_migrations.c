/* Migrations: which folders are taken, and which records go with them. */
#include "audit/migrations.h"
#include "tests/unit/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILES_MAX 4

struct folder {
    char path[64];
    const char *names[FILES_MAX];
};

static void make_path(const struct folder *folder, const char *name, char *out, size_t bytes)
{
    int length = snprintf(out, bytes, "%s/%s", folder->path, name);
    CU_ASSERT_FATAL(length > 0 && (size_t)length < bytes);
}

static void put_file(const struct folder *folder, const char *name, const char *bytes, size_t length)
{
    char path[128];
    make_path(folder, name, path, sizeof path);
    FILE *file = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fwrite(bytes, 1, length, file), length);
    CU_ASSERT_EQUAL(fclose(file), 0);
}

static void open_folder(struct folder *folder, const char *const *names)
{
    *folder = (struct folder){.path = "/tmp/synckairos-sql-XXXXXX"};
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder->path));
    for (size_t i = 0; i < FILES_MAX && names[i]; i++) {
        folder->names[i] = names[i];
        put_file(folder, names[i], "SELECT 1;", 9);
    }
}

static void close_folder(const struct folder *folder)
{
    for (size_t i = 0; i < FILES_MAX && folder->names[i]; i++) {
        char path[128];
        make_path(folder, folder->names[i], path, sizeof path);
        CU_ASSERT_EQUAL(unlink(path), 0);
    }
    CU_ASSERT_EQUAL(rmdir(folder->path), 0);
}

static void folders_are_taken_or_refused(void)
{
    static const struct {
        const char *names[FILES_MAX];
        size_t count; /* 0: refused */
    } rows[] = {
        {{"001_a.sql"}, 1},
        {{"002_b.sql", "001_a.sql", "003_c.sql"}, 3},
        {{"001_a.sql", "README", ".001_b.sql"}, 1},
        {{"001_a.sql", "003_c.sql"}, 0},
        {{"002_b.sql"}, 0},
        {{"001_a.sql", "001_b.sql"}, 0},
        {{"001_a.sql", "2_b.sql"}, 0},
        {{"001_a.sql", "later.sql"}, 0},
        {{"000_a.sql"}, 0},
        {{"001a.sql"}, 0},
        {{"README"}, 0},
        {{NULL}, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct folder folder;
        struct sk_migrations migrations;
        struct sk_error error = {0};
        open_folder(&folder, rows[i].names);
        enum sk_code code = sk_migrations_load(folder.path, &migrations, &error);
        CU_ASSERT_EQUAL(code, rows[i].count > 0 ? SK_OK : SK_VALIDATION_ERROR);
        CU_ASSERT_EQUAL(migrations.count, rows[i].count);
        sk_migrations_clear(&migrations);
        close_folder(&folder);
    }
}

static void files_come_in_order_with_their_text(void)
{
    static const char *const names[FILES_MAX] = {"002_b.sql", "001_a.sql"};
    struct folder folder;
    struct sk_migrations migrations;
    struct sk_error error = {0};
    open_folder(&folder, names);
    put_file(&folder, "002_b.sql", "SELECT 2;\n", 10);
    CU_ASSERT_EQUAL_FATAL(sk_migrations_load(folder.path, &migrations, &error), SK_OK);
    CU_ASSERT_STRING_EQUAL(migrations.list[0].name, "001_a.sql");
    CU_ASSERT_STRING_EQUAL(migrations.list[1].name, "002_b.sql");
    CU_ASSERT_STRING_EQUAL(migrations.list[1].text, "SELECT 2;\n");
    sk_migrations_clear(&migrations);
    put_file(&folder, "002_b.sql", "SELECT\0 2;", 10); /* the server would see half of it */
    CU_ASSERT_EQUAL(sk_migrations_load(folder.path, &migrations, &error), SK_VALIDATION_ERROR);
    close_folder(&folder);
    CU_ASSERT_EQUAL(sk_migrations_load(folder.path, &migrations, &error), SK_VALIDATION_ERROR);
}

static void records_must_go_with_the_folder(void)
{
    char names[3][10] = {"001_a.sql", "002_b.sql", "003_c.sql"};
    struct sk_migration list[3] = {
        {.name = names[0], .hash = "aa"}, {.name = names[1], .hash = "bb"}, {.name = names[2], .hash = "cc"}};
    struct sk_migrations migrations = {.list = list, .count = 3};
    struct sk_error error = {0};
    CU_ASSERT_EQUAL(sk_migrations_note(&migrations, "002_b.sql", "bb", &error), SK_VALIDATION_ERROR); /* a gap */
    CU_ASSERT_FALSE(list[1].is_applied);
    CU_ASSERT_EQUAL(sk_migrations_note(&migrations, "001_a.sql", "xx", &error), SK_VALIDATION_ERROR); /* changed */
    CU_ASSERT_EQUAL(sk_migrations_note(&migrations, "001_a.sql", "aa", &error), SK_OK);
    CU_ASSERT_EQUAL(sk_migrations_note(&migrations, "002_b.sql", "bb", &error), SK_OK);
    CU_ASSERT_EQUAL(sk_migrations_note(&migrations, "004_d.sql", "dd", &error), SK_VALIDATION_ERROR); /* unknown */
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "004_d.sql"));
    CU_ASSERT_TRUE(list[0].is_applied && list[1].is_applied && !list[2].is_applied);
}

static void the_schema_itself_can_be_loaded(void)
{
    struct sk_migrations migrations;
    struct sk_error error = {0};
    CU_ASSERT_EQUAL_FATAL(sk_migrations_load("sql", &migrations, &error), SK_OK);
    CU_ASSERT(migrations.count >= 2);
    CU_ASSERT_STRING_EQUAL(migrations.list[0].name, "001_initial_schema.sql");
    sk_migrations_clear(&migrations);
}

void suite_migrations(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"folders are taken or refused", folders_are_taken_or_refused},
        {"files come in order with their text", files_come_in_order_with_their_text},
        {"records must go with the folder", records_must_go_with_the_folder},
        {"the schema itself can be loaded", the_schema_itself_can_be_loaded},
    };
    ADD_TESTS(suite, tests);
}

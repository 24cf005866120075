/* Tests of common/terms and digest. */
#include "common/digest.h"
#include "common/terms.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <string.h>

static void names_the_allowance_that_counts(void)
{
    struct sk_terms terms;
    sk_terms_open(&terms);
    CHECK("nothing is limited", !sk_terms_exceeded(&terms) && !sk_terms_tightest(&terms));
    terms.allowances[0] = (struct sk_allowance){.limit = 100, .used = 100};
    terms.allowances[1] = (struct sk_allowance){.limit = 10, .used = 3};
    terms.allowance_count = 2;
    CHECK("not counted yet", !sk_terms_exceeded(&terms) && !sk_terms_tightest(&terms));
    terms.counted = true;
    CHECK("the last one is allowed", !sk_terms_exceeded(&terms));
    CHECK("the least is left of the first", sk_terms_tightest(&terms) == &terms.allowances[0]);
    terms.allowances[1].used = 11;
    CHECK("one too many", sk_terms_exceeded(&terms) == &terms.allowances[1]);
    CHECK("the second now", sk_terms_tightest(&terms) == &terms.allowances[1]);
}

static void digests_are_sha_256(void)
{
    static const char *const empty[] = {""};
    static const char *const split[] = {"ab", "c"};
    static const char *const joined[] = {"a", "bc"};
    char digest[SK_DIGEST_BYTES];
    char other[SK_DIGEST_BYTES];
    CHECK("empty", sk_digest(empty, 1, digest)); /* of one zero byte */
    CHECK_TEXT("empty", digest, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    CHECK("texts do not run into each other", sk_digest(split, 2, digest) && sk_digest(joined, 2, other));
    CHECK("texts do not run into each other", strcmp(digest, other) != 0);
}

static void ids_follow_from_what_they_are_made_of(void)
{
    char first[SK_UUID_BYTES];
    char again[SK_UUID_BYTES];
    for (int i = 0; i < 64; i++) {
        char key[2] = {(char)('0' + i), '\0'};
        const char *const texts[] = {"session", "somebody", key};
        CHECK(key, sk_digest_uuid(texts, 3, first) && sk_digest_uuid(texts, 3, again));
        CHECK_TEXT(key, again, first);
        CHECK_INT(key, (int64_t)strlen(first), SK_UUID_BYTES - 1);
        CHECK_INT("version", first[14], '8');
        CHECK("variant", strchr("89ab", first[19]) != NULL);
    }
}

void suite_terms(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"names the allowance that counts", names_the_allowance_that_counts},
        {"digests are SHA-256", digests_are_sha_256},
        {"ids follow from what they are made of", ids_follow_from_what_they_are_made_of},
    };
    ADD_TESTS(suite, tests);
}

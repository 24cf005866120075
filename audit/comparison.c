/* Walks two JSON values side by side and keeps the first differences. */
#include "audit/comparison.h"

#include "common/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sk_comparison_note(struct sk_comparison *comparison, const char *field, const char *recorded, const char *replayed)
{
    if (comparison->count < SK_COMPARISON_MAX) {
        size_t number = comparison->count++;
        sk_utf8_format(comparison->list[number].field, SK_COMPARISON_BYTES, "%s", field);
        sk_utf8_format(comparison->list[number].recorded, SK_COMPARISON_BYTES, "%s", recorded);
        sk_utf8_format(comparison->list[number].replayed, SK_COMPARISON_BYTES, "%s", replayed);
    }
}

void sk_comparison_int(struct sk_comparison *comparison, const char *field, int64_t recorded, int64_t replayed)
{
    char texts[2][24];
    if (recorded != replayed) {
        (void)snprintf(texts[0], sizeof(texts[0]), "%" PRId64, recorded);
        (void)snprintf(texts[1], sizeof(texts[1]), "%" PRId64, replayed);
        sk_comparison_note(comparison, field, texts[0], texts[1]);
    }
}

/* As JSON in ASCII, so that what is printed is one line whatever it holds. Owned; NULL: out of memory. */
static char *render(const json_t *value)
{
    return value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII | JSON_SORT_KEYS)
                 : strdup("(nothing)");
}

static void note_values(struct sk_comparison *comparison, const char *path, const json_t *recorded,
                        const json_t *replayed)
{
    char *left = render(recorded);
    char *right = render(replayed);
    sk_comparison_note(comparison, path, left ? left : "(out of memory)", right ? right : "(out of memory)");
    free(left);
    free(right);
}

void sk_comparison_text(struct sk_comparison *comparison, const char *field, const char *recorded, const char *replayed)
{
    if (strcmp(recorded ? recorded : "", replayed ? replayed : "") != 0) {
        json_t *left = recorded && recorded[0] != '\0' ? json_string(recorded) : json_null();
        json_t *right = replayed && replayed[0] != '\0' ? json_string(replayed) : json_null();
        note_values(comparison, field, left, right);
        json_decref(left);
        json_decref(right);
    }
}

/* Whose members are of interest: two objects, or two lists. */
static bool are_alike(const json_t *left, const json_t *right)
{
    return (json_is_object(left) && json_is_object(right)) || (json_is_array(left) && json_is_array(right));
}

static void compare_objects(struct sk_comparison *comparison, const char *path, const json_t *recorded,
                            const json_t *replayed)
{
    char member[SK_COMPARISON_BYTES];
    /* Jansson has no iterator over what is const. */
    for (void *at = json_object_iter((json_t *)recorded); at; at = json_object_iter_next((json_t *)recorded, at)) {
        const char *key = json_object_iter_key(at);
        sk_utf8_format(member, sizeof(member), "%s.%s", path, key);
        sk_comparison_json(comparison, member, json_object_iter_value(at), json_object_get(replayed, key));
    }
    for (void *at = json_object_iter((json_t *)replayed); at; at = json_object_iter_next((json_t *)replayed, at)) {
        const char *key = json_object_iter_key(at);
        if (!json_object_get(recorded, key)) {
            sk_utf8_format(member, sizeof(member), "%s.%s", path, key);
            note_values(comparison, member, NULL, json_object_iter_value(at));
        }
    }
}

static void compare_lists(struct sk_comparison *comparison, const char *path, const json_t *recorded,
                          const json_t *replayed)
{
    char member[SK_COMPARISON_BYTES];
    size_t length =
        json_array_size(recorded) > json_array_size(replayed) ? json_array_size(recorded) : json_array_size(replayed);
    for (size_t i = 0; i < length && comparison->count < SK_COMPARISON_MAX; i++) {
        sk_utf8_format(member, sizeof(member), "%s.%zu", path, i);
        sk_comparison_json(comparison, member, json_array_get(recorded, i), json_array_get(replayed, i));
    }
}

/* The recursion is as deep as the values, which the parser bounds. */
void sk_comparison_json(struct sk_comparison *comparison, const char *path, const json_t *recorded,
                        const json_t *replayed)
{
    if (comparison->count == SK_COMPARISON_MAX || (recorded && json_equal(recorded, replayed))) {
        return;
    }
    if (!are_alike(recorded, replayed)) {
        note_values(comparison, path, recorded, replayed);
    } else if (json_is_object(recorded)) {
        compare_objects(comparison, path, recorded, replayed);
    } else {
        compare_lists(comparison, path, recorded, replayed);
    }
}

/* A table of households, by hash of the name. */
#include "relay/guard.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define BUCKETS 4096

struct record {
    struct sk_household household; /* first, so that one points to the other */
    LIST_ENTRY(record) chain;
    char name[];
};

struct sk_guard {
    uint64_t seed;
    size_t count;
    LIST_HEAD(records, record) buckets[BUCKETS];
};

/* FNV-1a from a start of this process' own, so that nobody can choose addresses that all fall into one chain. */
static size_t bucket_of(const struct sk_guard *guard, const char *name)
{
    uint64_t hash = guard->seed;
    for (const char *c = name; *c != '\0'; c++) {
        hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    }
    return (size_t)((hash ^ (hash >> 32)) % BUCKETS);
}

struct sk_guard *sk_guard_new(void)
{
    struct sk_guard *guard = calloc(1, sizeof *guard);
    if (guard != NULL) {
        arc4random_buf(&guard->seed, sizeof guard->seed);
    }
    return guard;
}

void sk_guard_free(struct sk_guard *guard)
{
    for (size_t i = 0; guard != NULL && i < BUCKETS; i++) {
        struct record *record = LIST_FIRST(&guard->buckets[i]);
        while (record != NULL) {
            struct record *next = LIST_NEXT(record, chain);
            free(record);
            record = next;
        }
    }
    free(guard);
}

static struct record *find(const struct records *bucket, const char *name)
{
    struct record *record = NULL;
    LIST_FOREACH(record, bucket, chain)
    {
        if (strcmp(record->name, name) == 0) {
            return record;
        }
    }
    return NULL;
}

static struct record *add(struct sk_guard *guard, struct records *bucket, const char *name)
{
    size_t bytes = strlen(name) + 1;
    struct record *record = calloc(1, sizeof *record + bytes);
    if (record != NULL) {
        memcpy(record->name, name, bytes);
        LIST_INSERT_HEAD(bucket, record, chain);
        guard->count++;
    }
    return record;
}

struct sk_household *sk_guard_hold(struct sk_guard *guard, const char *name)
{
    struct records *bucket = &guard->buckets[bucket_of(guard, name)];
    struct record *record = find(bucket, name);
    if (record == NULL) {
        record = add(guard, bucket, name);
    }
    if (record == NULL) {
        return NULL;
    }
    record->household.holders++;
    return &record->household;
}

void sk_guard_release(struct sk_guard *guard, struct sk_household *household)
{
    if (household != NULL && --household->holders == 0) {
        struct record *record = (struct record *)household;
        LIST_REMOVE(record, chain);
        guard->count--;
        free(record);
    }
}

size_t sk_guard_count(const struct sk_guard *guard)
{
    return guard->count;
}

/* The command: arguments, the walk over lives and lines, and how differences are shown. */
#include "audit/verify.h"

#include "audit/printable.h"
#include "audit/trail.h"
#include "common/iso_time.h"
#include "common/server_clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* An event that is missing may be in the hands of another worker than the one that wrote the next; if that one has
 * died, a third takes it over after a while. */
#define CLAIM_TAKES_S 5
#define BETWEEN_LOOKS_NS 700000000L

#define PROGRESS_EVERY_US INT64_C(2000000)

struct verification {
    struct sk_database *database; /* owned */
    const char *session_id;       /* NULL: all */
    int64_t since_ms;             /* INT64_MIN: always */
    struct sk_trail_life life;    /* the one in hand */
    struct sk_lineage lineage;    /* owned: of its events */
    struct sk_buffer shown;       /* owned: the line that is being written */
    int64_t lives;
    int64_t events;
    int64_t differences;
    bool is_cut;     /* there was no memory for a line */
    bool is_watched; /* somebody sits at a terminal */
    int64_t told_at_us;
    int64_t patience_us;   /* how long missing events are waited for in all, from the first one on */
    int64_t give_up_at_us; /* 0: none was missing yet */
};

/* --- what is shown ---------------------------------------------------------------------------------------------- */

/* Stored text must not get at the reader's terminal, nor break the line. */
static void put(struct verification *verification, const char *text, char end)
{
    sk_printable_append(&verification->shown, text, strlen(text), true);
    sk_buffer_append_char(&verification->shown, end);
}

/* Columns: session, life, version, event, field, recorded, replayed. */
static void put_line(struct verification *verification, int64_t version, const char *event_id, const char *field,
                     const char *recorded, const char *replayed)
{
    char text[SK_ISO_TIME_BYTES];
    sk_buffer_reset(&verification->shown);
    put(verification, verification->life.session_id, '\t');
    put(verification, sk_iso_time(verification->life.created_at_ms, text), '\t');
    (void)snprintf(text, sizeof(text), "%" PRId64, version);
    put(verification, text, '\t');
    put(verification, event_id, '\t');
    put(verification, field, '\t');
    put(verification, recorded, '\t');
    put(verification, replayed, '\n');
    verification->is_cut = verification->is_cut || verification->shown.failed;
    (void)fwrite(sk_buffer_text(&verification->shown), 1, verification->shown.length, stdout);
}

static void put_difference(struct verification *verification, const struct sk_lineage_event *event, const char *field,
                           const char *recorded, const char *replayed)
{
    verification->differences++;
    put_line(verification, event->version, event->event_id, field, recorded, replayed);
}

static void report(void *context, const struct sk_difference *difference)
{
    struct verification *verification = context;
    verification->differences++;
    put_line(verification, difference->event->version, difference->event->event_id, difference->field,
             difference->recorded, difference->replayed);
}

static void tell_progress(struct verification *verification)
{
    int64_t now_us = sk_monotonic_us();
    if (verification->is_watched && now_us - verification->told_at_us >= PROGRESS_EVERY_US) {
        verification->told_at_us = now_us;
        (void)fflush(stdout);
        (void)fprintf(stderr, "… %" PRId64 " sessions, %" PRId64 " events\n", verification->lives,
                      verification->events);
    }
}

/* --- one line of events ----------------------------------------------------------------------------------------- */

/* The ids of a piece of the line, with the event that it branches off in front, where it does. */
static void list_ids(const struct verification *verification, const struct sk_line *line, size_t from, size_t count,
                     struct sk_buffer *out)
{
    sk_buffer_reset(out);
    sk_buffer_append_char(out, '{');
    if (from == 0 && line->start == SK_LINE_BRANCH) {
        sk_buffer_append_text(out, sk_lineage_at(&verification->lineage, line, 0)->prev_event_id);
        sk_buffer_append_char(out, ',');
    }
    for (size_t i = from; i < from + count; i++) {
        sk_buffer_append_text(out, i > from ? "," : "");
        sk_buffer_append_text(out, sk_lineage_at(&verification->lineage, line, i)->event_id);
    }
    sk_buffer_append_char(out, '}');
}

static enum sk_code replay_rows(struct verification *verification, const struct sk_line *line, bool is_first,
                                struct sk_replay *replay, const PGresult *rows, struct sk_error *error)
{
    enum sk_code code = SK_OK;
    for (int row = 0; !code && row < PQntuples(rows); row++) {
        struct sk_replay_event event = sk_trail_event(rows, row, &verification->life);
        if (is_first && row == 0 && line->start != SK_LINE_FIRST) {
            sk_replay_resume(replay, &event, line->start == SK_LINE_BRANCH);
        } else {
            code = sk_replay_next(replay, &event, error);
        }
        tell_progress(verification);
    }
    return code;
}

static enum sk_code replay_line(struct verification *verification, const struct sk_line *line, struct sk_error *error)
{
    enum sk_code code = SK_OK;
    struct sk_replay replay;
    struct sk_buffer ids = {0};
    sk_replay_open(&replay, report, verification);
    for (size_t from = 0; !code && from < line->count; from += SK_TRAIL_EVENTS) {
        size_t left = line->count - from;
        size_t count = left < SK_TRAIL_EVENTS ? left : SK_TRAIL_EVENTS;
        PGresult *rows = NULL;
        list_ids(verification, line, from, count, &ids);
        code = ids.failed ? sk_fail(error, SK_INTERNAL_ERROR, "out of memory")
                          : sk_trail_events(verification->database, sk_buffer_text(&ids), &rows, error);
        if (!code) {
            code = replay_rows(verification, line, from == 0, &replay, rows, error);
        }
        PQclear(rows);
        verification->events += (int64_t)count;
    }
    sk_buffer_clear(&ids);
    sk_replay_close(&replay);
    return code;
}

/* --- one life --------------------------------------------------------------------------------------------------- */

static bool has_gap(const struct sk_lineage *lineage)
{
    for (size_t i = 0; i < lineage->line_count; i++) {
        if (lineage->lines[i].start == SK_LINE_GAP) {
            return true;
        }
    }
    return false;
}

/* The line that the life begins with, of those that begin with nothing before: the oldest, unless a recovery would go
 * on along another. */
static size_t beginning(const struct sk_lineage *lineage)
{
    size_t found = 0;
    for (size_t i = 0; i < lineage->line_count && lineage->lines[0].start != SK_LINE_FIRST; i++) {
        found = lineage->lines[i].start == SK_LINE_FIRST ? i : found;
    }
    return found;
}

/* What is to be said of where a line begins. */
static void tell_start(struct verification *verification, size_t number)
{
    const struct sk_lineage *lineage = &verification->lineage;
    const struct sk_line *line = &lineage->lines[number];
    const struct sk_lineage_event *first = sk_lineage_at(lineage, line, 0);
    char length[32];
    switch (line->start) {
    case SK_LINE_FIRST:
        if (number != beginning(lineage)) {
            put_difference(verification, first, "prev_event_id", "null", "(the life has begun with another event)");
        }
        break;
    case SK_LINE_GAP:
        put_difference(verification, first, "prev_event_id", first->prev_event_id, "(no such event in this life)");
        break;
    case SK_LINE_CIRCLE:
        put_difference(verification, first, "prev_event_id", first->prev_event_id, "(one of its own successors)");
        break;
    case SK_LINE_BRANCH:
        (void)snprintf(length, sizeof(length), "%zu", line->count);
        put_line(verification, first->version, first->event_id, "abandoned branch: events, last", length,
                 sk_lineage_at(lineage, line, line->count - 1)->event_id);
        break;
    }
}

static enum sk_code check_summary(struct verification *verification, struct sk_error *error)
{
    PGresult *rows = NULL;
    enum sk_code code = sk_trail_summary(verification->database, &verification->life, &rows, error);
    for (int row = 0; !code && row < PQntuples(rows); row++) {
        struct sk_lineage_event event = {.version = strtoll(PQgetvalue(rows, row, 4), NULL, 10)};
        (void)snprintf(event.event_id, sizeof(event.event_id), "%s", PQgetvalue(rows, row, 3));
        put_difference(verification, &event, PQgetvalue(rows, row, 0),
                       PQgetisnull(rows, row, 1) ? "(nothing)" : PQgetvalue(rows, row, 1),
                       PQgetisnull(rows, row, 2) ? "(nothing)" : PQgetvalue(rows, row, 2));
    }
    PQclear(rows);
    return code;
}

/* Begins a transaction that sees the life as it is at one moment, and reads its descent. */
static enum sk_code look(struct verification *verification, bool *is_fresh, struct sk_error *error)
{
    enum sk_code code = sk_trail_begin(verification->database, error);
    sk_lineage_clear(&verification->lineage);
    if (!code) {
        code = sk_trail_lineage(verification->database, &verification->life, &verification->lineage, is_fresh, error);
    }
    if (!code && !sk_lineage_trace(&verification->lineage)) {
        code = sk_fail(error, SK_INTERNAL_ERROR, "out of memory");
    }
    return code;
}

static bool is_patient(struct verification *verification)
{
    int64_t now_us = sk_monotonic_us();
    if (verification->give_up_at_us == 0) {
        verification->give_up_at_us = now_us + verification->patience_us;
    }
    return now_us < verification->give_up_at_us;
}

static enum sk_code look_until_whole(struct verification *verification, struct sk_error *error)
{
    bool is_fresh = false;
    enum sk_code code = look(verification, &is_fresh, error);
    while (!code && is_fresh && has_gap(&verification->lineage) && is_patient(verification)) {
        const struct timespec pause = {.tv_nsec = BETWEEN_LOOKS_NS};
        code = sk_trail_end(verification->database, error);
        (void)nanosleep(&pause, NULL);
        code = code ? code : look(verification, &is_fresh, error);
    }
    return code;
}

/* A row that PostgreSQL cannot give as what it must be (an instant that is infinite) is a fault of the record: it is
 * told, and the other lives are looked at all the same. */
static enum sk_code tell_unreadable(struct verification *verification, enum sk_code code, struct sk_error *error)
{
    enum sk_database_fault fault = sk_database_fault(verification->database);
    if (code == SK_INTERNAL_ERROR || (fault != SK_DATABASE_REFUSED && fault != SK_DATABASE_UNCLEAR)) {
        return code;
    }
    const struct sk_lineage_event nowhere = {.event_id = "-"};
    put_difference(verification, &nowhere, "(unreadable)", error->text, "(rows that can be read)");
    return SK_OK;
}

static enum sk_code verify_life(struct verification *verification, struct sk_error *error)
{
    enum sk_code code = look_until_whole(verification, error);
    for (size_t i = 0; !code && i < verification->lineage.line_count; i++) {
        tell_start(verification, i);
        code = replay_line(verification, &verification->lineage.lines[i], error);
    }
    if (!code) {
        code = check_summary(verification, error);
    }
    verification->lives++;
    return code ? tell_unreadable(verification, code, error) : SK_OK;
}

/* --- all of them ------------------------------------------------------------------------------------------------ */

/* *found: lives that there are, wanted or not. */
static enum sk_code verify_lives(struct verification *verification, int64_t *found, struct sk_error *error)
{
    PGresult *before = NULL;
    enum sk_code code = SK_OK;
    int count = SK_TRAIL_LIVES;
    *found = 0;
    while (!code && count == SK_TRAIL_LIVES) {
        PGresult *rows = NULL;
        struct sk_trail_life last = {.session_id = NULL};
        if (before) {
            last = sk_trail_life(before, PQntuples(before) - 1);
        }
        code = sk_trail_begin(verification->database, error);
        if (!code) {
            code = sk_trail_lives(verification->database, verification->session_id, verification->since_ms,
                                  before ? &last : NULL, &rows, error);
        }
        count = PQntuples(rows);
        *found += count;
        for (int row = 0; !code && row < count; row++) {
            verification->life = sk_trail_life(rows, row);
            code = verification->life.is_wanted ? verify_life(verification, error) : SK_OK;
        }
        PQclear(before);
        before = rows;
    }
    PQclear(before);
    return code ? code : sk_trail_end(verification->database, error);
}

static enum sk_exit verify(struct verification *verification)
{
    struct sk_error error = {0};
    int64_t found = 0;
    enum sk_code code = verify_lives(verification, &found, &error);
    bool is_printed = fflush(stdout) == 0 && !ferror(stdout) && !verification->is_cut;
    if (code || !is_printed) {
        return sk_command_complain(code ? error.text : "standard output cannot be written");
    }
    if (verification->session_id && found == 0) {
        return sk_command_complain("PostgreSQL has no such session");
    }
    (void)fprintf(stderr, "%" PRId64 " sessions, %" PRId64 " events, %" PRId64 " differences\n", verification->lives,
                  verification->events, verification->differences);
    return verification->differences > 0 ? SK_EXIT_FAILED : SK_EXIT_OK;
}

/* SK_EXIT_USAGE: the complaint is made. */
static enum sk_exit read_arguments(char **argv, struct verification *verification)
{
    bool all = false;
    for (char **argument = argv; *argument; argument++) {
        bool is_since = strcmp(*argument, "--since") == 0;
        bool is_all = strcmp(*argument, "--all") == 0;
        if (is_since && (!argument[1] || !sk_command_instant(argument[1], &verification->since_ms))) {
            return sk_command_misused(argument[1] ? argument[1] : *argument);
        }
        if (!is_since && !is_all && (strncmp(*argument, "--", 2) == 0 || verification->session_id)) {
            return sk_command_misused(*argument);
        }
        argument += is_since;
        all = all || is_all;
        verification->session_id = is_since || is_all ? verification->session_id : *argument;
    }
    if (all != (verification->session_id == NULL)) {
        (void)sk_command_complain("verify takes a session's id, or --all");
        return SK_EXIT_USAGE;
    }
    return SK_EXIT_OK;
}

enum sk_exit sk_command_verify(const struct sk_config *config, char **argv)
{
    struct verification verification = {.since_ms = INT64_MIN, .is_watched = isatty(STDERR_FILENO) == 1};
    enum sk_exit status = read_arguments(argv, &verification);
    if (status) {
        return status;
    }
    verification.told_at_us = sk_monotonic_us();
    verification.patience_us = (config->audit_claim_s + CLAIM_TAKES_S) * INT64_C(1000000);
    verification.database = sk_database_new(config->database_url);
    status = verification.database ? verify(&verification) : sk_command_complain("out of memory");
    sk_lineage_clear(&verification.lineage);
    sk_buffer_clear(&verification.shown);
    sk_database_free(verification.database);
    return status;
}

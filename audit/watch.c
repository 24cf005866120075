/* The thresholds of the audit queue. */
#include "audit/watch.h"

enum sk_verdict sk_threshold_judge(struct sk_threshold *threshold, int64_t value, int64_t limit, int64_t now_ms)
{
    if (limit <= 0) {
        return SK_VERDICT_QUIET;
    }
    if (threshold->over && value < limit - limit / 5) {
        threshold->over = false;
        return SK_VERDICT_CLEARED;
    }
    bool was_over = threshold->over;
    if (!was_over && value <= limit) {
        return SK_VERDICT_QUIET;
    }
    if (was_over && (value <= limit || now_ms < threshold->remind_at_ms)) {
        return SK_VERDICT_QUIET;
    }
    threshold->over = true;
    threshold->remind_at_ms = now_ms + SK_WATCH_REMINDER_MS;
    return was_over ? SK_VERDICT_REMINDED : SK_VERDICT_RAISED;
}

/* What is said of a threshold, and to whom. */
struct notice {
    struct sk_threshold *threshold;
    int64_t value;
    int64_t limit;
    enum sk_log_level level;
    enum sk_alert_kind kind;
    const char *over;
    const char *back;
};

static void say(struct sk_watch *watch, const struct notice *notice, const struct sk_audit_sizes *sizes, int64_t now_ms)
{
    switch (sk_threshold_judge(notice->threshold, notice->value, notice->limit, now_ms)) {
    case SK_VERDICT_QUIET:
        return;
    case SK_VERDICT_CLEARED:
        sk_log(SK_LOG_INFO, notice->back, SK_I("waiting", sizes->waiting), SK_I("failed", sizes->failed));
        return;
    case SK_VERDICT_RAISED:
    case SK_VERDICT_REMINDED:
        break;
    }
    sk_log(notice->level, notice->over, SK_I("waiting", sizes->waiting), SK_I("active", sizes->active),
           SK_I("delayed", sizes->delayed), SK_I("failed", sizes->failed), SK_I("oldest_ms", sizes->oldest_ms),
           SK_I("limit", notice->limit));
    sk_alert_send(watch->alert, notice->kind, notice->over, SK_I("waiting", sizes->waiting),
                  SK_I("active", sizes->active), SK_I("delayed", sizes->delayed), SK_I("failed", sizes->failed),
                  SK_I("oldest_ms", sizes->oldest_ms), SK_I("limit", notice->limit));
}

bool sk_watch_look(struct sk_watch *watch, struct sk_redis *redis)
{
    const struct sk_config *config = watch->config;
    int64_t now_ms = sk_monotonic_us() / 1000;
    struct sk_audit_sizes sizes;
    struct sk_error error = {0};
    if (now_ms < watch->next_ms) {
        return false;
    }
    watch->next_ms = now_ms + SK_WATCH_MS;
    if (sk_audit_queue_sizes(redis, &sizes, &error)) {
        sk_log(SK_LOG_DEBUG, "the audit queue was not measured", SK_S("error", error.text));
        return true;
    }
    /* A stream that is cut at a length stands at that length: reaching it is passing it. */
    int64_t cut_at = config->audit_max_backlog;
    bool cut = cut_at > 0 && sizes.waiting + sizes.active + sizes.delayed >= cut_at;
    const struct notice notices[] = {
        {&watch->waiting, sizes.waiting, config->audit_warn_waiting, SK_LOG_WARN, SK_ALERT_BACKLOG,
         "many audit events wait for PostgreSQL", "the audit queue is short again"},
        {&watch->failed, sizes.failed, config->audit_error_failed, SK_LOG_ERROR, SK_ALERT_FAILED_MANY,
         "many audit events were set aside", "few audit events are set aside now"},
        {&watch->length, cut ? cut_at + 1 : sizes.waiting + sizes.active + sizes.delayed, cut_at, SK_LOG_ERROR,
         SK_ALERT_DROPPING, "the audit queue is full: the oldest audit events are being lost",
         "the audit queue is not full any more"},
    };
    for (size_t i = 0; i < sizeof notices / sizeof notices[0]; i++) {
        say(watch, &notices[i], &sizes, now_ms);
    }
    return true;
}

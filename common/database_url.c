/* DATABASE_URL through libpq's own reader, whose complaints are kept to itself. Apart from the configuration, since not
 * every program that has one is linked with libpq. */
#include "common/database_url.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <string.h>

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
    for (; options->keyword; options++) {
        if (strcmp(options->keyword, keyword) == 0) {
            return options->val ? options->val : "";
        }
    }
    return "";
}

/* Numbers, one for each host, separated by commas. */
static bool is_port_list(const char *ports)
{
    return strspn(ports, "0123456789,") == strlen(ports);
}

/* Of a URL, what stands behind its scheme; NULL: it is none. */
static const char *behind_scheme(const char *url)
{
    static const char *const schemes[] = {"postgresql://", "postgres://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (strncmp(url, schemes[i], strlen(schemes[i])) == 0) {
            return url + strlen(schemes[i]);
        }
    }
    return NULL;
}

/* In a URL whose password holds a / or an @ that is not percent-encoded, libpq finds the end of the password too early,
 * and its rest in the host, the port or the database. */
static bool is_torn(const PQconninfoOption *options, const char *url)
{
    const char *at = behind_scheme(url);
    bool may_end = true; /* the user and the password */
    bool torn = at && strchr(value_of(options, "host"), '@');
    for (; at && *at != '\0' && *at != '?'; at++) {
        torn = torn || (*at == '@' && !may_end);
        may_end = may_end && *at != '@' && *at != '/';
    }
    return torn || !is_port_list(value_of(options, "port"));
}

enum sk_code sk_database_url_check(const char *url, struct sk_error *error)
{
    char *complaint = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &complaint);
    bool good = options && !is_torn(options, url);
    PQconninfoFree(options);
    PQfreemem(complaint);
    if (good) {
        return SK_OK;
    }
    return sk_fail(error, SK_VALIDATION_ERROR,
                   "DATABASE_URL (value not shown) is not what libpq takes; in a URL, what is special in a user or a "
                   "password is %%-encoded");
}

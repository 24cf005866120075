/* Lines of Prometheus' text format. Owns nothing. */
#include "tests/integration/reading.h"

#include "tests/integration/story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct answer *scrape(void)
{
    struct answer *answer = call("GET", "/metrics", NULL);
    EXPECT_STATUS(answer, 200);
    return answer;
}

int64_t reading(const struct answer *scrape, const char *name, const char *one, const char *two)
{
    int64_t sum = 0;
    const size_t length = strlen(name);
    for (const char *line = scrape->text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        char text[600];
        (void)snprintf(text, sizeof(text), "%.*s", (int)strcspn(line, "\n"), line);
        const char *value = strrchr(text, ' ');
        const bool named = strncmp(text, name, length) == 0 && (text[length] == '{' || text[length] == ' ');
        if (named && value && strstr(text, one) && strstr(text, two)) {
            sum += (int64_t)strtod(value, NULL);
        }
    }
    return sum;
}

int64_t growth(const struct answer *before, const char *name, const char *one, const char *two)
{
    return reading(scrape(), name, one, two) - reading(before, name, one, two);
}

/* Owns the file of one test. */
#include "tests/unit/common/metrics_place.h"

#include "common/metrics_segment.h"
#include "tests/unit/check.h"

#include <CUnit/CUnit.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void make_place(struct place *place)
{
    *place = (struct place){.folder = "/tmp/synckairos-test-XXXXXX"};
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(place->folder));
    (void)snprintf(place->file, sizeof place->file, "%s/metrics", place->folder);
}

void remove_place(const struct place *place)
{
    (void)unlink(place->file);
    (void)rmdir(place->folder);
}

void open_new(struct place *place)
{
    struct sk_error error = {.text = ""};
    make_place(place);
    CU_ASSERT_EQUAL_FATAL(sk_metrics_open(place->file, "test", &error), SK_OK);
}

double shown(const char *series)
{
    struct sk_buffer out = {0};
    char start[160];
    (void)snprintf(start, sizeof start, "\n%s ", series);
    sk_metrics_write(&out);
    const char *at = strstr(sk_buffer_text(&out), start);
    double value = at && !strstr(at + 1, start) ? strtod(at + strlen(start), NULL) : (double)NAN;
    sk_buffer_clear(&out);
    return value;
}

size_t used_slots(void)
{
    size_t count = 0;
    for (size_t i = 0; i < SK_PROCESSES_MAX; i++) {
        count += atomic_load(&sk_metrics_segment()->processes[i].used) != 0;
    }
    return count;
}

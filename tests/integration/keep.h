/* What a test has opened, and what is given back when it is over, however it ends (a failed REQUIRE leaves in the
 * middle). Any thread may keep something. */
#ifndef SK_TESTS_KEEP_H
#define SK_TESTS_KEEP_H

/* Takes object: release(object) is called at the end of the test, last kept first. Returns object. */
void *keep(void *object, void (*release)(void *object));

/* Releases everything: CUnit calls it after each test. */
void keep_clear(void);

/* A printf'd text that lives until the test is over. */
char *kept_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

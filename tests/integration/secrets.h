/* What must never stand in any log of a run, and the search for it. */
#ifndef SK_TESTS_SECRETS_H
#define SK_TESTS_SECRETS_H

#include <stdbool.h>

/* Tests put it where bodies, metadata, tokens and passwords go. */
#define SECRET_MARK "hush7f3cMark"

/* Searches every log for tokens, keys, passwords and the mark. False if there is any; file and line are printed. */
bool secrets_are_kept(void);

#endif

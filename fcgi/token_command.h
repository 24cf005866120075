/* `synckairos-api token`: makes a token for trying out. */
#ifndef SK_FCGI_TOKEN_COMMAND_H
#define SK_FCGI_TOKEN_COMMAND_H

#include <stdio.h>

/* Prints a token signed with JWT_SECRET, or with the private key of --key, as the arguments behind "token" say.
 * Returns the exit status: 0, 1 (no key, or it cannot sign), 2 (arguments). */
int sk_token_command(int count, char **arguments);

void sk_token_command_usage(FILE *out);

#endif

/* Around a bench. Owns the stack while the bench runs. */
#include "bench/stage.h"

#include "tests/integration/keep.h"
#include "tests/integration/stack.h"

#include <curl/curl.h>
#include <stdio.h>

int stage_run(const char *build, void (*run)(const char *part), const char *part)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    const bool up = stack_up(build);
    if (up) {
        run(part);
    }
    keep_clear();
    if (!stack_down() || !up) {
        process_print_logs();
        fprintf(stderr, "bench: a server did not run cleanly; logs are in %s/logs\n", stack.folder);
        return 1;
    }
    stack_remove_folder();
    return 0;
}

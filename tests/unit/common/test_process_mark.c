/* Tests of common/process_mark. */
#include "common/process_mark.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void own(void)
{
    uint64_t mark = sk_process_mark();
    CHECK("not nobody's", mark != 0);
    CHECK("fits", mark >> SK_PROCESS_MARK_BITS == 0);
    CHECK("stays", mark == sk_process_mark());
    CHECK("lives", sk_process_mark_lives(mark));
}

static void nobodys(void)
{
    CHECK("zero", !sk_process_mark_lives(0));
    CHECK("a pid beyond all", !sk_process_mark_lives((UINT64_C(1) << 22) - 1));
    CHECK("all bits", !sk_process_mark_lives(UINT64_MAX));
}

/* The pid lives, but it is somebody else who has it now. */
static void a_pid_used_again(void)
{
    CHECK("other start", !sk_process_mark_lives(sk_process_mark() ^ (UINT64_C(1) << 22)));
    CHECK("other start", !sk_process_mark_lives(sk_process_mark() ^ (UINT64_C(1) << 60)));
}

static void a_child_from_birth_to_grave(void)
{
    int pipe_ends[2];
    uint64_t mark = 0;
    CU_ASSERT_EQUAL_FATAL(pipe(pipe_ends), 0);
    pid_t child = fork();
    if (child == 0) {
        mark = sk_process_mark();
        (void)!write(pipe_ends[1], &mark, sizeof mark);
        (void)pause();
        _exit(0);
    }
    CHECK("told", read(pipe_ends[0], &mark, sizeof mark) == sizeof mark);
    CHECK("its own", mark != sk_process_mark());
    CHECK("lives", sk_process_mark_lives(mark));
    CHECK("killed", kill(child, SIGKILL) == 0);
    siginfo_t info;
    CHECK("dead, not reaped", waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) == 0);
    CHECK("a zombie is dead", !sk_process_mark_lives(mark));
    CHECK("reaped", waitpid(child, NULL, 0) == child);
    CHECK("gone", !sk_process_mark_lives(mark));
    (void)close(pipe_ends[0]);
    (void)close(pipe_ends[1]);
}

void suite_process_mark(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"own", own},
        {"nobody's", nobodys},
        {"a pid used again", a_pid_used_again},
        {"a child from birth to grave", a_child_from_birth_to_grave},
    };
    ADD_TESTS(suite, tests);
}

/* Households are counted, and forgotten with their last connection. */
#include "relay/guard.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

#include <stdio.h>

#define MANY 20000

static void one_name_is_one_household(void)
{
    struct sk_guard *guard = sk_guard_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(guard);
    struct sk_household *first = sk_guard_hold(guard, "10.0.0.1");
    struct sk_household *other = sk_guard_hold(guard, "10.0.0.2");
    if (!CHECK("both are made", first != NULL && other != NULL)) {
        sk_guard_free(guard);
        return;
    }
    CHECK("the same", sk_guard_hold(guard, "10.0.0.1") == first);
    CHECK("another", first != other);
    CHECK_INT("two households", (int64_t)sk_guard_count(guard), 2);
    first->clients = 2;
    sk_guard_release(guard, first);
    CHECK_INT("one is still here", (int64_t)first->clients, 2);
    first->clients = 0;
    sk_guard_release(guard, first);
    CHECK_INT("forgotten", (int64_t)sk_guard_count(guard), 1);
    sk_guard_release(guard, NULL);
    CHECK_INT("it begins anew", (int64_t)sk_guard_hold(guard, "10.0.0.1")->clients, 0);
    sk_guard_free(guard);
    sk_guard_free(NULL);
}

static void many_come_and_go(void)
{
    static struct sk_household *households[MANY];
    struct sk_guard *guard = sk_guard_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(guard);
    for (unsigned i = 0; i < MANY; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "2001:db8:%x::/64", i);
        households[i] = sk_guard_hold(guard, name);
        CU_ASSERT_PTR_NOT_NULL_FATAL(households[i]);
    }
    CHECK_INT("all", (int64_t)sk_guard_count(guard), MANY);
    for (unsigned i = 0; i < MANY; i++) {
        sk_guard_release(guard, households[(i * 7919) % MANY]);
    }
    CHECK_INT("none", (int64_t)sk_guard_count(guard), 0);
    sk_guard_free(guard);
}

void suite_relay_guard(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"one name is one household", one_name_is_one_household},
        {"many come and go", many_come_and_go},
    };
    ADD_TESTS(suite, tests);
}

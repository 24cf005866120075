/* Tests of common/network and common/caller: who is in which network, and whose word counts. */
#include "common/caller.h"
#include "common/network.h"
#include "tests/unit/check.h"
#include "tests/unit/suites.h"

static void knows_who_is_inside(void)
{
    static const struct {
        const char *list, *address;
        bool inside;
    } rows[] = {
        {"", "10.0.0.1", false},
        {"10.0.0.0/8", "10.255.0.1", true},
        {"10.0.0.0/8", "11.0.0.1", false},
        {"10.0.0.1", "10.0.0.1", true},
        {"10.0.0.1", "10.0.0.2", false},
        {"192.168.0.0/23", "192.168.1.255", true},
        {"192.168.0.0/23", "192.168.2.0", false},
        {"0.0.0.0/0", "255.255.255.255", true},
        {"0.0.0.0/0", "::1", false},
        {"::/0", "::1", true},
        {"::/0", "1.2.3.4", false},
        {"fd00::/8", "fdff::1", true},
        {"fd00::/8", "fe00::1", false},
        {"2001:db8::/33", "2001:db8:7fff::", true},
        {"2001:db8::/33", "2001:db8:8000::", false},
        {"10.0.0.0/8", "::ffff:10.1.2.3", true},
        {"::ffff:10.0.0.0/8", "10.1.2.3", true},
        {"1.2.3.4, 5.6.7.8  ::1", "::1", true},
        {"1.2.3.4,5.6.7.8", "5.6.7.8", true},
        {"10.0.0.0/8", "rubbish", false},
        {"10.0.0.0/8", "", false},
        {"rubbish 10.0.0.1", "10.0.0.1", true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK_INT(rows[i].list, sk_network_contains(rows[i].list, rows[i].address), rows[i].inside);
    }
    CHECK("loopback", sk_network_is_loopback("127.8.0.1") && sk_network_is_loopback("::1"));
    CHECK("not loopback", !sk_network_is_loopback("0.0.0.0") && !sk_network_is_loopback("::"));
}

static void refuses_what_is_none(void)
{
    static const char *const rows[] = {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8/8",  "example.com",
                                       "10.0.0.0/-1", "::/129",    "10.0.0.0/0008", "::1:2:3:4:5:6:7:8:9:10/8",
                                       "/8",          ""};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK(rows[i], !sk_network_is_network(rows[i]));
    }
    CHECK("an empty list", sk_network_is_list("") && sk_network_is_list(" , "));
    CHECK("a list", sk_network_is_list("10.0.0.0/8, ::1"));
    CHECK("a list with rubbish", !sk_network_is_list("10.0.0.0/8; ::1"));
}

static void believes_only_trusted_proxies(void)
{
    static const struct {
        const char *peer, *forwarded, *trusted, *address;
    } rows[] = {
        {"1.1.1.1", "", "", "1.1.1.1"},
        {"1.1.1.1", "9.9.9.9", "", "1.1.1.1"},
        {"1.1.1.1", "9.9.9.9", "2.2.2.2", "1.1.1.1"},
        {"1.1.1.1", "9.9.9.9", "1.1.1.1", "9.9.9.9"},
        {"1.1.1.1", "8.8.8.8, 9.9.9.9", "1.1.1.1", "9.9.9.9"},
        {"1.1.1.1", "8.8.8.8,9.9.9.9 , 2.2.2.2", "1.1.1.1 2.2.2.2", "9.9.9.9"},
        {"1.1.1.1", "2.2.2.2", "1.1.1.1 2.2.2.2", "2.2.2.2"},
        {"1.1.1.1", "", "1.1.1.1", "1.1.1.1"},
        {"1.1.1.1", " , ,", "1.1.1.1", "1.1.1.1"},
        {"1.1.1.1", "8.8.8.8, unknown", "1.1.1.1", "1.1.1.1"},
        {"1.1.1.1", "8.8.8.8, 9.9.9.9:80", "1.1.1.1", "9.9.9.9"},
        {"1.1.1.1", "8.8.8.8:1, 2.2.2.2:65535", "1.1.1.1 2.2.2.2", "8.8.8.8"},
        {"1.1.1.1", "[2001:db8::7]:80", "1.1.1.1", "2001:db8::7"},
        {"1.1.1.1", "[2001:db8::7]", "1.1.1.1", "2001:db8::7"},
        {"1.1.1.1", "2001:db8::7:80", "1.1.1.1", "2001:db8::7:80"},
        {"1.1.1.1", "::1", "1.1.1.1", "::1"},
        {"1.1.1.1", "9.9.9.9:", "1.1.1.1", "1.1.1.1"},
        {"1.1.1.1", "9.9.9.9:80x", "1.1.1.1", "1.1.1.1"},
        {"1.1.1.1", "9.9.9.9:123456", "1.1.1.1", "1.1.1.1"},
        {"1.1.1.1", "[2001:db8::7", "1.1.1.1", "1.1.1.1"},
        {"1.1.1.1", "[2001:db8::7]80", "1.1.1.1", "1.1.1.1"},
        {"1.1.1.1", "[]:80", "1.1.1.1", "1.1.1.1"},
        {"1.1.1.1", ":80", "1.1.1.1", "1.1.1.1"},
        {"::1", "2001:db8::7", "::1", "2001:db8::7"},
        {"", "9.9.9.9", "1.1.1.1", ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char address[SK_ADDRESS_BYTES];
        sk_caller_address(rows[i].peer, rows[i].forwarded, rows[i].trusted, address);
        CHECK_TEXT(rows[i].forwarded, address, rows[i].address);
    }
}

static void one_owner_is_written_one_way(void)
{
    static const struct {
        const char *address, *owner;
    } rows[] = {
        {"7.7.7.7", "7.7.7.7"},
        {"::ffff:7.7.7.7", "7.7.7.7"},
        {"::FFFF:7.7.7.7", "7.7.7.7"},
        {"2001:db8:0::1", "2001:db8::/64"},
        {"2001:DB8::ffff:1", "2001:db8::/64"},
        {"2001:db8:0:1::1", "2001:db8:0:1::/64"},
        {"rubbish", "rubbish"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char owner[64];
        sk_network_owner(rows[i].address, owner, sizeof(owner));
        CHECK_TEXT(rows[i].address, owner, rows[i].owner);
    }
}

void suite_network(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"knows who is inside", knows_who_is_inside},
        {"refuses what is none", refuses_what_is_none},
        {"believes only trusted proxies", believes_only_trusted_proxies},
        {"one owner is written one way", one_owner_is_written_one_way},
    };
    ADD_TESTS(suite, tests);
}

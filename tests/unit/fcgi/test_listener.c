/* The listening socket: what it replaces, what it leaves alone. */
#include "fcgi/listener.h"
#include "tests/unit/suites.h"

#include <CUnit/CUnit.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct folder {
    char path[64];
    char socket[96];
};

static struct folder folder_new(void)
{
    struct folder folder = {.path = "/tmp/synckairos-unit-XXXXXX"};
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder.path));
    (void)snprintf(folder.socket, sizeof folder.socket, "%s/api.sock", folder.path);
    return folder;
}

static void folder_free(const struct folder *folder)
{
    (void)unlink(folder->socket);
    CU_ASSERT_EQUAL(rmdir(folder->path), 0);
}

static bool exists(const char *path)
{
    struct stat file;
    return lstat(path, &file) == 0;
}

static void a_socket_file_lives_as_long_as_its_listener(void)
{
    struct folder folder = folder_new();
    struct listener listener;
    struct sk_error error;
    CU_ASSERT_EQUAL_FATAL(sk_listener_open(&listener, folder.socket, &error), SK_OK);
    CU_ASSERT(exists(folder.socket));
    CU_ASSERT(fcntl(listener.fd, F_GETFL) & O_NONBLOCK);
    sk_listener_withdraw(&listener);
    CU_ASSERT_FALSE(exists(folder.socket));
    CU_ASSERT(listener.fd >= 0);
    sk_listener_close(&listener);
    sk_listener_close(&listener);
    folder_free(&folder);
}

static void who_listens_is_not_replaced(void)
{
    struct folder folder = folder_new();
    struct listener first;
    struct listener second;
    struct sk_error error;
    CU_ASSERT_EQUAL_FATAL(sk_listener_open(&first, folder.socket, &error), SK_OK);
    CU_ASSERT_EQUAL(sk_listener_open(&second, folder.socket, &error), SK_VALIDATION_ERROR);
    CU_ASSERT_EQUAL(second.fd, -1);
    CU_ASSERT(exists(folder.socket));
    sk_listener_close(&first);
    folder_free(&folder);
}

static void a_file_left_by_the_dead_is_replaced(void)
{
    struct folder folder = folder_new();
    struct listener dead;
    struct listener heir;
    struct sk_error error;
    CU_ASSERT_EQUAL_FATAL(sk_listener_open(&dead, folder.socket, &error), SK_OK);
    (void)close(dead.fd);
    CU_ASSERT_EQUAL_FATAL(sk_listener_open(&heir, folder.socket, &error), SK_OK);
    sk_listener_close(&heir);
    CU_ASSERT_FALSE(exists(folder.socket));
    folder_free(&folder);
}

static void the_file_of_a_successor_is_left_alone(void)
{
    struct folder folder = folder_new();
    struct listener old;
    struct listener successor;
    struct sk_error error;
    CU_ASSERT_EQUAL_FATAL(sk_listener_open(&old, folder.socket, &error), SK_OK);
    CU_ASSERT_EQUAL(unlink(folder.socket), 0);
    CU_ASSERT_EQUAL_FATAL(sk_listener_open(&successor, folder.socket, &error), SK_OK);
    sk_listener_close(&old);
    CU_ASSERT(exists(folder.socket));
    sk_listener_close(&successor);
    folder_free(&folder);
}

static void a_file_that_is_no_socket_is_left_alone(void)
{
    struct folder folder = folder_new();
    struct listener listener;
    struct sk_error error;
    int fd = open(folder.socket, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    CU_ASSERT_FATAL(fd >= 0);
    (void)close(fd);
    CU_ASSERT_EQUAL(sk_listener_open(&listener, folder.socket, &error), SK_VALIDATION_ERROR);
    CU_ASSERT(exists(folder.socket));
    folder_free(&folder);
}

static void addresses_with_a_port_are_tcp(void)
{
    static const char *const good[] = {"127.0.0.1:0", "localhost:0"};
    static const char *const bad[] = {":0", "127.0.0.1:70000", "no.such.host.invalid:9000", "[]:1", ""};
    struct listener listener;
    struct sk_error error;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        CU_ASSERT_EQUAL(sk_listener_open(&listener, good[i], &error), SK_OK);
        CU_ASSERT_STRING_EQUAL(listener.path, "");
        sk_listener_close(&listener);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CU_ASSERT_EQUAL(sk_listener_open(&listener, bad[i], &error), SK_VALIDATION_ERROR);
        CU_ASSERT_EQUAL(listener.fd, -1);
    }
}

static void a_path_that_does_not_fit_is_refused(void)
{
    char path[200];
    struct listener listener;
    struct sk_error error;
    memset(path, 'a', sizeof path - 1);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    CU_ASSERT_EQUAL(sk_listener_open(&listener, path, &error), SK_VALIDATION_ERROR);
    CU_ASSERT_EQUAL(sk_listener_open(&listener, "/no/such/folder/api.sock", &error), SK_VALIDATION_ERROR);
}

void suite_fcgi_listener(CU_pSuite suite)
{
    static const struct unit_test tests[] = {
        {"a socket file lives as long as its listener", a_socket_file_lives_as_long_as_its_listener},
        {"who listens is not replaced", who_listens_is_not_replaced},
        {"a file left by the dead is replaced", a_file_left_by_the_dead_is_replaced},
        {"the file of a successor is left alone", the_file_of_a_successor_is_left_alone},
        {"a file that is no socket is left alone", a_file_that_is_no_socket_is_left_alone},
        {"addresses with a port are tcp", addresses_with_a_port_are_tcp},
        {"a path that does not fit is refused", a_path_that_does_not_fit_is_refused},
    };
    ADD_TESTS(suite, tests);
}

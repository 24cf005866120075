/* The real servers of a test run, in a temporary folder on free ports of the loopback: one Redis, one PostgreSQL, and
 * the four programs behind lighttpd. Tests may start further programs, and stop and start what is here. */
#ifndef SK_TESTS_STACK_H
#define SK_TESTS_STACK_H

#include "tests/integration/port.h"
#include "tests/integration/process.h"

#include <limits.h>
#include <stdbool.h>

#define RELAYS 2

struct stack {
    bool durable;           /* set before stack_up: what PostgreSQL commits reaches the disk, as in use */
    char build[PATH_MAX];   /* where the programs are; absolute */
    char sources[PATH_MAX]; /* the project's folder, from which the tests are started; absolute */
    char folder[64];
    char url[64]; /* of the web server */
    char database_url[160];
    int redis_port;
    int postgres_port;
    int web_port;
    int relay_ports[RELAYS];
    struct process *redis;
    struct process *postgres;
    struct process *audit;
    struct process *timekeeper;
    struct process *relays[RELAYS];
    struct process *web;
};

extern struct stack stack;

/* Starts everything and waits until it answers. False: it did not; the logs say why. */
bool stack_up(const char *build);

/* Stops everything. False unless all of it had run cleanly to the end. */
bool stack_down(void);

/* Removes the temporary folder. */
void stack_remove_folder(void);

/* Stops Redis as an operator would (it saves what it has) and starts it again on the same port; the second waits
 * until it answers. */
void stack_stop_redis(void);
void stack_start_redis(void);

/* The same for PostgreSQL, whose clients are cut off. */
void stack_stop_postgres(void);
void stack_start_postgres(void);

/* Deaths without a warning, of Redis and of PostgreSQL with all its processes; to be started again as above. */
void stack_kill_redis(void);
void stack_kill_postgres(void);

/* One of the project's programs, with more environment ("NAME=value", NULL-terminated; NULL: none). Waits until it
 * says that it has started, or is dead. */
struct process *stack_program(const char *name, const char *const *env);

/* Stops a program when the test is over, with a failed check unless it exits with 0. Returns it. */
struct process *stop_after_test(struct process *process);

/* An API process of the test's own (--listen), with a web server of its own in front. Ends with the test. */
struct api {
    struct process *program;
    struct process *front;
    char socket[128];
    char url[64];
};
struct api *api_start(const char *const *env);

/* The same with another way to start the program: argv, after which the socket answers FastCGI. */
struct api *api_start_by(const char *const *argv, const char *const *env, const char *socket);

/* The same with so many processes on one listening socket, which each of them inherits as descriptor 0. programs: room
 * for them; program is the first. */
struct api *api_start_many(size_t count, const char *const *env, struct process **programs);

/* A relay of the test's own on *port. Ends with the test. */
struct process *relay_start(const char *const *env, int *port);

/* Whether GET url is answered with the status. */
bool url_answers(const char *url, long status);

#endif

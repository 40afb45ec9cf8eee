/* deployment - a bootstrap of two sites and an arbiter on loopback addresses, its keys and folders
 * below a temporary one, and a loop that runs until something has happened.  For the tests of the
 * bus. */
#ifndef TESTS_DEPLOYMENT_H
#define TESTS_DEPLOYMENT_H

#include "common/bootstrap.h"
#include "common/bus.h"
#include "common/keys.h"
#include "common/loop.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { EAST1, EAST2, WEST1, WEST2, ARBITER, HOSTS };

#define SILENT_MS 600

/* check - as cr_assert, which a child process that the test forks must not call. */
#define check(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: not so: %s: ", __FILE__, __LINE__, #condition);          \
            (void)fprintf(stderr, " " __VA_ARGS__);                                                \
            (void)fprintf(stderr, "\n");                                                           \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

extern struct loop *loop;
extern char folder[64];

void deployment_setup(void);
void deployment_teardown(void);

/* child_begins - first thing after fork(2) in the child: a loop of its own, and death with the
 * test. */
void child_begins(void);

/* bootstrap_of - the bootstrap as HOST reads it; all share one run-dir per host and one keys-dir.
 */
struct bootstrap bootstrap_of(uint32_t host);

/* bus_of - a bus of PROCESS on HOST, with MESSAGES per queue (0: the default). */
struct bus *bus_of(uint32_t host, enum process process, uint32_t messages);
struct bus *bus_from(const struct bootstrap *bootstrap, enum process process, uint32_t messages);

uint64_t counter(const struct bus *bus, const char *name);

void run_for(int ms);
/* until - run the loop until CONDITION (an expression) holds, fail after 4 s. */
#define until(condition)                                                                           \
    do {                                                                                           \
        mono_t limit_ = mono_add_ms(loop_now_exact(), 4000);                                       \
        while (!(condition)) {                                                                     \
            check(mono_before(loop_now_exact(), limit_), "never: %s", #condition);                 \
            run_for(2);                                                                            \
        }                                                                                          \
    } while (0)

#endif

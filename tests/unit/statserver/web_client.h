/* web_client - the outer side of an HTTP test: the test body runs in a thread with blocking libcurl
 * while the loop serves in the main one, as a browser and a server do. */
#ifndef TESTS_WEB_CLIENT_H
#define TESTS_WEB_CLIENT_H

#include "common/loop.h"

#include <stdbool.h>
#include <stddef.h>

struct web_answer {
    long status; /* 0: no answer */
    char body[262144];
    size_t size;
    char headers[4096];
    size_t headers_size;
};

/* web_ask - METHOD URL with BODY (NULL: none) and up to two header lines (NULL: none). */
void web_ask(const char *method, const char *url, const char *body, const char *header1,
             const char *header2, struct web_answer *ret_answer);

/* web_listen - GET URL and read its stream until TEXT has come or TIMEOUT_MS has passed. Returns:
 * has it come? */
bool web_listen(const char *url, const char *text, long timeout_ms, struct web_answer *ret_answer);

/* web_connect - a raw connection that has sent REQUEST and reads nothing; the descriptor. */
int web_connect(const char *address, int port, const char *request);

/* web_check - in the thread (where Criterion's assertions must not fail): the first failure is kept
 * and web_run asserts that there was none. */
#define web_check(condition) web_failed((condition) ? NULL : __FILE__ ": " #condition, __LINE__)
void web_failed(const char *what, int line);

/* web_run - run LOOP while BODY runs in a thread of its own; returns when BODY has. */
void web_run(struct loop *loop, void (*body)(void));

#endif

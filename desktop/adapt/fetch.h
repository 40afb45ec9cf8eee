/* fetch - HTTP requests of a client inside the loop (libcurl's multi interface).
 *
 * Callbacks run after libcurl has returned, so they may start and cancel fetches freely. */
#ifndef DESKTOP_ADAPT_FETCH_H
#define DESKTOP_ADAPT_FETCH_H

#include "common/loop.h"

#include <stdbool.h>
#include <stddef.h>

#define FETCH_BODY_MAX                                                                             \
    65536 /* bytes kept of an answer, or waiting of a stream; more ends the fetch */

struct fetcher;
struct fetch;

/* A fetch is over: STATUS 0 means no answer; BODY is NUL-terminated.  FETCH is invalid afterwards.
 */
typedef void fetch_done_fn(void *arg, struct fetch *fetch, long status, const char *body);
/* One line of a stream has come, without its end. */
typedef void fetch_line_fn(void *arg, struct fetch *fetch, const char *line);

int fetcher_new(struct loop *loop, struct fetcher **ret_fetcher);
void fetcher_destroy(struct fetcher **fetcher); /* cancels what is under way */

/* fetch_post - POST the JSON text BODY (copied) to URL. */
struct fetch *fetch_post(struct fetcher *fetcher, const char *url, const char *body,
                         fetch_done_fn *done, void *arg);
/* fetch_stream - GET URL and call LINE for each line while it lasts with status 200; DONE when it
 * is over. */
struct fetch *fetch_stream(struct fetcher *fetcher, const char *url, fetch_line_fn *line,
                           fetch_done_fn *done, void *arg);
/* fetch_cancel - without a callback; nulls the pointer; NULL is accepted. */
void fetch_cancel(struct fetch **fetch);

#endif

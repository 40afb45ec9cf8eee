#include "desktop/adapt/fetch.h"

#include "common/list.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

struct fetcher {
    struct loop *loop;
    CURLM *multi;
    struct loop_timer *timer;  /* libcurl's */
    struct loop_timer *reaper; /* frees what was cancelled outside of a delivery */
    struct list fetches;
};

/* A descriptor that libcurl wants to be watched. */
struct watch {
    struct fetcher *fetcher;
    struct loop_io *io;
    curl_socket_t fd;
};

struct fetch {
    struct list_link link;
    struct fetcher *fetcher;
    CURL *easy;
    struct curl_slist *headers;
    char *post;
    char body[FETCH_BODY_MAX + 1];
    size_t used;
    bool over;      /* libcurl has finished with it */
    bool cancelled; /* to be freed, without a word */
    bool too_long;
    fetch_line_fn *line; /* a stream */
    fetch_done_fn *done;
    void *arg;
};

static void deliver(struct fetcher *fetcher);

/* ---- libcurl calls ---- */

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
    struct fetch *fetch = arg;
    size_t bytes = size * count;

    if (fetch->cancelled || bytes > FETCH_BODY_MAX - fetch->used) {
        fetch->too_long = true;
        return 0;
    }
    memcpy(fetch->body + fetch->used, data, bytes);
    fetch->used += bytes;
    fetch->body[fetch->used] = '\0';
    return bytes;
}

static void run(struct fetcher *fetcher, curl_socket_t fd, int what)
{
    int running;

    (void)curl_multi_socket_action(fetcher->multi, fd, what, &running);
    deliver(fetcher);
}

static void on_ready(void *arg, uint32_t events)
{
    struct watch *watch = arg;
    int what = 0;

    if ((events & EPOLLIN) != 0)
        what |= CURL_CSELECT_IN;
    if ((events & EPOLLOUT) != 0)
        what |= CURL_CSELECT_OUT;
    if ((events & (EPOLLERR | EPOLLHUP)) != 0)
        what |= CURL_CSELECT_ERR;
    run(watch->fetcher, watch->fd, what);
}

static void on_due(void *arg, mono_t now)
{
    (void)now;
    run(arg, CURL_SOCKET_TIMEOUT, 0);
}

static void on_reap(void *arg, mono_t now)
{
    (void)now;
    deliver(arg);
}

static void watch_free(struct fetcher *fetcher, struct watch *watch)
{
    (void)curl_multi_assign(fetcher->multi, watch->fd, NULL);
    loop_io_destroy(&watch->io);
    free(watch);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned)
{
    struct fetcher *fetcher = arg;
    struct watch *watch = assigned;
    uint32_t events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
                      (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch != NULL)
            watch_free(fetcher, watch);
        return 0;
    }
    if (watch != NULL)
        return loop_io_set_events(watch->io, events) < 0 ? -1 : 0;
    watch = calloc(1, sizeof(*watch));
    if (watch == NULL)
        return -1;
    watch->fetcher = fetcher;
    watch->fd = fd;
    if (loop_io_new(fetcher->loop, fd, events, LOOP_SIP, on_ready, watch, &watch->io) < 0) {
        free(watch);
        return -1;
    }
    (void)curl_multi_assign(fetcher->multi, fd, watch);
    return 0;
}

static int on_timer(CURLM *multi, long wait_ms, void *arg)
{
    struct fetcher *fetcher = arg;

    (void)multi;
    loop_timer_set(fetcher->timer,
                   wait_ms < 0 ? MONO_NEVER : mono_add_ms(loop_now(fetcher->loop), wait_ms));
    return 0;
}

/* ---- what came of it ---- */

static void fetch_free(struct fetch *fetch)
{
    (void)curl_multi_remove_handle(fetch->fetcher->multi, fetch->easy);
    curl_easy_cleanup(fetch->easy);
    curl_slist_free_all(fetch->headers);
    list_remove(&fetch->link);
    free(fetch->post);
    free(fetch);
}

/* deliver_lines - whole lines only; the rest waits for more. */
static void deliver_lines(struct fetch *fetch)
{
    char *start = fetch->body, *end;
    long status = 0;

    (void)curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
        return;
    while (!fetch->cancelled && (end = strchr(start, '\n')) != NULL) {
        *end = '\0';
        if (end > start && end[-1] == '\r')
            end[-1] = '\0';
        fetch->line(fetch->arg, fetch, start);
        start = end + 1;
    }
    fetch->used -= (size_t)(start - fetch->body);
    memmove(fetch->body, start, fetch->used + 1);
}

static void deliver_one(struct fetch *fetch)
{
    long status = 0;

    if (!fetch->cancelled && fetch->line != NULL && fetch->used > 0)
        deliver_lines(fetch);
    if (!fetch->cancelled && fetch->over) {
        (void)curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
        fetch->cancelled = true; /* the callback may not cancel it once more */
        fetch->done(fetch->arg, fetch, status, fetch->body);
    }
}

static void deliver(struct fetcher *fetcher)
{
    struct CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(fetcher->multi, &left)) != NULL) {
        struct fetch *fetch = NULL;

        if (message->msg != CURLMSG_DONE)
            continue;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&fetch);
        fetch->over = true;
    }
    LIST_EACH(link, &fetcher->fetches)
    {
        deliver_one((struct fetch *)link);
    }
    LIST_EACH(link, &fetcher->fetches)
    {
        if (((struct fetch *)link)->cancelled)
            fetch_free((struct fetch *)link);
    }
}

/* ---- the module ---- */

int fetcher_new(struct loop *loop, struct fetcher **ret_fetcher)
{
    struct fetcher *fetcher = calloc(1, sizeof(*fetcher));
    int result;

    if (fetcher == NULL)
        return -ENOMEM;
    fetcher->loop = loop;
    list_init(&fetcher->fetches);
    result = loop_timer_new(loop, LOOP_SIP, on_due, fetcher, &fetcher->timer);
    if (result == 0)
        result = loop_timer_new(loop, LOOP_SIP, on_reap, fetcher, &fetcher->reaper);
    fetcher->multi = curl_multi_init();
    if (result < 0 || fetcher->multi == NULL) {
        fetcher_destroy(&fetcher);
        return -ENOMEM;
    }
    (void)curl_multi_setopt(fetcher->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    (void)curl_multi_setopt(fetcher->multi, CURLMOPT_SOCKETDATA, fetcher);
    (void)curl_multi_setopt(fetcher->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    (void)curl_multi_setopt(fetcher->multi, CURLMOPT_TIMERDATA, fetcher);
    *ret_fetcher = fetcher;
    return 0;
}

void fetcher_destroy(struct fetcher **fetcher)
{
    if (*fetcher == NULL)
        return;
    LIST_EACH(link, &(*fetcher)->fetches)
    {
        fetch_free((struct fetch *)link);
    }
    if ((*fetcher)->multi != NULL)
        (void)curl_multi_cleanup((*fetcher)->multi);
    loop_timer_destroy(&(*fetcher)->timer);
    loop_timer_destroy(&(*fetcher)->reaper);
    free(*fetcher);
    *fetcher = NULL;
}

static struct fetch *fetch_new(struct fetcher *fetcher, const char *url, fetch_done_fn *done,
                               void *arg)
{
    struct fetch *fetch = calloc(1, sizeof(*fetch));

    if (fetch == NULL)
        abort(); /* out of memory */
    fetch->fetcher = fetcher;
    fetch->done = done;
    fetch->arg = arg;
    fetch->easy = curl_easy_init();
    if (fetch->easy == NULL)
        abort();
    list_append(&fetcher->fetches, &fetch->link);
    (void)curl_easy_setopt(fetch->easy, CURLOPT_URL, url);
    (void)curl_easy_setopt(fetch->easy, CURLOPT_PRIVATE, fetch);
    (void)curl_easy_setopt(fetch->easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(fetch->easy, CURLOPT_WRITEDATA, fetch);
    (void)curl_easy_setopt(fetch->easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(fetch->easy, CURLOPT_NOPROXY, "*");
    (void)curl_easy_setopt(fetch->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(fetch->easy, CURLOPT_FORBID_REUSE, 1L);
    return fetch;
}

struct fetch *fetch_post(struct fetcher *fetcher, const char *url, const char *body,
                         fetch_done_fn *done, void *arg)
{
    struct fetch *fetch = fetch_new(fetcher, url, done, arg);

    fetch->post = strdup(body);
    fetch->headers = curl_slist_append(NULL, "Content-Type: application/json");
    (void)curl_easy_setopt(fetch->easy, CURLOPT_HTTPHEADER, fetch->headers);
    (void)curl_easy_setopt(fetch->easy, CURLOPT_POSTFIELDS, fetch->post);
    (void)curl_multi_add_handle(fetcher->multi, fetch->easy);
    return fetch;
}

struct fetch *fetch_stream(struct fetcher *fetcher, const char *url, fetch_line_fn *line,
                           fetch_done_fn *done, void *arg)
{
    struct fetch *fetch = fetch_new(fetcher, url, done, arg);

    fetch->line = line;
    (void)curl_multi_add_handle(fetcher->multi, fetch->easy);
    return fetch;
}

void fetch_cancel(struct fetch **fetch)
{
    struct fetch *gone = *fetch;

    *fetch = NULL;
    if (gone == NULL || gone->cancelled)
        return;
    gone->cancelled = true;
    /* Freed after the callback that may be running; a timer of no wait brings that about. */
    loop_timer_set(gone->fetcher->reaper, loop_now(gone->fetcher->loop));
}

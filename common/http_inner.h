/* http_inner - what the files of HTTP share: http.c (listeners, and the protocol as libmicrohttpd
 * runs it) and http_reply.c (what the client asked, replies, streams).  For nobody else.
 */
#ifndef COMMON_HTTP_INNER_H
#define COMMON_HTTP_INNER_H

#include "common/http.h"
#include "common/list.h"

#include <microhttpd.h>

#define ROUTES_MAX   32
#define ORIGINS_MAX  8
#define HEADERS_MAX  2
#define ORIGIN_SIZE  96
#define SOURCES_SIZE 512

struct route {
    const char *method;
    const char *path;
    http_handler_fn *handler;
    void *arg;
    const char *content_type; /* static: */
    const void *data;
    size_t size;
};

struct http {
    struct loop *loop;
    struct http_limits limits;
    struct http_counters counters;
    struct route routes[ROUTES_MAX];
    unsigned route_count;
    char origins[ORIGINS_MAX][ORIGIN_SIZE];
    unsigned origin_count;
    char sources[SOURCES_SIZE];
    char error[256];
    struct list listeners;
};

struct http_listener {
    struct list_link link;
    struct http *http;
    struct MHD_Daemon *daemon;
    struct loop_io *io;
    struct loop_timer *timer;
    struct list requests;
    bool running; /* inside MHD_run */
};

/* A request moves only forward through these. */
enum phase {
    PHASE_BODY,   /* receiving */
    PHASE_ASKED,  /* the handler runs */
    PHASE_HELD,   /* the reply comes later */
    PHASE_REPLY,  /* there is a response */
    PHASE_QUEUED, /* libmicrohttpd has it */
};

struct http_stream {
    struct http_request *request;
    char *waiting;
    size_t used;
    size_t size;
    bool ending; /* after what waits */
    bool cut;    /* at once */
    http_closed_fn *closed;
    void *arg;
};

struct http_request {
    struct list_link link;
    struct http_listener *listener;
    struct MHD_Connection *connection;
    const char *method;
    enum phase phase;
    bool suspended;
    bool too_large;
    char *body;
    size_t body_used;
    struct MHD_Response *response;
    unsigned status;
    char *header_names[HEADERS_MAX];
    char *header_values[HEADERS_MAX];
    unsigned header_count;
    http_gone_fn *gone;
    void *gone_arg;
    struct http_stream *stream;
};

/* ---- http_reply.c ---- */

void http_reply_error(struct http_request *request, unsigned status, const char *text);

/* http_request_resume - a sleeping connection goes on in the next turn. */
void http_request_resume(struct http_request *request);

#endif

/* http - an HTTP/1.1 server inside the loop, for pages, small JSON documents and server-sent
 * events.
 *
 *     http ---- routes (method, path) -> handler(request)
 *       |
 *       +------ listeners: one address and port each, opened and closed while the process runs
 *                  |
 *                  +-- request: reply now, hold and reply later, or become a stream
 *
 * libmicrohttpd does the protocol; its epoll descriptor nests in our loop, so handlers run on the
 * one thread of the process, at LOOP_STATISTICS priority.
 *
 * Bounded: bodies, connections, idle time, and what a stream may have waiting.  A client that reads
 * a stream too slowly is cut off and counted; it connects again and gets a fresh start. Every reply
 * carries headers that let a browser use it as nothing but what it is; other origins (CORS) are let
 * in only by name.
 *
 * Errors: 0 or a negative errno; never logs.
 */
#ifndef COMMON_HTTP_H
#define COMMON_HTTP_H

#include "common/loop.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http;
struct http_listener;
struct http_request;
struct http_stream;

/* A request with its body complete.  The handler calls one of http_reply*, http_request_hold or
 * http_stream_open before it returns; a handler that does none answers 500. */
typedef void http_handler_fn(void *arg, struct http_request *request);
/* A held request whose client or listener has gone before the reply; REQUEST is invalid afterwards.
 */
typedef void http_gone_fn(void *arg, struct http_request *request);
/* A stream that has ended, whoever ended it; STREAM is invalid afterwards. */
typedef void http_closed_fn(void *arg, struct http_stream *stream);

/* 0 takes the default in brackets. */
struct http_limits {
    size_t body_max;          /* bytes of a request's body [16384] */
    size_t stream_max;        /* bytes a stream may have waiting [262144] */
    unsigned connections_max; /* per listener [1024] */
    unsigned source_max;      /* of them from one address [a quarter] */
    unsigned idle_timeout_s;  /* a connection without traffic is closed [30] */
};

struct http_counters {
    uint64_t requests;     /* answered, streams included */
    uint64_t refused_path; /* 404, 405 */
    uint64_t refused_body; /* 413 */
    uint64_t streams_opened;
    uint64_t streams_open;    /* now */
    uint64_t streams_dropped; /* cut off for reading too slowly */
};

/* http_new - a server without routes and listeners. LIMITS may be NULL. */
int http_new(struct loop *loop, const struct http_limits *limits, struct http **ret_http);
/* http_destroy - closes all listeners first. */
void http_destroy(struct http **http);

/* http_route - METHOD and PATH (exact, without a query) are answered by HANDLER.  The texts must
 * outlive HTTP. Returns: 0; -ENOSPC too many routes. */
int http_route(struct http *http, const char *method, const char *path, http_handler_fn *handler,
               void *arg);

/* http_route_static - PATH is answered (GET) with SIZE bytes of DATA, which must outlive HTTP. */
int http_route_static(struct http *http, const char *path, const char *content_type,
                      const void *data, size_t size);

/* http_allow_origin - pages from ORIGIN ("http://192.0.2.1:8080") may call this server and read the
 * answers. */
int http_allow_origin(struct http *http, const char *origin);

/* http_set_connect_sources - which other servers our pages may call: a list for the
 * Content-Security-Policy's connect-src, separated by spaces; copied.  Until then only this server.
 */
int http_set_connect_sources(struct http *http, const char *sources);

/* http_listen - serve on ADDRESS (numeric) and PORT.
 * Returns: 0; -EADDRINUSE or another errno of bind(2), in words, with the mend, in http_error. */
int http_listen(struct http *http, const char *address, uint16_t port,
                struct http_listener **ret_listener);
/* http_unlisten - stop serving there: no byte leaves afterwards.  Held requests are gone, streams
 * closed. Not from inside a handler. */
void http_unlisten(struct http_listener **listener);
const char *http_error(const struct http *http);

/* What the client asked. Texts belong to the request. */
/* http_client_address - where the request comes from, as inet_ntop writes it; "" when unknown. */
#define HTTP_ADDRESS_SIZE 46
void http_client_address(const struct http_request *request, char ret_text[HTTP_ADDRESS_SIZE]);
const char *http_query(const struct http_request *request, const char *name);  /* NULL: not there */
const char *http_header(const struct http_request *request, const char *name); /* NULL: not there */
const char *http_body(const struct http_request *request,
                      size_t *ret_size); /* NUL-terminated too */
/* http_body_json - the body as one JSON object (json_decref it), or NULL when it is none. */
json_t *http_body_json(const struct http_request *request);

/* http_reply - answer; BODY is copied.  REQUEST is invalid afterwards. */
void http_reply(struct http_request *request, unsigned status, const char *content_type,
                const void *body, size_t size);
/* http_reply_json - the same with a document, whose reference is taken over. */
void http_reply_json(struct http_request *request, unsigned status, json_t *document);
/* http_reply_header - add one header to the reply that follows. Copied.  At most two. */
void http_reply_header(struct http_request *request, const char *name, const char *value);

/* http_request_hold - the reply comes later; GONE is called if the request ends before. */
void http_request_hold(struct http_request *request, http_gone_fn *gone, void *arg);

/* http_stream_open - answer with a stream of server-sent events.  REQUEST is invalid afterwards. */
struct http_stream *http_stream_open(struct http_request *request, http_closed_fn *closed,
                                     void *arg);

/* http_stream_send - one event; EVENT may be NULL (the unnamed event), DATA is one line.
 * Returns: 0; -ENOBUFS too much is waiting: the stream is being cut off (counted), its closed
 * handler follows; -EPIPE it is ending already. */
int http_stream_send(struct http_stream *stream, const char *event, const char *data);
/* http_stream_send_json - the same; the reference is taken over. */
int http_stream_send_json(struct http_stream *stream, const char *event, json_t *document);
/* http_stream_close - end it once what waits has been sent; its closed handler follows. */
void http_stream_close(struct http_stream *stream);

const struct http_counters *http_counters(const struct http *http);

#endif

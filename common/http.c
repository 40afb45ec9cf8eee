#include "common/http.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/list.h"

#define ROUTES_MAX       32
#define ORIGINS_MAX      8
#define HEADERS_MAX      2
#define ORIGIN_SIZE      96
#define SOURCES_SIZE     512
#define LISTEN_BACKLOG   128
#define SEND_BUFFER_SIZE 65536 /* so that the kernel does not hide a slow reader for long */

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

static void listener_run(struct http_listener *listener);

static void set_error(struct http *http, const char *address, uint16_t port, int error)
{
    if (error == EADDRINUSE)
        snprintf(http->error, sizeof(http->error),
                 "%s port %u is in use by another program: stop it, or choose another port in the "
                 "bootstrap file",
                 address, port);
    else if (error == EADDRNOTAVAIL)
        snprintf(http->error, sizeof(http->error),
                 "%s port %u: this host does not have that address", address, port);
    else
        snprintf(http->error, sizeof(http->error), "%s port %u: %s", address, port,
                 strerror(error));
}

int http_new(struct loop *loop, const struct http_limits *limits, struct http **ret_http)
{
    struct http *http = calloc(1, sizeof(*http));

    if (http == NULL)
        return -ENOMEM;
    http->loop = loop;
    if (limits != NULL)
        http->limits = *limits;
    if (http->limits.body_max == 0)
        http->limits.body_max = 16384;
    if (http->limits.stream_max == 0)
        http->limits.stream_max = 262144;
    if (http->limits.connections_max == 0)
        http->limits.connections_max = 1024;
    if (http->limits.source_max == 0)
        http->limits.source_max = (http->limits.connections_max + 3) / 4;
    if (http->limits.idle_timeout_s == 0)
        http->limits.idle_timeout_s = 30;
    list_init(&http->listeners);
    *ret_http = http;
    return 0;
}

void http_destroy(struct http **http)
{
    if (*http == NULL)
        return;
    LIST_EACH(link, &(*http)->listeners)
    {
        struct http_listener *listener = (struct http_listener *)link;
        http_unlisten(&listener);
    }
    free(*http);
    *http = NULL;
}

const char *http_error(const struct http *http)
{
    return http->error;
}

const struct http_counters *http_counters(const struct http *http)
{
    return &http->counters;
}

int http_route(struct http *http, const char *method, const char *path, http_handler_fn *handler,
               void *arg)
{
    if (http->route_count == ROUTES_MAX)
        return -ENOSPC;
    http->routes[http->route_count++] =
        (struct route){.method = method, .path = path, .handler = handler, .arg = arg};
    return 0;
}

int http_route_static(struct http *http, const char *path, const char *content_type,
                      const void *data, size_t size)
{
    if (http->route_count == ROUTES_MAX)
        return -ENOSPC;
    http->routes[http->route_count++] = (struct route){
        .method = "GET", .path = path, .content_type = content_type, .data = data, .size = size};
    return 0;
}

int http_allow_origin(struct http *http, const char *origin)
{
    if (http->origin_count == ORIGINS_MAX || strlen(origin) >= ORIGIN_SIZE)
        return -ENOSPC;
    strcpy(http->origins[http->origin_count++], origin);
    return 0;
}

int http_set_connect_sources(struct http *http, const char *sources)
{
    if (strlen(sources) >= SOURCES_SIZE)
        return -ENOSPC;
    strcpy(http->sources, sources);
    return 0;
}

/* ---- replies ---- */

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    (void)MHD_add_response_header(response, name, value);
}

/* allowed_origin - the request's Origin when it may read our answers, else NULL. */
static const char *allowed_origin(const struct http_request *request)
{
    const struct http *http = request->listener->http;
    const char *origin = http_header(request, "Origin");

    if (origin == NULL)
        return NULL;
    for (unsigned i = 0; i < http->origin_count; i++)
        if (strcmp(origin, http->origins[i]) == 0)
            return http->origins[i];
    return NULL;
}

static void add_common_headers(struct http_request *request, const char *content_type)
{
    struct MHD_Response *response = request->response;
    const struct http *http = request->listener->http;
    const char *origin = allowed_origin(request);
    char policy[SOURCES_SIZE + 192];

    snprintf(policy, sizeof(policy),
             "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
             "connect-src 'self' %s; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
             http->sources);
    add_header(response, "Content-Type", content_type);
    add_header(response, "Content-Security-Policy", policy);
    add_header(response, "X-Content-Type-Options", "nosniff");
    add_header(response, "Referrer-Policy", "no-referrer");
    add_header(response, "Cache-Control", "no-store");
    if (http->origin_count > 0)
        add_header(response, "Vary", "Origin");
    if (origin != NULL) {
        add_header(response, "Access-Control-Allow-Origin", origin);
        add_header(response, "Access-Control-Allow-Headers", "Content-Type, Authorization");
        add_header(response, "Access-Control-Allow-Methods", "GET, POST");
        add_header(response, "Access-Control-Max-Age", "600");
    }
    for (unsigned i = 0; i < request->header_count; i++)
        add_header(response, request->header_names[i], request->header_values[i]);
}

/* request_resume - a sleeping connection goes on in the next turn. */
static void request_resume(struct http_request *request)
{
    if (!request->suspended)
        return;
    request->suspended = false;
    MHD_resume_connection(request->connection);
    loop_timer_set(request->listener->timer, loop_now(request->listener->http->loop));
}

/* answer_with - RESPONSE becomes the reply; a suspended connection goes on. */
static void answer_with(struct http_request *request, unsigned status, const char *content_type,
                        struct MHD_Response *response)
{
    assert(request->phase == PHASE_ASKED || request->phase == PHASE_HELD);
    if (response == NULL)
        abort(); /* out of memory */
    request->response = response;
    request->status = status;
    add_common_headers(request, content_type);
    request->phase = PHASE_REPLY;
    request_resume(request);
}

void http_reply(struct http_request *request, unsigned status, const char *content_type,
                const void *body, size_t size)
{
    union {
        const void *in;
        void *out;
    } text = {.in = body}; /* libmicrohttpd copies it but asks for a plain pointer */

    answer_with(request, status, content_type,
                MHD_create_response_from_buffer(size, text.out, MHD_RESPMEM_MUST_COPY));
}

void http_reply_json(struct http_request *request, unsigned status, json_t *document)
{
    char *text = json_dumps(document, JSON_COMPACT);

    json_decref(document);
    if (text == NULL)
        abort(); /* out of memory, or text that is not UTF-8: the codec lets none through */
    answer_with(request, status, "application/json",
                MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE));
}

void http_reply_header(struct http_request *request, const char *name, const char *value)
{
    assert(request->header_count < HEADERS_MAX);
    request->header_names[request->header_count] = strdup(name);
    request->header_values[request->header_count] = strdup(value);
    request->header_count++;
}

static void reply_error(struct http_request *request, unsigned status, const char *text)
{
    http_reply_json(request, status, json_pack("{s:s}", "error", text));
}

void http_request_hold(struct http_request *request, http_gone_fn *gone, void *arg)
{
    assert(request->phase == PHASE_ASKED);
    request->phase = PHASE_HELD;
    request->gone = gone;
    request->gone_arg = arg;
}

/* ---- streams ---- */

/* stream_read - libmicrohttpd asks for more; with nothing waiting the connection sleeps. */
static ssize_t stream_read(void *arg, uint64_t position, char *buffer, size_t max)
{
    struct http_stream *stream = arg;
    size_t count = stream->used < max ? stream->used : max;

    (void)position;
    if (stream->cut)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (count > 0) {
        memcpy(buffer, stream->waiting, count);
        memmove(stream->waiting, stream->waiting + count, stream->used - count);
        stream->used -= count;
        return (ssize_t)count;
    }
    if (stream->ending)
        return MHD_CONTENT_READER_END_OF_STREAM;
    stream->request->suspended = true;
    MHD_suspend_connection(stream->request->connection);
    return 0;
}

struct http_stream *http_stream_open(struct http_request *request, http_closed_fn *closed,
                                     void *arg)
{
    struct http_stream *stream = calloc(1, sizeof(*stream));
    struct http *http = request->listener->http;

    if (stream == NULL)
        abort();
    stream->request = request;
    stream->closed = closed;
    stream->arg = arg;
    request->stream = stream;
    http->counters.streams_opened++;
    http->counters.streams_open++;
    answer_with(
        request, MHD_HTTP_OK, "text/event-stream",
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, stream_read, stream, NULL));
    return stream;
}

static void stream_wake(struct http_stream *stream)
{
    request_resume(stream->request);
}

/* stream_cut - the client reads too slowly (or the listener closes): hang up without waiting for
 * it. */
static void stream_cut(struct http_stream *stream)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(stream->request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    stream->cut = true;
    if (info != NULL)
        (void)shutdown(info->connect_fd, SHUT_RDWR);
    stream_wake(stream);
}

static bool stream_reserve(struct http_stream *stream, size_t more)
{
    size_t max = stream->request->listener->http->limits.stream_max;
    size_t size = stream->size == 0 ? 1024 : stream->size;

    if (stream->used + more > max)
        return false;
    while (size < stream->used + more)
        size *= 2;
    if (size != stream->size) {
        char *grown = realloc(stream->waiting, size);
        if (grown == NULL)
            abort();
        stream->waiting = grown;
        stream->size = size;
    }
    return true;
}

static void stream_append(struct http_stream *stream, const char *text)
{
    size_t size = strlen(text);

    memcpy(stream->waiting + stream->used, text, size);
    stream->used += size;
}

int http_stream_send(struct http_stream *stream, const char *event, const char *data)
{
    size_t size = strlen(data) + strlen("event: \ndata: \n\n") + (event ? strlen(event) : 0);

    assert(strchr(data, '\n') == NULL);
    if (stream->cut || stream->ending)
        return -EPIPE;
    if (!stream_reserve(stream, size)) {
        stream->request->listener->http->counters.streams_dropped++;
        stream_cut(stream);
        return -ENOBUFS;
    }
    if (event != NULL) {
        stream_append(stream, "event: ");
        stream_append(stream, event);
        stream_append(stream, "\n");
    }
    stream_append(stream, "data: ");
    stream_append(stream, data);
    stream_append(stream, "\n\n");
    stream_wake(stream);
    return 0;
}

int http_stream_send_json(struct http_stream *stream, const char *event, json_t *document)
{
    char *text = json_dumps(document, JSON_COMPACT);
    int result;

    json_decref(document);
    if (text == NULL)
        abort();
    result = http_stream_send(stream, event, text);
    free(text);
    return result;
}

void http_stream_close(struct http_stream *stream)
{
    stream->ending = true;
    stream_wake(stream);
}

/* ---- what the client asked ---- */

void http_client_address(const struct http_request *request, char ret_text[HTTP_ADDRESS_SIZE])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *from = info != NULL ? info->client_addr : NULL;

    ret_text[0] = '\0';
    if (from != NULL && from->sa_family == AF_INET)
        (void)inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)from)->sin_addr,
                        ret_text, HTTP_ADDRESS_SIZE);
    else if (from != NULL && from->sa_family == AF_INET6)
        (void)inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr,
                        ret_text, HTTP_ADDRESS_SIZE);
}

const char *http_query(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *http_header(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *http_body(const struct http_request *request, size_t *ret_size)
{
    if (ret_size != NULL)
        *ret_size = request->body_used;
    return request->body != NULL ? request->body : "";
}

json_t *http_body_json(const struct http_request *request)
{
    json_t *document =
        json_loadb(http_body(request, NULL), request->body_used, JSON_REJECT_DUPLICATES, NULL);

    if (document != NULL && !json_is_object(document)) {
        json_decref(document);
        return NULL;
    }
    return document;
}

/* ---- the protocol side ---- */

static struct http_request *request_new(struct http_listener *listener,
                                        struct MHD_Connection *connection, const char *method)
{
    struct http_request *request = calloc(1, sizeof(*request));
    const char *length;

    if (request == NULL)
        return NULL;
    request->listener = listener;
    request->connection = connection;
    request->method = method;
    list_append(&listener->requests, &request->link);
    length = http_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (length != NULL && strtoull(length, NULL, 10) > listener->http->limits.body_max)
        request->too_large = true;
    return request;
}

static void request_body(struct http_request *request, const char *data, size_t size)
{
    size_t max = request->listener->http->limits.body_max;

    if (request->body == NULL)
        request->body = malloc(max + 1);
    if (request->body == NULL)
        abort();
    if (request->too_large || size > max - request->body_used) {
        request->too_large = true;
        return;
    }
    memcpy(request->body + request->body_used, data, size);
    request->body_used += size;
    request->body[request->body_used] = '\0';
}

static void request_dispatch(struct http_request *request, const char *path)
{
    struct http *http = request->listener->http;
    bool head = strcmp(request->method, "HEAD") == 0;
    bool known_path = false;

    request->phase = PHASE_ASKED;
    if (request->too_large) {
        http->counters.refused_body++;
        reply_error(request, MHD_HTTP_CONTENT_TOO_LARGE, "the request is too large");
        return;
    }
    for (unsigned i = 0; i < http->route_count; i++) {
        const struct route *route = &http->routes[i];

        if (strcmp(route->path, path) != 0)
            continue;
        known_path = true;
        if (strcmp(route->method, head ? "GET" : request->method) != 0)
            continue;
        http->counters.requests++;
        if (route->handler != NULL)
            route->handler(route->arg, request);
        else
            http_reply(request, MHD_HTTP_OK, route->content_type, route->data, route->size);
        if (request->phase == PHASE_ASKED)
            reply_error(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "nothing answered");
        return;
    }
    if (known_path && strcmp(request->method, "OPTIONS") == 0) {
        http_reply(request, MHD_HTTP_NO_CONTENT, "text/plain", "",
                   0); /* CORS asks before it sends */
        return;
    }
    http->counters.refused_path++;
    if (known_path)
        reply_error(request, MHD_HTTP_METHOD_NOT_ALLOWED, "not this way");
    else
        reply_error(request, MHD_HTTP_NOT_FOUND, "there is no such page");
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_size, void **state)
{
    struct http_listener *listener = arg;
    struct http_request *request = *state;

    (void)version;
    if (request == NULL) {
        *state = request_new(listener, connection, method);
        return *state != NULL ? MHD_YES : MHD_NO;
    }
    if (*data_size > 0) {
        request_body(request, data, *data_size);
        *data_size = 0;
        return MHD_YES;
    }
    if (request->phase == PHASE_BODY)
        request_dispatch(request, url);
    if (request->phase == PHASE_HELD) {
        request->suspended = true;
        MHD_suspend_connection(connection);
        return MHD_YES;
    }
    if (request->phase != PHASE_REPLY)
        return MHD_NO;
    request->phase = PHASE_QUEUED;
    return MHD_queue_response(connection, request->status, request->response);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    struct http_request *request = *state;

    (void)arg;
    (void)connection;
    (void)code;
    if (request == NULL)
        return;
    *state = NULL;
    if (request->phase == PHASE_HELD && request->gone != NULL)
        request->gone(request->gone_arg, request);
    if (request->stream != NULL) {
        request->listener->http->counters.streams_open--;
        if (request->stream->closed != NULL)
            request->stream->closed(request->stream->arg, request->stream);
    }
    if (request->response != NULL)
        MHD_destroy_response(request->response);
    if (request->stream != NULL)
        free(request->stream->waiting);
    free(request->stream);
    for (unsigned i = 0; i < request->header_count; i++) {
        free(request->header_names[i]);
        free(request->header_values[i]);
    }
    list_remove(&request->link);
    free(request->body);
    free(request);
}

/* ---- listeners ---- */

static void on_timer(void *arg, mono_t now)
{
    (void)now;
    listener_run(arg);
}

static void on_ready(void *arg, uint32_t events)
{
    (void)events;
    listener_run(arg);
}

static void listener_run(struct http_listener *listener)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    mono_t next = MONO_NEVER;

    listener->running = true;
    (void)MHD_run(listener->daemon);
    listener->running = false;
    if (MHD_get_timeout(listener->daemon, &wait_ms) == MHD_YES)
        next =
            mono_add_ms(loop_now(listener->http->loop), wait_ms > 60000 ? 60000 : (int64_t)wait_ms);
    loop_timer_set(listener->timer, next);
}

/* open_socket - a listening socket; FREEBIND because the site address may follow the role by a
 * moment. */
static int open_socket(const char *address, uint16_t port)
{
    struct sockaddr_storage name = {0};
    struct sockaddr_in *in = (struct sockaddr_in *)&name;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&name;
    socklen_t length = sizeof(*in);
    int one = 1, buffer = SEND_BUFFER_SIZE, fd, error;

    if (inet_pton(AF_INET, address, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
    } else if (inet_pton(AF_INET6, address, &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        length = sizeof(*in6);
    } else {
        return -EINVAL;
    }
    fd = socket(name.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
    (void)setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&name, length) == 0 && listen(fd, LISTEN_BACKLOG) == 0)
        return fd;
    error = errno;
    close(fd);
    return -error;
}

static int listener_start(struct http_listener *listener, int fd)
{
    struct http *http = listener->http;
    const union MHD_DaemonInfo *info;
    int result;

    listener->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, listener,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, on_completed, listener,
        MHD_OPTION_CONNECTION_LIMIT, http->limits.connections_max,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, http->limits.source_max, MHD_OPTION_CONNECTION_TIMEOUT,
        http->limits.idle_timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)32768,
        MHD_OPTION_END);
    if (listener->daemon == NULL) {
        close(fd);
        return -EIO;
    }
    info = MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL)
        return -EIO;
    result = loop_timer_new(http->loop, LOOP_STATISTICS, on_timer, listener, &listener->timer);
    if (result < 0)
        return result;
    return loop_io_new(http->loop, info->epoll_fd, EPOLLIN, LOOP_STATISTICS, on_ready, listener,
                       &listener->io);
}

int http_listen(struct http *http, const char *address, uint16_t port,
                struct http_listener **ret_listener)
{
    struct http_listener *listener;
    int fd = open_socket(address, port);
    int result;

    if (fd < 0) {
        set_error(http, address, port, -fd);
        return fd;
    }
    listener = calloc(1, sizeof(*listener));
    if (listener == NULL) {
        close(fd);
        return -ENOMEM;
    }
    listener->http = http;
    list_init(&listener->requests);
    list_append(&http->listeners, &listener->link);
    result = listener_start(listener, fd);
    if (result < 0) {
        set_error(http, address, port, -result);
        http_unlisten(&listener);
        return result;
    }
    *ret_listener = listener;
    return 0;
}

/* listener_hang_up - no connection may sleep when libmicrohttpd is stopped, and no byte may follow.
 */
static void listener_hang_up(struct http_listener *listener)
{
    LIST_EACH(link, &listener->requests)
    {
        struct http_request *request = (struct http_request *)link;
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

        if (request->stream != NULL)
            request->stream->cut = true;
        if (info != NULL)
            (void)shutdown(info->connect_fd, SHUT_RDWR);
        request_resume(request);
    }
}

void http_unlisten(struct http_listener **listener)
{
    struct http_listener *gone = *listener;

    if (gone == NULL)
        return;
    assert(!gone->running);
    *listener = NULL;
    listener_hang_up(gone);
    loop_io_destroy(&gone->io);
    loop_timer_destroy(&gone->timer);
    if (gone->daemon != NULL)
        MHD_stop_daemon(gone->daemon);
    list_remove(&gone->link);
    free(gone);
}

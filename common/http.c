#include "common/http.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/http_inner.h"

#define LISTEN_BACKLOG   128
#define SEND_BUFFER_SIZE 65536 /* so that the kernel does not hide a slow reader for long */

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
        http_reply_error(request, MHD_HTTP_CONTENT_TOO_LARGE, "the request is too large");
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
            http_reply_error(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "nothing answered");
        return;
    }
    if (known_path && strcmp(request->method, "OPTIONS") == 0) {
        http_reply(request, MHD_HTTP_NO_CONTENT, "text/plain", "",
                   0); /* CORS asks before it sends */
        return;
    }
    http->counters.refused_path++;
    if (known_path)
        http_reply_error(request, MHD_HTTP_METHOD_NOT_ALLOWED, "not this way");
    else
        http_reply_error(request, MHD_HTTP_NOT_FOUND, "there is no such page");
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
        http_request_resume(request);
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

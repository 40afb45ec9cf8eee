/* What an HTTP client asked, the reply to it, and the streams that stay open. */
#include "common/http_inner.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

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

void http_request_resume(struct http_request *request)
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
    http_request_resume(request);
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

void http_reply_error(struct http_request *request, unsigned status, const char *text)
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
    http_request_resume(stream->request);
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

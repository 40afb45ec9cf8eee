/* The HTTP adapter on loopback: routes, bounds, streams, a slow reader, what happens when a
 * listener closes. */
#include "common/http.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "web_client.h"

#define ADDRESS "127.0.60.1"
#define PORT    18961
#define URL     "http://127.0.60.1:18961"

static struct loop *loop;
static struct http *http;
static struct http_listener *listener;
static struct http_stream *stream;
static struct http_request *held;
static struct loop_timer *timer;
static int closed_streams, gone_requests;
static struct web_answer answer;

static void get_hello(void *arg, struct http_request *request)
{
    const char *name = http_query(request, "name");

    (void)arg;
    http_reply_json(request, 200, json_pack("{s:s}", "hello", name != NULL ? name : "nobody"));
}

static void post_echo(void *arg, struct http_request *request)
{
    json_t *document = http_body_json(request);

    (void)arg;
    if (document == NULL)
        http_reply_json(request, 400, json_pack("{s:s}", "error", "not JSON"));
    else
        http_reply_json(request, 200, document);
}

static void on_closed(void *arg, struct http_stream *gone)
{
    (void)arg;
    cr_assert_eq(gone, stream);
    stream = NULL;
    closed_streams++;
}

static void get_stream(void *arg, struct http_request *request)
{
    (void)arg;
    stream = http_stream_open(request, on_closed, NULL);
    http_stream_send(stream, "first", "{}");
}

static void on_gone(void *arg, struct http_request *request)
{
    (void)arg;
    cr_assert_eq(held, request);
    held = NULL;
    gone_requests++;
}

static void get_later(void *arg, struct http_request *request)
{
    (void)arg;
    held = request;
    http_request_hold(request, on_gone, NULL);
    loop_timer_set(timer, mono_add_ms(loop_now(loop), 50));
}

static void get_never(void *arg, struct http_request *request)
{
    (void)arg;
    held = request;
    http_request_hold(request, on_gone, NULL);
}

static void on_timer(void *arg, mono_t now)
{
    (void)arg;
    (void)now;
    struct http_request *request = held;
    held = NULL;
    http_reply_json(request, 200, json_pack("{s:s}", "late", "yes"));
}

static void setup(void)
{
    struct http_limits limits = {
        .body_max = 1000, .stream_max = 20000, .connections_max = 30, .source_max = 20};

    cr_assert_eq(loop_new(&loop), 0);
    cr_assert_eq(http_new(loop, &limits, &http), 0);
    http_route(http, "GET", "/hello", get_hello, NULL);
    http_route(http, "POST", "/echo", post_echo, NULL);
    http_route(http, "GET", "/stream", get_stream, NULL);
    http_route(http, "GET", "/later", get_later, NULL);
    http_route(http, "GET", "/never", get_never, NULL);
    http_route_static(http, "/", "text/html; charset=utf-8", "<p>hi", 5);
    http_allow_origin(http, "http://192.0.2.1:8080");
    cr_assert_eq(loop_timer_new(loop, LOOP_SIP, on_timer, NULL, &timer), 0);
    cr_assert_eq(http_listen(http, ADDRESS, PORT, &listener), 0, "%s", http_error(http));
}

static void teardown(void)
{
    http_destroy(&http);
    loop_timer_destroy(&timer);
    loop_destroy(&loop);
}

TestSuite(http, .init = setup, .fini = teardown, .timeout = 30);

static void routes(void)
{
    web_ask("GET", URL "/hello?name=ann", NULL, NULL, NULL, &answer);
    web_check(answer.status == 200);
    web_check(strcmp(answer.body, "{\"hello\":\"ann\"}") == 0);
    web_check(strstr(answer.headers, "X-Content-Type-Options: nosniff") != NULL);
    web_check(strstr(answer.headers, "frame-ancestors 'none'") != NULL);
    web_check(strstr(answer.headers, "Access-Control-Allow-Origin") == NULL);
    web_ask("GET", URL "/", NULL, NULL, NULL, &answer);
    web_check(strcmp(answer.body, "<p>hi") == 0);
    web_ask("GET", URL "/none", NULL, NULL, NULL, &answer);
    web_check(answer.status == 404);
    web_ask("POST", URL "/hello", "{}", NULL, NULL, &answer);
    web_check(answer.status == 405);
    web_ask("POST", URL "/echo", "{\"a\":1}", NULL, NULL, &answer);
    web_check(strcmp(answer.body, "{\"a\":1}") == 0);
    web_ask("POST", URL "/echo", "{\"a\":", NULL, NULL, &answer);
    web_check(answer.status == 400);
    web_ask("GET", URL "/later", NULL, NULL, NULL, &answer);
    web_check(strcmp(answer.body, "{\"late\":\"yes\"}") == 0);
}

Test(http, routes_replies_and_late_replies)
{
    web_run(loop, routes);
    cr_assert_eq(http_counters(http)->refused_path, 2);
}

static void bodies(void)
{
    char big[2000];

    memset(big, ' ', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    web_ask("POST", URL "/echo", big, NULL, NULL, &answer);
    web_check(answer.status == 413);
    web_ask("POST", URL "/echo", big, "Transfer-Encoding: chunked", NULL, &answer);
    web_check(answer.status == 413);
}

Test(http, a_body_beyond_the_limit_is_refused)
{
    web_run(loop, bodies);
    cr_assert_eq(http_counters(http)->refused_body, 2);
}

static void origins(void)
{
    web_ask("GET", URL "/hello", NULL, "Origin: http://192.0.2.1:8080", NULL, &answer);
    web_check(strstr(answer.headers, "Access-Control-Allow-Origin: http://192.0.2.1:8080") != NULL);
    web_ask("OPTIONS", URL "/echo", NULL, "Origin: http://192.0.2.1:8080",
            "Access-Control-Request-Method: POST", &answer);
    web_check(answer.status == 204);
    web_check(strstr(answer.headers, "Access-Control-Allow-Headers: Content-Type") != NULL);
    web_ask("GET", URL "/hello", NULL, "Origin: http://192.0.2.66:8080", NULL, &answer);
    web_check(strstr(answer.headers, "Access-Control-Allow-Origin") == NULL);
}

Test(http, only_named_origins_may_read)
{
    web_run(loop, origins);
}

static void send_tick(void *arg, mono_t now)
{
    (void)arg;
    if (stream != NULL)
        http_stream_send(stream, "tick", "{\"n\":1}");
    loop_timer_set(timer, mono_add_ms(now, 20));
}

static void listen_stream(void)
{
    web_check(web_listen(URL "/stream", "event: tick\ndata: {\"n\":1}\n\n", 3000, &answer));
    web_check(strstr(answer.body, "event: first") != NULL);
    web_check(strstr(answer.headers, "text/event-stream") != NULL);
    for (int i = 0; i < 200 && http_counters(http)->streams_open > 0; i++)
        usleep(10000);
}

Test(http, a_stream_carries_events_and_notices_that_its_reader_left)
{
    loop_timer_destroy(&timer);
    cr_assert_eq(loop_timer_new(loop, LOOP_SIP, send_tick, NULL, &timer), 0);
    loop_timer_set(timer, loop_now(loop));
    web_run(loop, listen_stream);
    cr_assert_eq(closed_streams, 1);
    cr_assert_eq(http_counters(http)->streams_open, 0);
    cr_assert_eq(http_counters(http)->streams_dropped, 0);
}

static void flood(void *arg, mono_t now)
{
    char line[4000];

    (void)arg;
    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    if (stream != NULL)
        http_stream_send(stream, "flood", line);
    loop_timer_set(timer, mono_add_ms(now, 1));
}

static void read_nothing(void)
{
    int fd = web_connect(ADDRESS, PORT, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");

    for (int i = 0; i < 500 && http_counters(http)->streams_dropped == 0; i++)
        usleep(10000);
    for (int i = 0; i < 200 && http_counters(http)->streams_open > 0; i++)
        usleep(10000);
    web_ask("GET", URL "/hello", NULL, NULL, NULL, &answer);
    web_check(answer.status == 200);
    close(fd);
}

Test(http, a_slow_reader_is_cut_off_and_counted)
{
    loop_timer_destroy(&timer);
    cr_assert_eq(loop_timer_new(loop, LOOP_SIP, flood, NULL, &timer), 0);
    loop_timer_set(timer, loop_now(loop));
    web_run(loop, read_nothing);
    cr_assert_eq(http_counters(http)->streams_dropped, 1);
    cr_assert_eq(closed_streams, 1);
}

/* A connection from SOURCE with a request that never ends. */
static int half_a_request(const char *source)
{
    struct sockaddr_in from = {.sin_family = AF_INET},
                       to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    inet_pton(AF_INET, source, &from.sin_addr);
    inet_pton(AF_INET, ADDRESS, &to.sin_addr);
    web_check(bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0);
    web_check(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
    (void)!send(fd, "GET / HT", 8, MSG_NOSIGNAL);
    return fd;
}

static void one_source_takes_what_it_can(void)
{
    int fds[40];

    for (int i = 0; i < 40; i++)
        fds[i] = half_a_request("127.0.60.7");
    web_ask("GET", URL "/hello", NULL, NULL, NULL, &answer);
    web_check(answer.status == 200);
    for (int i = 0; i < 40; i++)
        close(fds[i]);
}

Test(http, one_source_cannot_take_all_connections)
{
    web_run(loop, one_source_takes_what_it_can);
}

static void close_listener(void *arg, mono_t now)
{
    (void)arg;
    (void)now;
    http_unlisten(&listener);
}

static void while_it_closes(void)
{
    int fd = web_connect(ADDRESS, PORT, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    int fd2 = web_connect(ADDRESS, PORT, "GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
    char data[4096];

    for (int i = 0; i < 300 && (closed_streams == 0 || gone_requests == 0); i++)
        usleep(10000);
    web_check(closed_streams == 1);
    web_check(gone_requests == 1);
    while (read(fd, data, sizeof(data)) > 0)
        ;
    web_ask("GET", URL "/hello", NULL, NULL, NULL, &answer);
    web_check(answer.status == 0);
    close(fd);
    close(fd2);
}

Test(http, a_closed_listener_ends_streams_and_held_requests)
{
    struct loop_timer *closing = NULL;

    cr_assert_eq(loop_timer_new(loop, LOOP_SIP, close_listener, NULL, &closing), 0);
    loop_timer_set(closing, mono_add_ms(loop_now(loop), 300));
    web_run(loop, while_it_closes);
    loop_timer_destroy(&closing);
    cr_assert_eq(http_listen(http, ADDRESS, PORT, &listener), 0, "it can open again: %s",
                 http_error(http));
}

Test(http, a_port_in_use_says_so_in_one_line)
{
    struct http_listener *second = NULL;

    cr_assert_eq(http_listen(http, ADDRESS, PORT, &second), -EADDRINUSE);
    cr_assert_null(second);
    cr_assert_not_null(strstr(http_error(http), ADDRESS " port 18961 is in use"));
    cr_assert_null(strchr(http_error(http), '\n'));
}

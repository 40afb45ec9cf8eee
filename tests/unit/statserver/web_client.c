#include "web_client.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <curl/curl.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *failed_check;
static int failed_line;

void web_failed(const char *what, int line)
{
    if (what == NULL || failed_check != NULL)
        return;
    failed_check = what;
    failed_line = line;
}

struct reading {
    struct web_answer *answer;
    const char *until; /* NULL: to the end */
    bool found;
};

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
    struct reading *r = arg;
    size_t n = size * count;

    if (r->answer->size + n >= sizeof(r->answer->body))
        return 0;
    memcpy(r->answer->body + r->answer->size, data, n);
    r->answer->size += n;
    r->answer->body[r->answer->size] = '\0';
    if (r->until != NULL && strstr(r->answer->body, r->until) != NULL) {
        r->found = true;
        return 0;
    }
    return n;
}

static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
    struct web_answer *a = arg;
    size_t n = size * count;

    if (a->headers_size + n < sizeof(a->headers)) {
        memcpy(a->headers + a->headers_size, data, n);
        a->headers_size += n;
        a->headers[a->headers_size] = '\0';
    }
    return n;
}

static CURL *start(const char *url, struct reading *reading, long timeout_ms)
{
    CURL *curl = curl_easy_init();

    memset(reading->answer, 0, sizeof(*reading->answer));
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, reading);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, reading->answer);
    return curl;
}

void web_ask(const char *method, const char *url, const char *body, const char *header1,
             const char *header2, struct web_answer *ret_answer)
{
    struct reading reading = {.answer = ret_answer};
    CURL *curl = start(url, &reading, 5000);
    struct curl_slist *headers = NULL;

    if (header1 != NULL)
        headers = curl_slist_append(headers, header1);
    if (header2 != NULL)
        headers = curl_slist_append(headers, header2);
    headers = curl_slist_append(headers, "Expect:");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    if (body != NULL)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    (void)curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret_answer->status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
}

bool web_listen(const char *url, const char *text, long timeout_ms, struct web_answer *ret_answer)
{
    struct reading reading = {.answer = ret_answer, .until = text};
    CURL *curl = start(url, &reading, timeout_ms);

    (void)curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret_answer->status);
    curl_easy_cleanup(curl);
    return reading.found;
}

int web_connect(const char *address, int port, const char *request)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), small = 4096;

    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    inet_pton(AF_INET, address, &name.sin_addr);
    cr_assert_eq(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    cr_assert_eq(write(fd, request, strlen(request)), (ssize_t)strlen(request));
    return fd;
}

struct running {
    void (*body)(void);
    int done;
    struct loop *loop;
};

static void *run_body(void *arg)
{
    struct running *running = arg;
    uint64_t one = 1;

    running->body();
    (void)!write(running->done, &one, sizeof(one));
    return NULL;
}

static void on_done(void *arg, uint32_t events)
{
    struct running *running = arg;

    (void)events;
    loop_exit(running->loop, 0);
}

void web_run(struct loop *loop, void (*body)(void))
{
    struct running running = {.body = body, .done = eventfd(0, EFD_CLOEXEC), .loop = loop};
    struct loop_io *io = NULL;
    pthread_t thread;

    cr_assert_eq(loop_io_new(loop, running.done, EPOLLIN, LOOP_SIP, on_done, &running, &io), 0);
    cr_assert_eq(pthread_create(&thread, NULL, run_body, &running), 0);
    cr_assert_eq(loop_run(loop), 0);
    pthread_join(thread, NULL);
    cr_assert_null(failed_check, "line %d: %s", failed_line, failed_check);
    loop_io_destroy(&io);
    close(running.done);
}

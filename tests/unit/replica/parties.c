#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kit_inner.h"

#define MESSAGES 512

static int gateway = -1, far = -1;
static char messages[MESSAGES][4096], far_messages[MESSAGES][4096];
static int messages_n, far_messages_n;
static unsigned stuns;

/* ---- the gateway ---- */

/* The first line of MESSAGE's header NAME without it. */
static void header(const char *message, const char *name, char *value, size_t size)
{
    const char *at = strstr(message, name);

    value[0] = '\0';
    if (at != NULL)
        snprintf(value, size, "%.*s", (int)strcspn(at + strlen(name), "\r"), at + strlen(name));
}

static void send_from(int from, const void *data, size_t size)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(SIP_PORT)};
    char address[32];

    snprintf(address, sizeof(address), "%s.100", net);
    cr_assert_eq(inet_pton(AF_INET, address, &to.sin_addr), 1);
    cr_assert_eq(sendto(from, data, size, 0, (struct sockaddr *)&to, sizeof(to)), (ssize_t)size);
}

static void send_to_site(const void *data, size_t size)
{
    send_from(gateway, data, size);
}

/* The answer STATUS to REQUEST. */
static void answer(int socket, const char *request, const char *status)
{
    char via[512], from[256], to[256], id[256], cseq[64], answer[2048];

    header(request, "\r\nVia: ", via, sizeof(via));
    header(request, "\r\nFrom: ", from, sizeof(from));
    header(request, "\r\nTo: ", to, sizeof(to));
    header(request, "\r\nCall-ID: ", id, sizeof(id));
    header(request, "\r\nCSeq: ", cseq, sizeof(cseq));
    snprintf(answer, sizeof(answer),
             "SIP/2.0 %s\r\nVia: %s\r\nFrom: %s\r\nTo: %s%s\r\nCall-ID: %s\r\nCSeq: %s\r\n"
             "Contact: <sip:far@%s.%d:%d>\r\nContent-Length: 0\r\n\r\n",
             status, via, from, to, strstr(to, ";tag=") != NULL ? "" : ";tag=gw", id, cseq, net,
             socket == far ? 201 : 200, GW_PORT);
    send_from(socket, answer, strlen(answer));
}

static void on_gateway(void *arg, uint32_t events)
{
    char data[4096];
    ssize_t n;

    (void)arg;
    (void)events;
    while ((n = recv(gateway, data, sizeof(data) - 1, MSG_DONTWAIT)) > 0) {
        data[n] = '\0';
        if (data[0] < 4) {
            stuns++;
        } else if (strncmp(data, "OPTIONS ", 8) == 0) {
            answer(gateway, data, "200 OK");
        } else {
            cr_assert_lt(messages_n, MESSAGES);
            memcpy(messages[messages_n++], data, (size_t)n + 1);
        }
    }
}

static struct loop_io *gateway_io;

static void on_far(void *arg, uint32_t events)
{
    char data[4096];
    ssize_t n;

    (void)arg;
    (void)events;
    while ((n = recv(far, data, sizeof(data) - 1, MSG_DONTWAIT)) > 0) {
        data[n] = '\0';
        if (strncmp(data, "OPTIONS ", 8) == 0) {
            answer(far, data, "200 OK");
            continue;
        }
        cr_assert_lt(far_messages_n, MESSAGES);
        memcpy(far_messages[far_messages_n++], data, (size_t)n + 1);
    }
}

static int open_socket(unsigned host)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(GW_PORT)};
    char address[32];
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    snprintf(address, sizeof(address), "%s.%u", net, host);
    cr_assert_eq(inet_pton(AF_INET, address, &at.sin_addr), 1);
    cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0, "%s", strerror(errno));
    return fd;
}

static struct loop_io *far_io;

void parties_open(void)
{
    messages_n = far_messages_n = 0;
    stuns = 0;
    gateway = open_socket(200);
    far = open_socket(201);
    cr_assert_eq(loop_io_new(loop, gateway, EPOLLIN, LOOP_SIP, on_gateway, NULL, &gateway_io), 0);
    cr_assert_eq(loop_io_new(loop, far, EPOLLIN, LOOP_SIP, on_far, NULL, &far_io), 0);
}

static void request(const char *method, const char *id, const char *number)
{
    char m[2048];

    snprintf(
        m, sizeof(m),
        "%s sip:%s@%s.100:%d SIP/2.0\r\nVia: SIP/2.0/UDP %s.200:%d;branch=z9hG4bK%s;rport\r\n"
        "From: <sip:200@%s.200>;tag=f%s\r\nTo: <sip:%s@%s.100>\r\nCall-ID: %s\r\nCSeq: 1 %s\r\n"
        "Contact: <sip:200@%s.200:%d>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
        method, number, net, SIP_PORT, net, GW_PORT, id, net, id, number, net, id, method, net,
        GW_PORT);
    send_to_site(m, strlen(m));
}

void gateway_invite(const char *id, const char *number)
{
    request("INVITE", id, number);
}

static const char *found(const char *id, int status, int *ret_place)
{
    char line[32], wanted[128];

    snprintf(line, sizeof(line), "SIP/2.0 %d", status);
    snprintf(wanted, sizeof(wanted), "\r\nCall-ID: %s\r\n", id);
    for (int i = 0; i < messages_n; i++)
        if (strstr(messages[i], wanted) != NULL &&
            (status == 0 || strncmp(messages[i], line, strlen(line)) == 0)) {
            *ret_place = i;
            return messages[i];
        }
    return NULL;
}

bool gateway_answered(const char *id, const char *cseq)
{
    char wanted[128], call[128];

    snprintf(wanted, sizeof(wanted), "\r\nCSeq: %s\r\n", cseq);
    snprintf(call, sizeof(call), "\r\nCall-ID: %s\r\n", id);
    for (int i = 0; i < messages_n; i++)
        if (strstr(messages[i], wanted) != NULL && strstr(messages[i], call) != NULL)
            return true;
    return false;
}

bool gateway_failed(const char *id)
{
    int place;

    for (int status = 400; status < 700; status++)
        if (found(id, status, &place) != NULL)
            return true;
    return false;
}

bool gateway_got(const char *id, int status)
{
    int place;

    return found(id, status, &place) != NULL;
}

int gateway_place(const char *id)
{
    int place = -1;

    (void)found(id, 0, &place);
    return place;
}

/* In the dialog that the answer with STATUS made; a 2xx is acknowledged in a transaction of its
 * own. */
static void in_dialog(const char *method, const char *id, const char *number, int status)
{
    char m[2048], to[256], contact[256];
    const char *answer;
    int place;

    answer = found(id, status, &place);
    cr_assert_not_null(answer);
    header(answer, "\r\nTo: ", to, sizeof(to));
    header(answer, "\r\nContact: <", contact, sizeof(contact));
    contact[strcspn(contact, ">")] = '\0';
    if (status >= 300)
        snprintf(contact, sizeof(contact), "sip:%s@%s.100:%d", number, net, SIP_PORT);
    snprintf(m, sizeof(m),
             "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s.200:%d;branch=z9hG4bK%s%s;rport\r\n"
             "From: <sip:200@%s.200>;tag=f%s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\n"
             "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
             method, contact, net, GW_PORT, id, status >= 300 ? "" : method, net, id, to, id,
             strcmp(method, "ACK") == 0 ? 1 : 2, method);
    send_to_site(m, strlen(m));
}

void gateway_ack(const char *id, const char *number, int status)
{
    in_dialog("ACK", id, number, status);
}

void gateway_bye(const char *id, const char *number)
{
    in_dialog("BYE", id, number, 200);
}

/* ---- the far end ---- */

static const char *far_last(const char *method)
{
    for (int i = far_messages_n - 1; i >= 0; i--)
        if (strncmp(far_messages[i], method, strlen(method)) == 0)
            return far_messages[i];
    return NULL;
}

unsigned far_calls(void)
{
    char id[256], first[256] = "";
    unsigned n = 0;

    for (int i = 0; i < far_messages_n; i++) {
        if (strncmp(far_messages[i], "INVITE ", 7) != 0)
            continue;
        header(far_messages[i], "\r\nCall-ID: ", id, sizeof(id));
        n += strcmp(id, first) != 0;
        snprintf(first, sizeof(first), "%s", id);
    }
    return n;
}

bool far_got(const char *method)
{
    return far_last(method) != NULL;
}

void far_answer(const char *method, const char *status)
{
    const char *request = far_last(method);

    cr_assert_not_null(request);
    answer(far, request, status);
}

void gateway_stun(void)
{
    const uint8_t binding[20] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5};

    send_to_site(binding, sizeof(binding));
}

unsigned gateway_stuns(void)
{
    return stuns;
}

void parties_close(void)
{
    loop_io_destroy(&gateway_io);
    loop_io_destroy(&far_io);
    (void)close(gateway);
    (void)close(far);
}

/* gapprobe - how long a service is away, as a client notices.
 *
 *   gapprobe sip  ADDRESS PORT INTERVAL_MS LOCAL_PORT   send SIP OPTIONS; an answer is a 200 to one
 * of them gapprobe echo ADDRESS PORT INTERVAL_MS LOCAL_PORT   send numbers; an answer is one of
 * them gapprobe serve PORT                                 answer numbers, from the address that
 * was asked
 *
 * A line on stdin asks for a report of the time since the last one, one line of JSON: the longest
 * span between two answers (the one under way included), when it began and ended (CLOCK_BOOTTIME,
 * seconds), requests sent, answered, and answered otherwise, with the last such answer.  The end of
 * stdin ends it.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

struct probe {
    bool sip;
    const char *address;
    char local[64]; /* "address:port", for Via */
    struct sockaddr_in to;
    int fd;
    unsigned sent, answered, other; /* since the last report */
    unsigned number;                /* of the last request */
    double last;                    /* when the last answer came; 0: none did */
    double gap, gap_from, gap_to;
    char said[48]; /* the last other answer's first line */
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int serve(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;

    setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
    if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0) {
        perror("bind");
        return 1;
    }
    for (;;) {
        char data[512];
        union {
            char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
            struct cmsghdr align;
        } control;
        struct sockaddr_in from;
        struct iovec part = {data, sizeof(data)};
        struct msghdr m = {.msg_name = &from,
                           .msg_namelen = sizeof(from),
                           .msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof(control)};
        ssize_t n = recvmsg(fd, &m, 0);
        struct cmsghdr *c = n >= 0 ? CMSG_FIRSTHDR(&m) : NULL;
        struct in_pktinfo info;

        if (c == NULL || c->cmsg_type != IP_PKTINFO)
            continue;
        memcpy(&info, CMSG_DATA(c), sizeof(info));
        info.ipi_ifindex = 0;
        info.ipi_spec_dst = info.ipi_addr;
        memcpy(CMSG_DATA(c), &info, sizeof(info));
        part.iov_len = (size_t)n;
        (void)sendmsg(fd, &m, 0);
    }
}

static void ask(struct probe *p)
{
    char text[512];
    int n;

    p->number++;
    p->sent++;
    if (p->sip)
        n = snprintf(text, sizeof(text),
                     "OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKgap%u\r\n"
                     "Max-Forwards: 70\r\nFrom: <sip:gap@%s>;tag=%u\r\nTo: <sip:%s>\r\n"
                     "Call-ID: gap%u@%s\r\nCSeq: %u OPTIONS\r\nContent-Length: 0\r\n\r\n",
                     p->address, p->local, p->number, p->local, p->number, p->address, p->number,
                     p->local, p->number);
    else
        n = snprintf(text, sizeof(text), "%u", p->number);
    (void)sendto(p->fd, text, (size_t)n, 0, (const struct sockaddr *)&p->to, sizeof(p->to));
}

/* The number of the request that TEXT answers well, 0: none. */
static unsigned answers(const struct probe *p, const char *text)
{
    const char *number = text;

    if (p->sip) {
        if (strncmp(text, "SIP/2.0 200 ", 12) != 0 || (number = strstr(text, "\r\nCSeq: ")) == NULL)
            return 0;
        number += strlen("\r\nCSeq: ");
    }
    return (unsigned)strtoul(number, NULL, 10);
}

static void hear(struct probe *p)
{
    char text[2048];
    ssize_t n;

    while ((n = recv(p->fd, text, sizeof(text) - 1, MSG_DONTWAIT)) > 0) {
        double at = now();
        unsigned number;

        text[n] = '\0';
        if (p->sip && strncmp(text, "SIP/2.0 ", 8) != 0)
            continue; /* the server asks us, too */
        number = answers(p, text);
        if (number == 0 || number > p->number) {
            p->other++;
            snprintf(p->said, sizeof(p->said), "%.*s", (int)strcspn(text, "\r\n\"\\"), text);
            continue;
        }
        p->answered++;
        if (p->last > 0 && at - p->last > p->gap) {
            p->gap = at - p->last;
            p->gap_from = p->last;
            p->gap_to = at;
        }
        p->last = at;
    }
}

static void report(struct probe *p)
{
    double at = now();

    if (p->last == 0 || at - p->last > p->gap) {
        p->gap = p->last == 0 ? 1e9 : at - p->last;
        p->gap_from = p->last;
        p->gap_to = at;
    }
    printf("{\"gap\": %.6f, \"from\": %.6f, \"to\": %.6f, \"sent\": %u, \"answered\": %u, "
           "\"other\": %u, \"said\": \"%s\"}\n",
           p->gap, p->gap_from, p->gap_to, p->sent, p->answered, p->other, p->said);
    fflush(stdout);
    p->gap = p->gap_from = p->gap_to = 0;
    p->sent = p->answered = p->other = 0;
    p->said[0] = '\0';
}

static int probe(struct probe *p, int port, int interval_ms, int local_port)
{
    const struct timespec interval = {interval_ms / 1000, interval_ms % 1000 * 1000000};
    const struct itimerspec times = {interval, interval};
    int timer = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK);
    struct sockaddr_in local;
    socklen_t size = sizeof(local);
    struct pollfd ready[3];
    char host[INET_ADDRSTRLEN], line[64];
    uint64_t ticks;

    p->to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, p->address, &p->to.sin_addr) != 1 || interval_ms < 1)
        return 2;
    /* Connected once, to learn our own address; then not, so that a closed port is no error here.
     */
    p->fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (connect(p->fd, (const struct sockaddr *)&p->to, sizeof(p->to)) < 0 ||
        getsockname(p->fd, (struct sockaddr *)&local, &size) < 0) {
        perror(p->address);
        return 1;
    }
    close(p->fd);
    local.sin_port = htons((uint16_t)local_port);
    p->fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(p->fd, (const struct sockaddr *)&local, sizeof(local)) < 0) {
        perror("bind");
        return 1;
    }
    snprintf(p->local, sizeof(p->local), "%s:%u",
             inet_ntop(AF_INET, &local.sin_addr, host, sizeof(host)), ntohs(local.sin_port));
    ready[0] = (struct pollfd){.fd = timer, .events = POLLIN};
    ready[1] = (struct pollfd){.fd = p->fd, .events = POLLIN};
    ready[2] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    timerfd_settime(timer, 0, &times, NULL);
    for (;;) {
        (void)poll(ready, 3, -1);
        if (ready[1].revents)
            hear(p);
        if (ready[0].revents && read(timer, &ticks, sizeof(ticks)) == sizeof(ticks))
            ask(p);
        if (ready[2].revents) {
            ssize_t n = read(STDIN_FILENO, line, sizeof(line));

            if (n <= 0)
                return 0;
            report(p);
        }
    }
}

int main(int argc, char **argv)
{
    struct probe p = {0};

    prctl(PR_SET_PDEATHSIG, 9); /* whoever measures may be killed */
    if (argc == 3 && strcmp(argv[1], "serve") == 0)
        return serve(atoi(argv[2]));
    if (argc == 6 && (strcmp(argv[1], "sip") == 0 || strcmp(argv[1], "echo") == 0)) {
        p.sip = strcmp(argv[1], "sip") == 0;
        p.address = argv[2];
        return probe(&p, atoi(argv[3]), atoi(argv[4]), atoi(argv[5]));
    }
    fprintf(stderr,
            "usage: gapprobe sip|echo ADDRESS PORT INTERVAL_MS LOCAL_PORT | gapprobe serve PORT\n");
    return 2;
}

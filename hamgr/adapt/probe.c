#include "hamgr/adapt/probe.h"

#include "common/log.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS 5 /* questions in the time given */

enum asked { ASKED_ARP, ASKED_SIP, ASKED_ECHO4, ASKED_ECHO6, ASKED_MAX };

struct line {
    struct probe *probe;
    int fd; /* -1: not open */
    struct loop_io *io;
};

struct probe {
    struct loop *loop;
    const struct bootstrap *bootstrap;
    const struct bootstrap_site *site;
    probe_fn *fn;
    void *arg;
    struct line line[ASKED_MAX];
    struct loop_timer *timer;
    unsigned turn;
    uint32_t turn_ms;
    bool arp, sip, blind; /* the site address answered; BLIND: it could not be asked */
    unsigned references;  /* bit mask of those that answered */
    uint16_t id;          /* of our echo requests */
    unsigned char mac[ETH_ALEN];
    int interface;
};

struct arp_frame {
    unsigned char to[ETH_ALEN], from[ETH_ALEN];
    uint16_t type;
    struct arphdr head;
    unsigned char sender_mac[ETH_ALEN], sender_ip[4], target_mac[ETH_ALEN], target_ip[4];
} __attribute__((packed));

static void turn(void *arg, mono_t now);

static bool is_ipv6(const char *address)
{
    return strchr(address, ':') != NULL;
}

static socklen_t fill(struct sockaddr_storage *to, const char *address, uint16_t port)
{
    struct sockaddr_in *four = (struct sockaddr_in *)to;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)to;

    memset(to, 0, sizeof(*to));
    if (inet_pton(AF_INET, address, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
        return sizeof(*four);
    }
    (void)inet_pton(AF_INET6, address, &six->sin6_addr);
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    return sizeof(*six);
}

static bool is_reference(struct probe *p, const void *address, int family)
{
    bool found = false;

    for (uint32_t i = 0; i < p->site->reference_count; i++) {
        unsigned char bytes[16];

        if (inet_pton(family, p->site->references[i], bytes) == 1 &&
            memcmp(bytes, address, family == AF_INET ? 4 : 16) == 0) {
            p->references |= 1u << i;
            found = true;
        }
    }
    return found;
}

/* ---- answers ---- */

static void heard_arp(struct probe *p, const void *data, ssize_t n)
{
    const struct arp_frame *f = data;
    unsigned char site[4];

    if (n >= (ssize_t)sizeof(*f) && inet_pton(AF_INET, p->site->site_address, site) == 1 &&
        memcmp(f->sender_ip, site, 4) == 0 && memcmp(f->sender_mac, p->mac, ETH_ALEN) != 0)
        p->arp = true;
}

static void heard_echo(struct probe *p, const unsigned char *data, ssize_t n,
                       const struct sockaddr_storage *from)
{
    const struct iphdr *ip = (const void *)data;
    const struct sockaddr_in *four = (const void *)from;
    const struct sockaddr_in6 *six = (const void *)from;

    if (from->ss_family == AF_INET) {
        const struct icmphdr *icmp = (const void *)(data + (size_t)ip->ihl * 4);

        if (n >= (ssize_t)(ip->ihl * 4 + sizeof(*icmp)) && icmp->type == ICMP_ECHOREPLY &&
            icmp->un.echo.id == p->id)
            (void)is_reference(p, &four->sin_addr, AF_INET);
    } else {
        const struct icmp6_hdr *icmp = (const void *)data;

        if (n >= (ssize_t)sizeof(*icmp) && icmp->icmp6_type == ICMP6_ECHO_REPLY &&
            icmp->icmp6_id == p->id)
            (void)is_reference(p, &six->sin6_addr, AF_INET6);
    }
}

static void on_answer(void *arg, uint32_t events)
{
    struct line *l = arg;
    struct probe *p = l->probe;
    unsigned char data[1024];
    struct sockaddr_storage from;
    socklen_t size = sizeof(from);
    ssize_t n;

    (void)events;
    while ((n = recvfrom(l->fd, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)&from,
                         &size)) > 0) {
        if (l == &p->line[ASKED_ARP])
            heard_arp(p, data, n);
        else if (l == &p->line[ASKED_SIP])
            p->sip = true;
        else
            heard_echo(p, data, n, &from);
        size = sizeof(from);
    }
}

/* ---- questions ---- */

static void ask_arp(struct probe *p)
{
    struct arp_frame f = {.type = htons(ETH_P_ARP),
                          .head = {.ar_hrd = htons(ARPHRD_ETHER),
                                   .ar_pro = htons(ETH_P_IP),
                                   .ar_hln = ETH_ALEN,
                                   .ar_pln = 4,
                                   .ar_op = htons(ARPOP_REQUEST)}};
    struct sockaddr_ll to = {.sll_family = AF_PACKET,
                             .sll_ifindex = p->interface,
                             .sll_halen = ETH_ALEN,
                             .sll_protocol = htons(ETH_P_ARP)};

    memset(f.to, 0xff, ETH_ALEN);
    memset(to.sll_addr, 0xff, ETH_ALEN);
    memcpy(f.from, p->mac, ETH_ALEN);
    memcpy(f.sender_mac, p->mac, ETH_ALEN); /* sender address 0: nobody learns it from us */
    (void)inet_pton(AF_INET, p->site->site_address, f.target_ip);
    (void)sendto(p->line[ASKED_ARP].fd, &f, sizeof(f), 0, (const struct sockaddr *)&to, sizeof(to));
}

static void ask_sip(struct probe *p)
{
    const char *self = bootstrap_self(p->bootstrap)->address, *at = p->site->site_address;
    const char *open = is_ipv6(at) ? "[" : "", *close = is_ipv6(at) ? "]" : "";
    struct sockaddr_storage own;
    socklen_t size = sizeof(own);
    char text[640];
    int n, port = 0;

    if (getsockname(p->line[ASKED_SIP].fd, (struct sockaddr *)&own, &size) == 0)
        port = ntohs(((struct sockaddr_in *)&own)->sin_port);
    n = snprintf(text, sizeof(text),
                 "OPTIONS sip:%s%s%s SIP/2.0\r\nVia: SIP/2.0/UDP %s%s%s:%d;rport;"
                 "branch=z9hG4bK-probe-%u-%u\r\nMax-Forwards: 0\r\n"
                 "From: <sip:probe@%s%s%s>;tag=%u\r\nTo: <sip:%s%s%s>\r\n"
                 "Call-ID: probe-%u-%u\r\nCSeq: %u OPTIONS\r\nContent-Length: 0\r\n\r\n",
                 open, at, close, open, self, close, port, p->id, p->turn, open, self, close, p->id,
                 open, at, close, p->id, p->turn, p->turn + 1);
    if (n > 0 && n < (int)sizeof(text))
        (void)send(p->line[ASKED_SIP].fd, text, (size_t)n, MSG_DONTWAIT);
}

static uint16_t checksum(const void *data, size_t n)
{
    const uint8_t *bytes = data;
    uint32_t sum = 0;

    for (size_t i = 0; i + 1 < n; i += 2)
        sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return htons((uint16_t)~sum);
}

static void ask_reference(struct probe *p, const char *address)
{
    struct sockaddr_storage to;
    socklen_t size = fill(&to, address, 0);
    struct icmphdr four = {.type = ICMP_ECHO};
    struct icmp6_hdr six = {.icmp6_type = ICMP6_ECHO_REQUEST};

    four.un.echo.id = six.icmp6_id = p->id;
    four.un.echo.sequence = six.icmp6_seq = htons((uint16_t)p->turn);
    four.checksum = checksum(&four, sizeof(four));
    if (to.ss_family == AF_INET)
        (void)sendto(p->line[ASKED_ECHO4].fd, &four, sizeof(four), MSG_DONTWAIT,
                     (const struct sockaddr *)&to, size);
    else
        (void)sendto(p->line[ASKED_ECHO6].fd, &six, sizeof(six), MSG_DONTWAIT,
                     (const struct sockaddr *)&to, size);
}

/* ---- sockets ---- */

static void close_line(struct line *l)
{
    loop_io_destroy(&l->io);
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
}

static bool watch(struct probe *p, enum asked what, int fd)
{
    struct line *l = &p->line[what];

    l->fd = fd;
    if (fd >= 0 && loop_io_new(p->loop, fd, EPOLLIN, LOOP_LEASE, on_answer, l, &l->io) < 0)
        close_line(l);
    return l->fd >= 0;
}

static bool open_arp(struct probe *p)
{
    struct ifreq request = {0};
    struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP)};
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ARP));

    p->interface = at.sll_ifindex = (int)if_nametoindex(p->site->interface);
    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", p->site->interface);
    if (fd >= 0 && (ioctl(fd, SIOCGIFHWADDR, &request) < 0 ||
                    bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)) {
        close(fd);
        fd = -1;
    }
    memcpy(p->mac, request.ifr_hwaddr.sa_data, ETH_ALEN);
    return watch(p, ASKED_ARP, fd);
}

static bool open_sip(struct probe *p)
{
    struct sockaddr_storage to, own;
    socklen_t size = fill(&to, p->site->site_address, p->bootstrap->ports.sip);
    socklen_t own_size = fill(&own, bootstrap_self(p->bootstrap)->address, 0);
    int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd >= 0 && own.ss_family == to.ss_family)
        (void)bind(fd, (const struct sockaddr *)&own, own_size);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, size) < 0 && errno != ENETUNREACH &&
        errno != EHOSTUNREACH) {
        close(fd);
        fd = -1;
    }
    return watch(p, ASKED_SIP, fd);
}

static void open_echo(struct probe *p, enum asked what, int family, int protocol)
{
    (void)watch(p, what, socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
}

static void end(struct probe *p)
{
    struct probe_result result = {.references = p->references != 0,
                                  .site = p->arp || p->sip || p->blind};

    for (int i = 0; i < ASKED_MAX; i++)
        close_line(&p->line[i]);
    loop_timer_set(p->timer, MONO_NEVER);
    snprintf(result.text, sizeof(result.text), "%d of %u reference addresses answered%s; %s %s",
             __builtin_popcount(p->references), p->site->reference_count,
             p->site->reference_count == 0 ? " (name some: reference-addresses)" : "",
             p->site->site_address,
             p->blind           ? "could not be asked (CAP_NET_RAW)"
             : p->arp && p->sip ? "answers ARP and SIP"
             : p->arp           ? "answers ARP"
             : p->sip           ? "answers SIP"
                                : "answers neither ARP nor SIP");
    p->fn(p->arg, &result);
}

static void turn(void *arg, mono_t now)
{
    struct probe *p = arg;

    if (p->turn++ == TURNS) {
        end(p);
        return;
    }
    if (p->line[ASKED_ARP].fd >= 0)
        ask_arp(p);
    if (p->line[ASKED_SIP].fd >= 0)
        ask_sip(p);
    for (uint32_t i = 0; i < p->site->reference_count; i++)
        ask_reference(p, p->site->references[i]);
    loop_timer_set(p->timer, mono_add_ms(now, p->turn_ms));
}

int probe_new(struct loop *loop, const struct bootstrap *bootstrap, probe_fn *fn, void *arg,
              struct probe **ret_probe)
{
    struct probe *p = calloc(1, sizeof(*p));
    int r;

    if (p == NULL)
        return -ENOMEM;
    p->loop = loop;
    p->bootstrap = bootstrap;
    p->site = bootstrap_self_site(bootstrap);
    p->fn = fn;
    p->arg = arg;
    for (int i = 0; i < ASKED_MAX; i++)
        p->line[i] = (struct line){.probe = p, .fd = -1};
    r = loop_timer_new(loop, LOOP_LEASE, turn, p, &p->timer);
    if (r < 0) {
        free(p);
        return r;
    }
    *ret_probe = p;
    return 0;
}

void probe_destroy(struct probe **probe)
{
    struct probe *p = *probe;

    if (p == NULL)
        return;
    for (int i = 0; i < ASKED_MAX; i++)
        close_line(&p->line[i]);
    loop_timer_destroy(&p->timer);
    free(p);
    *probe = NULL;
}

void probe_start(struct probe *p, uint32_t time_ms)
{
    for (int i = 0; i < ASKED_MAX; i++)
        close_line(&p->line[i]);
    p->turn = 0;
    p->turn_ms = time_ms / TURNS;
    p->references = 0;
    p->arp = p->sip = p->blind = false;
    p->id = (uint16_t)getpid();
    if (p->site->address_mode == BOOTSTRAP_INTERFACE && !is_ipv6(p->site->site_address))
        p->blind = !open_arp(p);
    p->blind |= !open_sip(p);
    open_echo(p, ASKED_ECHO4, AF_INET, IPPROTO_ICMP);
    open_echo(p, ASKED_ECHO6, AF_INET6, IPPROTO_ICMPV6);
    turn(p, loop_now(p->loop));
}

#include "hamgr/adapt/address.h"

#include "common/log.h"
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANNOUNCEMENTS        3
#define ANNOUNCE_INTERVAL_MS 20

struct address {
    struct loop *loop;
    const struct bootstrap_site *site;
    int family; /* AF_INET or AF_INET6 */
    unsigned char bytes[16];
    unsigned interface; /* index; 0 in loopback mode */
    unsigned char mac[ETH_ALEN];
    int packet_fd; /* IPv4: announcements leave by it.  Kept, as to close one takes the kernel 15 ms
                    */
    bool held;
    int announcements; /* still to be sent */
    mono_t until;      /* and not after this */
    struct loop_timer *timer;
    char error[192];
};

static int find_interface(struct address *a);
static int open_packets(struct address *a);
static int netlink_address(struct address *a, uint16_t type);
static void announce(void *arg, mono_t now);
static int send_gratuitous_arp(struct address *a, uint16_t operation);
static int send_neighbour_advertisement(struct address *a);
static int fail(struct address *a, int error, const char *what);

int address_new(struct loop *loop, const struct bootstrap_site *site, struct address **ret_address)
{
    struct address *a = calloc(1, sizeof(*a));
    int r = 0;

    if (a == NULL)
        return -ENOMEM;
    a->loop = loop;
    a->site = site;
    a->packet_fd = -1;
    a->family = strchr(site->site_address, ':') != NULL ? AF_INET6 : AF_INET;
    if (inet_pton(a->family, site->site_address, a->bytes) != 1)
        r = -EINVAL;
    if (r == 0 && site->address_mode == BOOTSTRAP_INTERFACE)
        r = find_interface(a);
    if (r == 0 && a->interface != 0 && a->family == AF_INET)
        (void)open_packets(a); /* what is wrong is said when it is to announce */
    if (r == 0)
        r = loop_timer_new(loop, LOOP_LEASE, announce, a, &a->timer);
    if (r < 0) {
        log_event(LEVEL_ERR, MSG_ADDRESS, NULL, "site address %s: %s", site->site_address,
                  a->error[0] != '\0' ? a->error : strerror(-r));
        address_destroy(&a);
        return r;
    }
    *ret_address = a;
    return 0;
}

void address_destroy(struct address **address)
{
    struct address *a = *address;

    if (a == NULL)
        return;
    if (a->held)
        (void)address_remove(a);
    loop_timer_destroy(&a->timer);
    if (a->packet_fd >= 0)
        close(a->packet_fd);
    free(a);
    *address = NULL;
}

int address_add(struct address *a, mono_t until)
{
    int r;

    a->until = until;
    if (a->interface == 0) {
        a->held = true;
        return 0;
    }
    r = netlink_address(a, RTM_NEWADDR);
    if (r < 0 && r != -EEXIST)
        return fail(a, r, "cannot add it");
    a->held = true;
    a->announcements = ANNOUNCEMENTS;
    announce(a, loop_now(a->loop));
    return 0;
}

int address_remove(struct address *a)
{
    int r;

    a->held = false;
    a->announcements = 0;
    if (a->interface == 0)
        return 0;
    loop_timer_set(a->timer, MONO_NEVER);
    r = netlink_address(a, RTM_DELADDR);
    if (r < 0 && r != -EADDRNOTAVAIL)
        return fail(a, r, "cannot remove it");
    return 0;
}

bool address_held(const struct address *a)
{
    return a->held;
}

const char *address_error(const struct address *a)
{
    return a->error;
}

static int fail(struct address *a, int error, const char *what)
{
    snprintf(
        a->error, sizeof(a->error), "%s on %s: %s%s", what, a->site->interface, strerror(-error),
        error == -EPERM ? "; hamgr needs CAP_NET_ADMIN and CAP_NET_RAW for address-mode: interface"
                        : "");
    return error;
}

static int find_interface(struct address *a)
{
    struct ifreq request = {0};
    int fd, r = 0;

    a->interface = if_nametoindex(a->site->interface);
    if (a->interface == 0) {
        snprintf(a->error, sizeof(a->error),
                 "there is no interface %s on this host; mend `interface` of the site",
                 a->site->interface);
        return -ENODEV;
    }
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    memcpy(request.ifr_name, a->site->interface, sizeof(request.ifr_name) - 1);
    if (ioctl(fd, SIOCGIFHWADDR, &request) < 0)
        r = -errno;
    else
        memcpy(a->mac, request.ifr_hwaddr.sa_data, sizeof(a->mac));
    close(fd);
    return r;
}

/* One RTM_NEWADDR or RTM_DELADDR, acknowledged by the kernel. */
static int netlink_address(struct address *a, uint16_t type)
{
    char buffer[512];
    size_t size = a->family == AF_INET ? 4 : 16;
    struct nlmsghdr *head = mnl_nlmsg_put_header(buffer);
    struct ifaddrmsg *message;
    struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    ssize_t n;
    int r = 0;

    if (socket == NULL)
        return -errno;
    head->nlmsg_type = type;
    head->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK |
                                   (type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_REPLACE : 0));
    head->nlmsg_seq = 1;
    message = mnl_nlmsg_put_extra_header(head, sizeof(*message));
    message->ifa_family = (unsigned char)a->family;
    message->ifa_prefixlen = (unsigned char)a->site->prefix_length;
    message->ifa_index = a->interface;
    if (a->family == AF_INET)
        mnl_attr_put(head, IFA_LOCAL, size, a->bytes);
    else
        mnl_attr_put_u32(head, IFA_FLAGS, IFA_F_NODAD); /* the lease has settled who holds it */
    mnl_attr_put(head, IFA_ADDRESS, size, a->bytes);
    if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
        mnl_socket_sendto(socket, head, head->nlmsg_len) < 0) {
        r = -errno;
    } else {
        n = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
        if (n < 0 ||
            mnl_cb_run(buffer, (size_t)n, 1, mnl_socket_get_portid(socket), NULL, NULL) < 0)
            r = -errno;
    }
    mnl_socket_close(socket);
    return r;
}

static void announce(void *arg, mono_t now)
{
    struct address *a = arg;
    int r;

    if (!a->held || a->announcements == 0 || mono_due(a->until, loop_now_exact()))
        return;
    if (a->family == AF_INET)
        r = send_gratuitous_arp(a, a->announcements % 2 == 1 ? ARPOP_REQUEST : ARPOP_REPLY);
    else
        r = send_neighbour_advertisement(a);
    if (r < 0)
        log_event(LEVEL_WARNING, MSG_ADDRESS, NULL,
                  "site address %s could not be announced on %s: %s; routers learn it later",
                  a->site->site_address, a->site->interface, strerror(-r));
    if (--a->announcements > 0)
        loop_timer_set(a->timer, mono_add_ms(now, ANNOUNCE_INTERVAL_MS));
}

/* Of protocol 0: it sends and never receives. */
static int open_packets(struct address *a)
{
    if (a->packet_fd < 0)
        a->packet_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    return a->packet_fd < 0 ? -errno : 0;
}

static int send_gratuitous_arp(struct address *a, uint16_t operation)
{
    struct {
        struct ether_header_fields {
            unsigned char to[ETH_ALEN], from[ETH_ALEN];
            uint16_t type;
        } __attribute__((packed)) ether;
        struct arphdr head;
        unsigned char sender_mac[ETH_ALEN], sender_ip[4], target_mac[ETH_ALEN], target_ip[4];
    } __attribute__((packed)) frame;
    struct sockaddr_ll to = {.sll_family = AF_PACKET,
                             .sll_ifindex = (int)a->interface,
                             .sll_halen = ETH_ALEN,
                             .sll_protocol = htons(ETH_P_ARP)};
    int r = open_packets(a);

    if (r < 0)
        return r;
    memset(frame.ether.to, 0xff, ETH_ALEN);
    memcpy(frame.ether.from, a->mac, ETH_ALEN);
    frame.ether.type = htons(ETH_P_ARP);
    frame.head = (struct arphdr){.ar_hrd = htons(ARPHRD_ETHER),
                                 .ar_pro = htons(ETH_P_IP),
                                 .ar_hln = ETH_ALEN,
                                 .ar_pln = 4,
                                 .ar_op = htons(operation)};
    memcpy(frame.sender_mac, a->mac, ETH_ALEN);
    memcpy(frame.sender_ip, a->bytes, 4);
    memset(frame.target_mac, 0xff, ETH_ALEN);
    memcpy(frame.target_ip, a->bytes, 4);
    memset(to.sll_addr, 0xff, ETH_ALEN);
    if (sendto(a->packet_fd, &frame, sizeof(frame), 0, (const struct sockaddr *)&to, sizeof(to)) <
        0)
        return -errno;
    return 0;
}

/* RFC 4861 section 7.2.6: to all nodes, solicited flag clear, override flag set, with our
 * link-layer address. */
static int send_neighbour_advertisement(struct address *a)
{
    struct {
        struct nd_neighbor_advert head;
        struct nd_opt_hdr option;
        unsigned char mac[ETH_ALEN];
    } __attribute__((packed)) message = {0};
    struct sockaddr_in6 from = {.sin6_family = AF_INET6}, to = {.sin6_family = AF_INET6};
    int hops = 255, interface = (int)a->interface, r = 0;
    int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);

    if (fd < 0)
        return -errno;
    message.head.nd_na_type = ND_NEIGHBOR_ADVERT;
    message.head.nd_na_flags_reserved = ND_NA_FLAG_OVERRIDE;
    memcpy(&message.head.nd_na_target, a->bytes, 16);
    message.option = (struct nd_opt_hdr){.nd_opt_type = ND_OPT_TARGET_LINKADDR, .nd_opt_len = 1};
    memcpy(message.mac, a->mac, ETH_ALEN);
    memcpy(&from.sin6_addr, a->bytes, 16);
    inet_pton(AF_INET6, "ff02::1", &to.sin6_addr);
    if (setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)) < 0 ||
        setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &interface, sizeof(interface)) < 0 ||
        bind(fd, (const struct sockaddr *)&from, sizeof(from)) < 0 ||
        sendto(fd, &message, sizeof(message), 0, (const struct sockaddr *)&to, sizeof(to)) < 0)
        r = -errno;
    close(fd);
    return r;
}

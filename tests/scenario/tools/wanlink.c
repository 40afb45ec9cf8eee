/* wanlink - a WAN link in user space: delays, jitters, drops and duplicates IPv4 packets.
 *
 * The kernels that tests run on often have no netem.  wanlink opens a TUN device in the namespace
 * it is started in; what is routed into that device comes out of it again when it is due:
 *
 *     br-east --(policy route)--> wan0 --> wanlink --> wan0 --(route)--> br-west
 *
 *   wanlink --device NAME --control PATH --side-a NET/BITS [--seed N]
 *
 * A packet goes "ab" when its source is inside NET, else "ba".  Datagrams on the Unix socket PATH
 * set a direction:
 *
 *   ab|ba|both DELAY_MS JITTER_MS LOSS_PERCENT DUPLICATE_PERCENT
 *
 * With a jitter, packets overtake each other.  At most PACKETS_MAX packets are on the way; beyond
 * that they are dropped, as a full router would.  SIGTERM ends it and prints what it carried.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PACKETS_MAX      8192
#define PACKET_BYTES_MAX 2048 /* above the MTU of the device */
#define BATCH_MAX        64   /* packets read before due ones are sent */

enum direction { AB, BA, DIRECTIONS };

struct path {
    double delay_ms, jitter_ms, loss_percent, duplicate_percent;
    uint64_t carried, lost, overflowed;
};

struct packet {
    int64_t due_ns;
    uint64_t order; /* among packets due at the same instant */
    size_t length;
    enum direction direction;
    unsigned char bytes[PACKET_BYTES_MAX];
};

static struct path paths[DIRECTIONS];
static struct packet packets[PACKETS_MAX];
static uint32_t heap[PACKETS_MAX]; /* indices into packets; the earliest first */
static uint32_t unused[PACKETS_MAX];
static uint32_t heap_count, unused_count;
static uint64_t orders, random_state = 1;
static volatile sig_atomic_t stopping;

static int64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* A number in [0, 1): xorshift64*, seeded, so that a run can be repeated as far as its packets can.
 */
static double random_unit(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (double)((random_state * UINT64_C(2685821657736338717)) >> 11) /
           (double)(UINT64_C(1) << 53);
}

static bool earlier(uint32_t a, uint32_t b)
{
    const struct packet *x = &packets[a], *y = &packets[b];
    return x->due_ns != y->due_ns ? x->due_ns < y->due_ns : x->order < y->order;
}

static void swap(uint32_t *a, uint32_t *b)
{
    uint32_t t = *a;
    *a = *b;
    *b = t;
}

static void heap_push(uint32_t packet)
{
    uint32_t at = heap_count++;
    heap[at] = packet;
    while (at > 0 && earlier(heap[at], heap[(at - 1) / 2])) {
        swap(&heap[at], &heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static uint32_t heap_pop(void)
{
    uint32_t first = heap[0];
    heap[0] = heap[--heap_count];
    for (uint32_t at = 0;;) {
        uint32_t least = at, left = 2 * at + 1, right = left + 1;
        if (left < heap_count && earlier(heap[left], heap[least]))
            least = left;
        if (right < heap_count && earlier(heap[right], heap[least]))
            least = right;
        if (least == at)
            return first;
        swap(&heap[at], &heap[least]);
        at = least;
    }
}

/* Put a copy of BYTES on the way. */
static void delay(enum direction direction, const unsigned char *bytes, size_t length)
{
    struct path *path = &paths[direction];
    if (unused_count == 0) {
        path->overflowed++;
        return;
    }
    double wait_ms = path->delay_ms + (2 * random_unit() - 1) * path->jitter_ms;
    uint32_t slot = unused[--unused_count];
    struct packet *packet = &packets[slot];
    packet->due_ns = now_ns() + (wait_ms > 0 ? (int64_t)(wait_ms * 1e6) : 0);
    packet->order = orders++;
    packet->length = length;
    packet->direction = direction;
    memcpy(packet->bytes, bytes, length);
    heap_push(slot);
}

static void take_packets(int tun, uint32_t net, uint32_t mask)
{
    unsigned char bytes[PACKET_BYTES_MAX];
    for (int i = 0; i < BATCH_MAX; i++) {
        ssize_t length = read(tun, bytes, sizeof bytes);
        if (length < 0)
            return;
        if (length < 20 || bytes[0] >> 4 != 4)
            continue; /* not IPv4 */
        uint32_t source;
        memcpy(&source, bytes + 12, sizeof source);
        enum direction direction = (ntohl(source) & mask) == net ? AB : BA;
        struct path *path = &paths[direction];
        if (random_unit() * 100 < path->loss_percent) {
            path->lost++;
            continue;
        }
        delay(direction, bytes, (size_t)length);
        if (random_unit() * 100 < path->duplicate_percent)
            delay(direction, bytes, (size_t)length);
    }
}

/* Send what is due; returns how long poll may wait for the next, in ms, -1 when nothing is on the
 * way. */
static int send_due(int tun)
{
    int64_t now = now_ns();
    while (heap_count > 0 && packets[heap[0]].due_ns <= now) {
        uint32_t slot = heap_pop();
        struct packet *packet = &packets[slot];
        if (write(tun, packet->bytes, packet->length) == (ssize_t)packet->length)
            paths[packet->direction].carried++;
        else
            paths[packet->direction].overflowed++;
        unused[unused_count++] = slot;
    }
    if (heap_count == 0)
        return -1;
    return (int)((packets[heap[0]].due_ns - now + 999999) / 1000000);
}

static void take_order(int control)
{
    char text[128], which[8];
    ssize_t length = recv(control, text, sizeof text - 1, 0);
    if (length <= 0)
        return;
    text[length] = '\0';
    double delay_ms, jitter_ms, loss, duplicate;
    if (sscanf(text, "%7s %lf %lf %lf %lf", which, &delay_ms, &jitter_ms, &loss, &duplicate) != 5) {
        fprintf(stderr, "wanlink: not understood: %s\n", text);
        return;
    }
    for (enum direction d = AB; d < DIRECTIONS; d++) {
        if (strcmp(which, "both") != 0 && strcmp(which, d == AB ? "ab" : "ba") != 0)
            continue;
        paths[d].delay_ms = delay_ms;
        paths[d].jitter_ms = jitter_ms;
        paths[d].loss_percent = loss;
        paths[d].duplicate_percent = duplicate;
    }
}

static int open_tun(const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tun < 0 || strlen(name) >= sizeof request.ifr_name)
        return -1;
    strcpy(request.ifr_name, name);
    if (ioctl(tun, TUNSETIFF, &request) < 0) {
        close(tun);
        return -1;
    }
    return tun;
}

static int open_control(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return -1;
    strcpy(address.sun_path, path);
    int control = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    (void)unlink(path);
    if (control < 0 || bind(control, (struct sockaddr *)&address, sizeof address) < 0)
        return -1;
    return control;
}

static bool parse_net(const char *text, uint32_t *ret_net, uint32_t *ret_mask)
{
    char address[32];
    unsigned bits;
    struct in_addr parsed;
    if (sscanf(text, "%31[0-9.]/%u", address, &bits) != 2 || bits < 1 || bits > 32 ||
        inet_pton(AF_INET, address, &parsed) != 1)
        return false;
    *ret_mask = UINT32_MAX << (32 - bits);
    *ret_net = ntohl(parsed.s_addr) & *ret_mask;
    return true;
}

static void on_stop(int number)
{
    (void)number;
    stopping = 1;
}

static int usage(void)
{
    fprintf(stderr, "usage: wanlink --device NAME --control PATH --side-a NET/BITS [--seed N]\n");
    return 2;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"device", required_argument, NULL, 'd'},
                                            {"control", required_argument, NULL, 'c'},
                                            {"side-a", required_argument, NULL, 'a'},
                                            {"seed", required_argument, NULL, 's'},
                                            {0}};
    const char *device = NULL, *control_path = NULL;
    uint32_t net = 0, mask = 0;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'd')
            device = optarg;
        else if (c == 'c')
            control_path = optarg;
        else if (c == 's')
            random_state = strtoull(optarg, NULL, 10) | 1;
        else if (c != 'a' || !parse_net(optarg, &net, &mask))
            return usage();
    }
    if (device == NULL || control_path == NULL || mask == 0 || optind != argc)
        return usage();
    for (uint32_t i = 0; i < PACKETS_MAX; i++)
        unused[unused_count++] = i;
    int tun = open_tun(device);
    if (tun < 0) {
        fprintf(stderr, "wanlink: %s: %s\n", device, strerror(errno));
        return 1;
    }
    int control = open_control(control_path);
    if (control < 0) {
        fprintf(stderr, "wanlink: %s: %s\n", control_path, strerror(errno));
        return 1;
    }
    struct sigaction stop = {.sa_handler = on_stop};
    (void)sigaction(SIGTERM, &stop, NULL);
    (void)sigaction(SIGINT, &stop, NULL);
    while (!stopping) {
        struct pollfd ready[2] = {{.fd = tun, .events = POLLIN}, {.fd = control, .events = POLLIN}};
        if (poll(ready, 2, send_due(tun)) < 0)
            continue; /* a signal */
        if (ready[0].revents & POLLIN)
            take_packets(tun, net, mask);
        if (ready[1].revents & POLLIN)
            take_order(control);
    }
    for (enum direction d = AB; d < DIRECTIONS; d++)
        printf("wanlink: %s carried %llu lost %llu overflowed %llu\n", d == AB ? "ab" : "ba",
               (unsigned long long)paths[d].carried, (unsigned long long)paths[d].lost,
               (unsigned long long)paths[d].overflowed);
    return 0;
}

/* The kernel fence of the site address, in a network namespace of the test's own. */
#include "hamgr/adapt/fence.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PEER_MAC "02:00:00:00:00:02"

static struct bootstrap bootstrap;
static struct fence *fence;
static struct loop *loop;

static bool run(const char *command)
{
    return system(command) == 0;
}

/* ha0 has the site address; what leaves it arrives at ha1.  The neighbours of ha0 are known. */
static void in_namespace(void)
{
    if (unshare(CLONE_NEWNET) < 0)
        cr_skip_test("needs root for a network namespace");
    cr_assert(run(
        "ip link add ha0 type veth peer name ha1 && ip link set ha0 up && ip link set ha1 up && "
        "ip addr add 192.0.2.9/24 dev ha0 && ip addr add 2001:db8::9/64 dev ha0 nodad && "
        "ip neigh add 192.0.2.2 lladdr " PEER_MAC " dev ha0 && "
        "ip neigh add 2001:db8::2 lladdr " PEER_MAC " dev ha0"));
    cr_assert(run("for i in $(seq 500); do ip -br link show ha0 | grep -q ' UP ' && exit 0; "
                  "sleep 0.02; done; exit 1"));
    if (!run("nft add table inet probe && nft delete table inet probe"))
        cr_skip_test("this kernel has no nftables");
}

static void start(const char *address, int mode)
{
    memset(&bootstrap, 0, sizeof(bootstrap));
    snprintf(bootstrap.cluster, sizeof(bootstrap.cluster), "un-it");
    bootstrap.site_count = bootstrap.host_count = 1;
    bootstrap.arbiter = BOOTSTRAP_NONE;
    snprintf(bootstrap.sites[0].name, sizeof(bootstrap.sites[0].name), "east");
    snprintf(bootstrap.sites[0].site_address, sizeof(bootstrap.sites[0].site_address), "%s",
             address);
    bootstrap.sites[0].address_mode = BOOTSTRAP_INTERFACE;
    bootstrap.sites[0].fence = mode;
    cr_assert_eq(fence_new(&bootstrap, &fence), 0);
    cr_assert_eq(loop_new(&loop), 0);
    cr_assert_eq(fence_set_up(fence, loop), 0);
}

static void end(void)
{
    fence_destroy(&fence);
    loop_destroy(&loop);
}

static struct fence_view look(void)
{
    struct fence_view v;

    fence_look(fence, &v);
    return v;
}

/* One datagram from the site address to the neighbour.  Returns: it has left. */
static bool speaks(const char *from, const char *to)
{
    struct sockaddr_storage a = {0}, b = {0};
    socklen_t size =
        strchr(from, ':') != NULL ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    int fd, r;

    for (int i = 0; i < 2; i++) {
        struct sockaddr_storage *s = i == 0 ? &a : &b;

        if (size == sizeof(struct sockaddr_in6)) {
            s->ss_family = AF_INET6;
            inet_pton(AF_INET6, i == 0 ? from : to, &((struct sockaddr_in6 *)s)->sin6_addr);
            ((struct sockaddr_in6 *)s)->sin6_port = i == 0 ? 0 : htons(9);
        } else {
            s->ss_family = AF_INET;
            inet_pton(AF_INET, i == 0 ? from : to, &((struct sockaddr_in *)s)->sin_addr);
            ((struct sockaddr_in *)s)->sin_port = i == 0 ? 0 : htons(9);
        }
    }
    fd = socket(a.ss_family, SOCK_DGRAM, 0);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&a, size), 0, "%s", strerror(errno));
    r = (int)sendto(fd, "x", 1, 0, (const struct sockaddr *)&b, size);
    cr_assert(r == 1 || errno == EPERM, "%s", strerror(errno));
    close(fd);
    return r == 1;
}

static bool v4_speaks(void)
{
    return speaks("192.0.2.9", "192.0.2.2");
}

/* Is a request for the site address at ha1 answered by ha0?  LIMIT_MS: when to give up. */
static bool arp_is_answered(int limit_ms)
{
    static const unsigned char request[42] =
        "\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\x02\x08\x06\0\x01\x08\0\x06\x04\0\x01"
        "\x02\0\0\0\0\x02\xc0\0\x02\x02\0\0\0\0\0\0\xc0\0\x02\x09";
    struct sockaddr_ll at = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(ETH_P_ARP),
                             .sll_ifindex = (int)if_nametoindex("ha1")};
    int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ARP));
    mono_t until = mono_add_ms(loop_now_exact(), limit_ms);
    unsigned char frame[64];
    bool answered = false;

    cr_assert_eq(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
    cr_assert_eq(send(fd, request, 42, 0), 42);
    while (!answered && mono_before(loop_now_exact(), until)) {
        struct pollfd p = {.fd = fd, .events = POLLIN};

        if (poll(&p, 1, 10) == 1 && recv(fd, frame, sizeof(frame), 0) >= 42)
            answered = frame[21] == 2 && memcmp(frame + 28, "\xc0\0\x02\x09", 4) == 0;
    }
    close(fd);
    return answered;
}

/* Until the clock itself has reached T. */
static void until(mono_t t)
{
    const struct timespec at = {t.ns / 1000000000, t.ns % 1000000000};

    while (clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &at, NULL) != 0) {
    }
}

/* Datagrams without pause: none that was begun after DEADLINE may leave. */
static void speaks_until(const char *from, const char *to, mono_t deadline)
{
    bool spoke = false;

    for (;;) {
        mono_t now = loop_now_exact();
        bool left = speaks(from, to);

        cr_assert(!left || mono_before(now, deadline), "it spoke %lld us after the deadline",
                  (long long)(now.ns - deadline.ns) / 1000);
        spoke = spoke || left;
        if (mono_before(mono_add_ms(deadline, 100), now))
            break;
    }
    cr_assert(spoke, "it never spoke");
}

Test(fence, is_shut_from_the_start_and_opens_for_the_lease_only)
{
    mono_t deadline;

    in_namespace();
    start("192.0.2.9", BOOTSTRAP_FENCE_AUTO);
    cr_assert(look().up, "%s", look().why_not);
    cr_assert_not(v4_speaks());
    cr_assert_not(arp_is_answered(200));
    deadline = mono_add_ms(loop_now_exact(), 2000);
    fence_extend(fence, deadline);
    cr_assert(v4_speaks());
    cr_assert(arp_is_answered(1500));
    speaks_until("192.0.2.9", "192.0.2.2", deadline);
    cr_assert_not(arp_is_answered(200));
    end();
}

Test(fence, of_an_ipv6_site_address)
{
    mono_t deadline;

    in_namespace();
    start("2001:db8::9", BOOTSTRAP_FENCE_ON);
    cr_assert(look().up, "%s", look().why_not);
    cr_assert_not(speaks("2001:db8::9", "2001:db8::2"));
    deadline = mono_add_ms(loop_now_exact(), 1000);
    fence_extend(fence, deadline);
    speaks_until("2001:db8::9", "2001:db8::2", deadline);
    end();
}

/* The neighbour advertisement that answers a solicitation is sent from the address that it is
 * about. */
Test(fence, no_neighbour_learns_an_ipv6_address_that_is_fenced)
{
    in_namespace();
    cr_assert(run(
        "unshare -n sleep 60 & echo $! >/tmp/fence-peer.$PPID; p=$!; "
        "until [ \"$(readlink /proc/$p/ns/net)\" != \"$(readlink /proc/$$/ns/net)\" ]; do :; done; "
        "ip link set ha1 netns $p && nsenter -t $p -n ip link set ha1 up && "
        "nsenter -t $p -n ip addr add 2001:db8::2/64 dev ha1 nodad && "
        "ip -6 neigh flush dev ha0; ip -6 neigh del 2001:db8::2 dev ha0; true"));
    start("2001:db8::9", BOOTSTRAP_FENCE_ON);
    /* Each ping solicits anew; how often the kernel does so by itself is not asked here. */
    const char ask[] =
        "p=$(cat /tmp/fence-peer.$PPID); for i in $(seq $TRIES); do "
        "nsenter -t $p -n ping -6 -c1 -W1 2001:db8::9 >/dev/null; "
        "nsenter -t $p -n ip -6 neigh show 2001:db8::9 | grep -q lladdr && exit 0; done; exit 1";
    setenv("TRIES", "2", 1);
    bool silent = !run(ask);

    fence_extend(fence, mono_add_ms(loop_now_exact(), 60000));
    setenv("TRIES", "30", 1);
    bool known = run(ask);

    (void)run("kill $(cat /tmp/fence-peer.$PPID); rm /tmp/fence-peer.$PPID");
    cr_assert(silent, "it was learnt while the fence was shut");
    cr_assert(known, "it is not learnt while the fence is open");
    end();
}

Test(fence, is_only_ever_extended_until_it_is_shut)
{
    mono_t first, second;

    in_namespace();
    start("192.0.2.9", BOOTSTRAP_FENCE_AUTO);
    first = mono_add_ms(loop_now_exact(), 300);
    second = mono_add_ms(first, 1000);
    fence_extend(fence, first);
    fence_extend(fence, second);
    cr_assert_eq(look().renewals, 2);
    fence_extend(fence, first);
    fence_extend(fence, second);
    cr_assert_eq(look().renewals, 2, "nothing was to be changed");
    until(first);
    speaks_until("192.0.2.9", "192.0.2.2", second);
    fence_extend(fence, mono_add_ms(loop_now_exact(), 60000));
    cr_assert(v4_speaks());
    fence_shut(fence);
    cr_assert_not(v4_speaks());
    cr_assert_eq(look().failed, 0);
    end();
}

/* The only child of this test. */
static pid_t fence_process(void)
{
    char name[64], text[64] = "";
    FILE *file;

    snprintf(name, sizeof(name), "/proc/self/task/%d/children", (int)getpid());
    file = fopen(name, "r");
    cr_assert_not_null(file);
    cr_assert_not_null(fgets(text, sizeof(text), file));
    fclose(file);
    return (pid_t)atoi(text);
}

static void look_again(void *arg, mono_t now)
{
    if (look().slow > 0)
        loop_exit(loop, 0);
    loop_timer_set(*(struct loop_timer **)arg, mono_add_ms(now, 1));
}

/* Until the answer to a late renewal has come. */
static void await_answer(void)
{
    struct loop_timer *timer;

    cr_assert_eq(loop_timer_new(loop, LOOP_STATISTICS, look_again, &timer, &timer), 0);
    loop_timer_set(timer, MONO_ZERO);
    cr_assert_eq(loop_run(loop), 0);
    loop_timer_destroy(&timer);
}

Test(fence, a_renewal_that_stood_still_past_its_deadline_opens_nothing)
{
    mono_t deadline;
    pid_t pid;

    in_namespace();
    start("192.0.2.9", BOOTSTRAP_FENCE_AUTO);
    pid = fence_process();
    kill(pid, SIGSTOP);
    deadline = mono_add_ms(loop_now_exact(), 1000);
    fence_extend(fence, deadline);
    cr_assert_eq(look().late, 1, "hamgr must not wait for it");
    cr_assert(mono_before(loop_now_exact(), deadline));
    until(deadline);
    kill(pid, SIGCONT);
    await_answer();
    cr_assert_not(v4_speaks());
    end();
}

Test(fence, comes_back_when_all_rules_of_the_host_were_flushed)
{
    in_namespace();
    start("192.0.2.9", BOOTSTRAP_FENCE_AUTO);
    cr_assert(run("nft flush ruleset"));
    cr_assert(v4_speaks(), "this is the hole that the next renewal mends");
    fence_extend(fence, mono_add_ms(loop_now_exact(), 60000));
    cr_assert(v4_speaks());
    cr_assert_eq(look().failed, 0);
    fence_shut(fence);
    cr_assert_not(v4_speaks());
    end();
}

Test(fence, an_orderly_end_leaves_nothing)
{
    in_namespace();
    start("192.0.2.9", BOOTSTRAP_FENCE_AUTO);
    cr_assert(run("nft list tables | grep -q 'inet standfast_un-it_east'"));
    cr_assert(run("nft list tables | grep -q 'arp standfast_un-it_east'"));
    end();
    cr_assert(run("test -z \"$(nft list tables)\""));
}

Test(fence, off_takes_away_what_an_earlier_life_left)
{
    in_namespace();
    start("192.0.2.9", BOOTSTRAP_FENCE_AUTO);
    kill(fence_process(), SIGKILL);
    loop_run(loop); /* it ends with the fence process */
    end();
    cr_assert_not(v4_speaks(), "what a killed hamgr leaves is shut");
    start("192.0.2.9", BOOTSTRAP_FENCE_OFF);
    cr_assert(v4_speaks());
    cr_assert_not(look().up);
    cr_assert_not(look().alarm);
    end();
}

Test(fence, the_end_of_its_process_ends_the_loop)
{
    in_namespace();
    start("192.0.2.9", BOOTSTRAP_FENCE_AUTO);
    kill(fence_process(), SIGKILL);
    cr_assert_eq(loop_run(loop), 1);
    end();
}

/* Without CAP_NET_ADMIN the kernel refuses; the host serves, and says so. */
static void without_permission(int mode, bool alarm)
{
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
        cr_skip_test("cannot become nobody");
    start("192.0.2.9", mode);
    cr_assert_not(look().up);
    cr_assert_eq(look().alarm, alarm);
    cr_assert_neq(look().why_not[0], '\0');
    fence_extend(fence, mono_add_ms(loop_now_exact(), 60000));
    fence_extend(fence, mono_add_ms(loop_now_exact(), 90000));
    cr_assert_eq(look().renewals, 1, "it is tried when the address is taken, not at each renewal");
    end();
}

Test(fence, auto_without_permission_is_none)
{
    without_permission(BOOTSTRAP_FENCE_AUTO, false);
}

Test(fence, on_without_permission_is_an_alarm)
{
    without_permission(BOOTSTRAP_FENCE_ON, true);
}

Test(fence, there_is_none_in_loopback_mode)
{
    memset(&bootstrap, 0, sizeof(bootstrap));
    bootstrap.site_count = bootstrap.host_count = 1;
    bootstrap.arbiter = BOOTSTRAP_NONE;
    bootstrap.sites[0].address_mode = BOOTSTRAP_LOOPBACK;
    cr_assert_eq(fence_new(&bootstrap, &fence), 0);
    cr_assert_eq(loop_new(&loop), 0);
    cr_assert_eq(fence_set_up(fence, loop), 0);
    fence_extend(fence, mono_add_ms(loop_now_exact(), 1000));
    fence_shut(fence);
    cr_assert_not(look().up);
    end();
}

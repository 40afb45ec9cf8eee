/* fence_kernel - the fence process: deadlines into nftables transactions. */
#include "hamgr/adapt/fence_inner.h"

#include "common/loop.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <nftables/libnftables.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Taken off each timeout: as long may lie between our look at the clock and the kernel's.  If it
 * was longer, the process stood still meanwhile, and the time is set anew. */
#define MARGIN_MS 5

#define TEXT_SIZE 2048

struct kernel {
    const struct fence_subject *subject;
    struct nft_ctx *nft;
    char error[200];
};

/* All of COMMANDS, or nothing of them. */
static bool transaction(struct kernel *k, const char *commands)
{
    const char *said;

    if (k->nft == NULL) {
        snprintf(k->error, sizeof(k->error), "libnftables does not start");
        return false;
    }
    if (nft_run_cmd_from_buffer(k->nft, commands) == 0)
        return true;
    said = nft_ctx_get_error_buffer(k->nft);
    snprintf(k->error, sizeof(k->error), "%.*s", (int)strcspn(said, "\n"), said);
    return false;
}

/* A table that may be there already, replaced by one that lets nothing pass. */
static size_t write_table(const struct kernel *k, char *text, size_t size, const char *family)
{
    const struct fence_subject *s = k->subject;
    const char *key = strcmp(family, "arp") == 0 ? "arp saddr ip"
                      : s->v6                    ? "ip6 saddr"
                                                 : "ip saddr";
    int n =
        snprintf(text, size,
                 "add table %s %s\ndelete table %s %s\nadd table %s %s\n"
                 "add set %s %s site { type %s; flags timeout; }\n"
                 "add chain %s %s output { type filter hook output priority 0; policy accept; }\n"
                 "add rule %s %s output %s %s %s != @site counter drop\n",
                 family, s->table, family, s->table, family, s->table, family, s->table,
                 s->v6 ? "ipv6_addr" : "ipv4_addr", family, s->table, family, s->table, key,
                 s->address, key);

    return (size_t)n;
}

static size_t write_tables(const struct kernel *k, char *text, size_t size)
{
    size_t n = write_table(k, text, size, "inet");

    if (!k->subject->v6)
        n += write_table(k, text + n, size - n, "arp");
    return n;
}

/* An element can be added that is not there, and deleted that is: the three together replace it. */
static size_t write_element(const struct kernel *k, char *text, size_t size, const char *family,
                            int64_t timeout_ms)
{
    const struct fence_subject *s = k->subject;
    int n = snprintf(text, size,
                     "add element %s %s site { %s timeout 1s }\n"
                     "delete element %s %s site { %s }\n",
                     family, s->table, s->address, family, s->table, s->address);

    if (timeout_ms > 0)
        n += snprintf(text + n, size - (size_t)n,
                      "add element %s %s site { %s timeout %" PRId64 "ms }\n", family, s->table,
                      s->address, timeout_ms);
    return (size_t)n;
}

/* TIMEOUT_MS 0: the address is taken out. */
static size_t write_elements(const struct kernel *k, char *text, size_t size, int64_t timeout_ms)
{
    size_t n = write_element(k, text, size, "inet", timeout_ms);

    if (!k->subject->v6)
        n += write_element(k, text + n, size - n, "arp", timeout_ms);
    return n;
}

/* Somebody may have flushed all rules of the host, our tables with them: then they are made again.
 */
static bool set_element(struct kernel *k, int64_t timeout_ms)
{
    char text[TEXT_SIZE];
    size_t n;

    write_elements(k, text, sizeof(text), timeout_ms);
    if (transaction(k, text))
        return true;
    n = write_tables(k, text, sizeof(text));
    write_elements(k, text + n, sizeof(text) - n, timeout_ms);
    return transaction(k, text);
}

static bool set_up(struct kernel *k)
{
    char text[TEXT_SIZE];

    write_tables(k, text, sizeof(text));
    return transaction(k, text);
}

static bool take_down(struct kernel *k)
{
    const char *table = k->subject->table;
    char text[TEXT_SIZE];

    snprintf(text, sizeof(text),
             "add table inet %s\ndelete table inet %s\nadd table arp %s\ndelete table arp %s\n",
             table, table, table, table);
    return transaction(k, text);
}

/* The kernel is told a span, counted from when it hears of it.  A process that stood still between
 * its look at the clock and the end of the call cannot know when that was: it looks again. */
static bool extend(struct kernel *k, mono_t deadline)
{
    for (;;) {
        mono_t before = loop_now_exact();
        int64_t left_ms = mono_diff_ms(deadline, before) - MARGIN_MS;

        if (!set_element(k, left_ms > 0 ? left_ms : 0)) {
            /* A fence that cannot be opened must not silence a host that holds its lease. */
            char why[sizeof(k->error)];

            memcpy(why, k->error, sizeof(why));
            if (left_ms > 0)
                (void)take_down(k);
            memcpy(k->error, why, sizeof(why));
            return false;
        }
        if (left_ms <= 0 || mono_before(loop_now_exact(), mono_add_ms(before, MARGIN_MS)))
            return true;
    }
}

static bool carry_out(struct kernel *k, const struct fence_request *request)
{
    switch (request->order) {
    case FENCE_SET_UP: return set_up(k);
    case FENCE_EXTEND: return extend(k, request->deadline);
    case FENCE_SHUT: return set_element(k, 0);
    case FENCE_TAKE_DOWN: return take_down(k);
    }
    return false;
}

/* The newest request of those that have come; waits for the first. */
static bool next_request(int fd, struct fence_request *request)
{
    ssize_t n;

    do
        n = recv(fd, request, sizeof(*request), 0);
    while (n < 0 && errno == EINTR);
    while (n == (ssize_t)sizeof(*request)) {
        struct fence_request newer;

        if (recv(fd, &newer, sizeof(newer), MSG_DONTWAIT) != (ssize_t)sizeof(newer))
            return true;
        *request = newer;
    }
    return false;
}

/* libnftables writes there what it also returns. */
static void quiet_stderr(void)
{
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

    if (fd >= 0) {
        (void)dup2(fd, STDERR_FILENO);
        close(fd);
    }
}

void fence_process(const struct fence_subject *subject, int fd)
{
    struct kernel k = {.subject = subject};
    struct fence_request request;

    prctl(PR_SET_NAME, "hamgr-fence");
    /* Whoever stops all of hamgr at once wants it to hand over first, and needs the fence for that.
     */
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    quiet_stderr();
    k.nft = nft_ctx_new(NFT_CTX_DEFAULT);
    if (k.nft != NULL) {
        nft_ctx_buffer_error(k.nft);
        nft_ctx_buffer_output(k.nft);
    }
    while (next_request(fd, &request)) {
        struct fence_reply reply = {.number = request.number};

        reply.done = carry_out(&k, &request);
        reply.up = reply.done && request.order != FENCE_TAKE_DOWN;
        if (!reply.done)
            memcpy(reply.error, k.error, sizeof(reply.error));
        if (send(fd, &reply, sizeof(reply), MSG_NOSIGNAL) < 0)
            break;
    }
    _exit(0);
}

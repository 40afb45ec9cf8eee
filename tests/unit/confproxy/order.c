/* order - gives the confproxy of one host its role orders, as the hamgr of that host would, but on
 * the word of a test.
 *
 *   order keys BOOTSTRAP            make the keys of all hosts
 *   order run BOOTSTRAP HOST        bind ROLE of HOST; orders on stdin, a line each:
 *       writer TICKET ROLE MS       primary and writer, each order good for MS, renewed
 *       last TICKET ROLE MS         the same, never renewed: the deadline passes
 *       backup ROLE                 neither
 *   Each report that differs from the last one is a line on stdout:
 *       report ready=1 epoch=.. txid=.. writable=0 why=...
 *
 *   order watch BOOTSTRAP HOST      watch the configuration at HOST, as its stat server would; a
 * line each: snapshot epoch=.. txid=.. objects=.. loaded=1 update epoch=.. txid=.. changes=.. (or:
 * gap ...)
 */
#include "common/bus.h"
#include "common/keys.h"
#include "common/log.h"
#include "common/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

struct order {
    struct loop *loop;
    struct bus *bus;
    struct loop_timer *timer;
    struct bus_peer *peer;
    bool writer;
    bool renew;
    uint64_t ticket;
    uint64_t role;
    int64_t ms;
    char input[512];
    char last[1200];
};

static void send_order(struct order *o)
{
    Sf__RoleOrder m = SF__ROLE_ORDER__INIT;
    mono_t deadline = mono_add_ms(loop_now_exact(), o->ms);

    if (o->peer == NULL)
        return;
    m.role = o->writer ? SF__ROLE__ROLE_PRIMARY : SF__ROLE__ROLE_BACKUP;
    m.epoch = o->role;
    if (o->writer) {
        m.deadline_ns = deadline.ns;
        m.writer = 1;
        m.ticket_epoch = o->ticket;
        m.writer_deadline_ns = deadline.ns;
    }
    (void)bus_peer_send(o->peer, MESSAGE_ROLE_ORDER, &m);
}

static void on_timer(void *arg, mono_t now)
{
    struct order *o = arg;

    if (o->renew)
        send_order(o);
    loop_timer_set(o->timer, mono_add_ms(now, 100));
}

static void on_message(void *arg, struct bus_peer *peer, const struct bus_sender *from,
                       const struct codec_message *message)
{
    struct order *o = arg;

    (void)from;
    o->peer = peer;
    if (message->type == MESSAGE_ROLE_HELLO)
        send_order(o);
    if (message->type == MESSAGE_ROLE_REPORT) {
        const Sf__RoleReport *r = message->body;
        char line[sizeof o->last];
        snprintf(line, sizeof line, "report ready=%d epoch=%llu txid=%llu writable=%d why=%s",
                 (int)r->ready, (unsigned long long)r->conf_epoch, (unsigned long long)r->conf_txid,
                 (int)r->conf_writable, r->why_not);
        if (strcmp(line, o->last) != 0)
            puts(line);
        fflush(stdout);
        strcpy(o->last, line);
    }
}

static void on_gone(void *arg, struct bus_peer *peer)
{
    struct order *o = arg;

    if (o->peer == peer)
        o->peer = NULL;
}

static void obey(struct order *o, const char *line)
{
    unsigned long long ticket = 0, role = 0, ms = 0;

    if (sscanf(line, "writer %llu %llu %llu", &ticket, &role, &ms) == 3)
        o->writer = o->renew = true;
    else if (sscanf(line, "last %llu %llu %llu", &ticket, &role, &ms) == 3)
        o->writer = true, o->renew = false;
    else if (sscanf(line, "backup %llu", &role) == 1)
        o->writer = false, o->renew = true;
    else
        fprintf(stderr, "order: what is '%s'?\n", line);
    o->ticket = ticket;
    o->role = role;
    o->ms = (int64_t)ms;
    send_order(o);
}

static void on_input(void *arg, uint32_t events)
{
    struct order *o = arg;
    size_t length = strlen(o->input);
    ssize_t n = read(STDIN_FILENO, o->input + length, sizeof o->input - 1 - length);
    char *end;

    (void)events;
    if (n <= 0) {
        loop_exit(o->loop, 0); /* the test has gone */
        return;
    }
    o->input[length + (size_t)n] = '\0';
    while ((end = strchr(o->input, '\n')) != NULL) {
        *end = '\0';
        obey(o, o->input);
        memmove(o->input, end + 1, strlen(end + 1) + 1);
    }
}

static int make_keys(const struct bootstrap *b)
{
    struct keys_error error;
    int r = keys_generate_cluster(b->keys_dir, false, &error);

    for (uint32_t h = 0; r == 0 && h < b->host_count; h++)
        r = keys_generate(b->keys_dir, b->hosts[h].name, false, &error);
    if (r != 0)
        fprintf(stderr, "order: %s\n", error.text);
    return r != 0;
}

static int run(const struct bootstrap *b)
{
    static struct order o = {.renew = true};
    const struct bus_conf conf = {.self = PROCESS_HAMGR, .bootstrap = b};
    struct loop_io *io = NULL;

    log_open("order", "", bootstrap_self(b)->name, NULL);
    if (loop_new(&o.loop) != 0 || bus_new(o.loop, &conf, &o.bus) != 0 ||
        bus_bind(o.bus, ENDPOINT_ROLE, LOOP_LEASE, on_message, on_gone, &o) != 0 ||
        loop_timer_new(o.loop, LOOP_LEASE, on_timer, &o, &o.timer) != 0 ||
        loop_io_new(o.loop, STDIN_FILENO, EPOLLIN, LOOP_LEASE, on_input, &o, &io) != 0) {
        fprintf(stderr, "order: cannot start: %s\n", o.bus != NULL ? bus_error(o.bus) : "");
        return 1;
    }
    loop_timer_set(o.timer, loop_now_exact());
    int r = loop_run(o.loop);
    loop_io_destroy(&io);
    loop_timer_destroy(&o.timer);
    bus_destroy(&o.bus);
    loop_destroy(&o.loop);
    return r != 0;
}

/* --- watch --- */

struct watch {
    struct loop *loop;
    uint64_t txid;
    size_t objects;
};

static void on_conf(void *arg, struct bus_link *link, const struct bus_sender *from,
                    const struct codec_message *message)
{
    struct watch *w = arg;

    (void)link;
    (void)from;
    if (message->type == MESSAGE_CONF_SNAPSHOT) {
        const Sf__ConfSnapshot *m = message->body;
        w->objects += m->n_objects;
        if (m->more)
            return;
        printf("snapshot epoch=%llu txid=%llu objects=%zu loaded=%d\n",
               (unsigned long long)m->epoch, (unsigned long long)m->txid, w->objects,
               (int)m->loaded);
        w->txid = m->txid;
        w->objects = 0;
    } else if (message->type == MESSAGE_CONF_UPDATE) {
        const Sf__ConfUpdate *m = message->body;
        printf("%s epoch=%llu txid=%llu changes=%zu\n", m->txid == w->txid + 1 ? "update" : "gap",
               (unsigned long long)m->epoch, (unsigned long long)m->txid, m->n_changes);
        w->txid = m->txid;
    }
    fflush(stdout);
}

static void on_conf_state(void *arg, struct bus_link *link, bool up)
{
    Sf__ConfWatch m = SF__CONF_WATCH__INIT;

    (void)arg;
    if (up)
        (void)bus_link_send(link, MESSAGE_CONF_WATCH, &m);
}

static void on_end(void *arg, uint32_t events)
{
    struct watch *w = arg;

    (void)events;
    loop_exit(w->loop, 0); /* stdin was closed: the test has gone */
}

static int watch(const struct bootstrap *b, enum process process)
{
    static struct watch w;
    const struct bus_conf conf = {.self = process, .bootstrap = b};
    struct bus *bus = NULL;
    struct bus_link *link = NULL;
    struct loop_io *io = NULL;

    log_open("watch", "", bootstrap_self(b)->name, NULL);
    if (loop_new(&w.loop) != 0 || bus_new(w.loop, &conf, &bus) != 0 ||
        bus_connect(bus, ENDPOINT_CONFIG, NULL, LOOP_SIP, on_conf, on_conf_state, &w, &link) != 0 ||
        loop_io_new(w.loop, STDIN_FILENO, EPOLLIN, LOOP_LEASE, on_end, &w, &io) != 0) {
        fprintf(stderr, "watch: cannot start: %s\n", bus != NULL ? bus_error(bus) : "");
        return 1;
    }
    int r = loop_run(w.loop);
    loop_io_destroy(&io);
    bus_link_destroy(&link);
    bus_destroy(&bus);
    loop_destroy(&w.loop);
    return r != 0;
}

int main(int argc, char **argv)
{
    static struct bootstrap bootstrap;
    struct conf_errors errors;

    if (argc < 3) {
        fputs("usage: order keys FILE | order run FILE HOST | order watch FILE HOST\n", stderr);
        return 2;
    }
    if (bootstrap_read(argv[2], argc > 3 ? argv[3] : "east.1", &bootstrap, &errors) != 0) {
        conf_errors_print(&errors, stderr);
        return 2;
    }
    if (strcmp(argv[1], "watch") == 0)
        return watch(&bootstrap, argc > 4 && strcmp(argv[4], "desktop") == 0 ? PROCESS_DESKTOP
                                                                             : PROCESS_STATSERVER);
    return strcmp(argv[1], "keys") == 0 ? make_keys(&bootstrap) : run(&bootstrap);
}

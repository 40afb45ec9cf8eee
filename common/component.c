#include "common/component.h"

#include "common/log.h"

#include "proto/version.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#ifndef STANDFAST_VERSION
#define STANDFAST_VERSION "0.1.0"
#endif

#define CONFIG_DEFAULT "/etc/standfast/standfast.yaml"
#define BEAT_MS        300 /* when the bootstrap says nothing */

/* What the callbacks do not need to know.  COMPONENT comes first, so that it leads back here. */
struct runtime {
    struct component component;
    const struct component_hooks *hooks;
    struct bus_link *hamgr;
    struct bus_link *confproxy;
    struct loop_timer *beat;
    struct loop_timer *deadline; /* of the role and of the writer's right */
    int64_t beat_ms;
    mono_t next_beat;
    bool renewed;        /* an order came that asks for nothing but a beat */
    int64_t watchdog_ms; /* how often the service manager wants to be told; 0: it does not */
    mono_t told;
    uint64_t turns;
    uint64_t solo_asked; /* requests to send alone */
    bool stopping;
    uint64_t watch; /* request id of the watch in force */
    bool in_snapshot;
    uint64_t snapshot_epoch;
    uint64_t snapshot_txid;
    bool following; /* the snapshot is complete, updates may come */
    uint64_t txid;
};

struct options {
    const char *config;
    const char *self;
    const char *log_folder;
};

/* tell - a message to the service manager that is lost rather than waited for: sd_notify would stop
 * this process once the queue of a manager that stands still is full, ten messages later. */
static void tell(const char *text)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    size_t size = path != NULL ? strlen(path) : 0;
    int fd;

    if (size == 0 || size >= sizeof name.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(name.sun_path, path, size);
    if (path[0] == '@')
        name.sun_path[0] = '\0'; /* an abstract name */
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&name,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size));
    (void)close(fd);
}

/* ---- role ---- */

bool component_may_serve(const struct component *component)
{
    return component->role.primary && mono_before(loop_now_exact(), component->role.deadline);
}

static void send_report(struct runtime *r)
{
    const struct component_role *role = &r->component.role;
    Sf__RoleReport report = SF__ROLE_REPORT__INIT;

    if (!bus_link_up(r->hamgr))
        return;
    report.process = (uint32_t)r->hooks->process;
    report.role = role->primary ? SF__ROLE__ROLE_PRIMARY : SF__ROLE__ROLE_BACKUP;
    report.epoch = role->epoch;
    report.ready = true;
    report.turns = r->turns;
    report.drops = bus_drops(r->component.bus);
    if (r->hooks->report != NULL)
        r->hooks->report(&r->component, &report);
    (void)bus_link_send(r->hamgr, MESSAGE_ROLE_REPORT, &report);
}

void component_report(struct component *component)
{
    send_report((struct runtime *)component);
}

void component_ask_solo(struct component *component, uint64_t epoch, uint64_t sequence)
{
    struct runtime *r = (struct runtime *)component;
    Sf__SoloRequest request = SF__SOLO_REQUEST__INIT;

    request.epoch = epoch;
    request.sequence = sequence;
    request.request = ++r->solo_asked;
    component->role.solo_epoch = component->role.solo_sequence = 0;
    if (bus_link_up(r->hamgr))
        (void)bus_link_send(r->hamgr, MESSAGE_SOLO_REQUEST, &request);
}

/* set_role - act on ROLE, tell the process, and arm the timer of its end. */
static void set_role(struct runtime *r, const struct component_role *role, const char *why)
{
    struct component *c = &r->component;
    bool changed = role->primary != c->role.primary || role->epoch != c->role.epoch;
    bool was_primary = c->role.primary;
    mono_t end = MONO_NEVER;
    char status[64];

    c->role = *role;
    if (role->primary)
        end = mono_min(end, role->deadline);
    if (role->writer)
        end = mono_min(end, role->writer_deadline);
    loop_timer_set(r->deadline, end);
    bus_set_role(c->bus, role->primary, role->epoch);
    r->hooks->on_role(c);
    if (!changed)
        return;
    log_event(LEVEL_NOTICE, MSG_ROLE,
              LOG_FIELDS(.from = was_primary ? "PRIMARY" : "BACKUP",
                         .to = role->primary ? "PRIMARY" : "BACKUP", .epoch = role->epoch),
              "%s", why);
    (void)snprintf(status, sizeof status, "STATUS=%s, epoch %" PRIu64,
                   role->primary ? "primary" : "backup", role->epoch);
    tell(status);
}

/* expire - what has run out by NOW ends here, without being told (H-2, H-4). */
static void expire(struct runtime *r, mono_t now)
{
    struct component_role role = r->component.role;

    if (role.primary && mono_due(role.deadline, now)) {
        role.primary = false;
        role.deadline = MONO_ZERO;
        role.solo_epoch = role.solo_sequence = 0;
        role.stale = false;
    }
    if (role.writer && mono_due(role.writer_deadline, now))
        role.writer = false;
    if (role.primary == r->component.role.primary && role.writer == r->component.role.writer)
        return;
    set_role(r, &role, "the deadline of the last order has passed");
    send_report(r);
}

static void on_deadline(void *arg, mono_t now)
{
    expire(arg, now);
}

/* only_renews - the order NOW has other deadlines than the one BEFORE, and nothing else that hamgr
 * waits to hear of. */
static bool only_renews(const struct component_role *now, const struct component_role *before)
{
    return now->primary && before->primary && now->epoch == before->epoch &&
           now->writer == before->writer && now->ticket_epoch == before->ticket_epoch &&
           now->solo_epoch == before->solo_epoch && now->solo_sequence == before->solo_sequence &&
           now->stale == before->stale;
}

static void on_order(struct runtime *r, const Sf__RoleOrder *order)
{
    mono_t now = loop_now_exact();
    struct component_role role = {
        .primary = order->role == SF__ROLE__ROLE_PRIMARY,
        .epoch = order->epoch,
        .deadline = {order->deadline_ns},
        .writer = order->writer,
        .ticket_epoch = order->ticket_epoch,
        .writer_deadline = {order->writer_deadline_ns},
        .solo_epoch = order->solo_epoch,
        .solo_sequence = order->solo_sequence,
        .stale = order->stale,
        .stale_epoch = order->stale_epoch,
        .stale_sequence = order->stale_sequence,
    };

    if (order->epoch < r->component.role.epoch) {
        log_event(LEVEL_WARNING, MSG_ROLE, LOG_FIELDS(.epoch = order->epoch),
                  "an order of a lower epoch than %" PRIu64 " is not obeyed",
                  r->component.role.epoch);
        return;
    }
    if (order->solo_request != r->solo_asked) /* the answer to an earlier request is none */
        role.solo_epoch = role.solo_sequence = 0;
    /* An order that comes after its own deadline grants nothing. */
    role.primary = role.primary && mono_before(now, role.deadline);
    role.writer = role.writer && mono_before(now, role.writer_deadline);
    if (!role.primary) {
        role.deadline = MONO_ZERO;
        role.solo_epoch = role.solo_sequence = 0;
        role.stale = false;
    }
    r->renewed = only_renews(&role, &r->component.role);
    set_role(r, &role, "ordered by hamgr");
    if (!r->renewed)
        send_report(r);
}

static void on_hamgr(void *arg, struct bus_link *link, const struct bus_sender *from,
                     const struct codec_message *message)
{
    struct runtime *r = arg;

    (void)link;
    (void)from;
    switch ((int)message->type) {
    case MESSAGE_ROLE_ORDER: on_order(r, message->body); break;
    case MESSAGE_CLUSTER_VIEW:
        if (r->hooks->on_view != NULL)
            r->hooks->on_view(&r->component, message->body);
        break;
    default: break; /* the bus's own are not handed on, others the codec refuses */
    }
}

/* When hamgr goes, nothing changes before the deadline. */
static void on_hamgr_state(void *arg, struct bus_link *link, bool up)
{
    struct runtime *r = arg;
    Sf__RoleHello hello = SF__ROLE_HELLO__INIT;

    if (!up)
        return;
    hello.process = (uint32_t)r->hooks->process;
    hello.pid = getpid();
    hello.wire = WIRE_VERSION;
    (void)bus_link_send(link, MESSAGE_ROLE_HELLO, &hello);
    send_report(r);
}

/* ---- configuration ---- */

static void watch(struct runtime *r)
{
    Sf__ConfWatch request = SF__CONF_WATCH__INIT;

    request.request_id = ++r->watch;
    r->in_snapshot = false;
    r->following = false;
    (void)bus_link_send(r->confproxy, MESSAGE_CONF_WATCH, &request);
}

static void change(struct runtime *r, const Sf__ConfChange *c)
{
    if (c->object != NULL && r->hooks->on_conf_change != NULL)
        r->hooks->on_conf_change(&r->component, c);
}

static void loaded(struct runtime *r, uint64_t epoch, uint64_t txid)
{
    r->txid = txid;
    if (r->hooks->on_conf_loaded != NULL)
        r->hooks->on_conf_loaded(&r->component, epoch, txid);
}

static void on_snapshot(struct runtime *r, const Sf__ConfSnapshot *snapshot)
{
    if (snapshot->request_id != r->watch)
        return; /* of an earlier watch */
    /* A part of another state means that the proxy has begun anew. */
    if ((!r->in_snapshot || snapshot->epoch != r->snapshot_epoch ||
         snapshot->txid != r->snapshot_txid) &&
        r->hooks->on_conf_reset != NULL)
        r->hooks->on_conf_reset(&r->component);
    r->snapshot_epoch = snapshot->epoch;
    r->snapshot_txid = snapshot->txid;
    r->in_snapshot = snapshot->more;
    r->following = !snapshot->more;
    for (size_t i = 0; i < snapshot->n_objects; i++) {
        Sf__ConfChange c = SF__CONF_CHANGE__INIT;
        c.object = snapshot->objects[i];
        change(r, &c);
    }
    r->txid = snapshot->txid;
    if (!snapshot->more && snapshot->loaded)
        loaded(r, snapshot->epoch, snapshot->txid);
}

static void on_update(struct runtime *r, const Sf__ConfUpdate *update)
{
    if (!r->following)
        return; /* a snapshot that contains it is on its way */
    if (update->txid != r->txid + 1) {
        log_event(LEVEL_WARNING, MSG_CONFIG, NULL,
                  "update %" PRIu64 " does not follow %" PRIu64 ": asking for all objects",
                  update->txid, r->txid);
        watch(r);
        return;
    }
    for (size_t i = 0; i < update->n_changes; i++)
        change(r, update->changes[i]);
    loaded(r, update->epoch, update->txid);
}

static void on_confproxy(void *arg, struct bus_link *link, const struct bus_sender *from,
                         const struct codec_message *message)
{
    struct runtime *r = arg;

    (void)link;
    (void)from;
    switch ((int)message->type) {
    case MESSAGE_CONF_SNAPSHOT: on_snapshot(r, message->body); break;
    case MESSAGE_CONF_UPDATE: on_update(r, message->body); break;
    default: break; /* answers to questions that a component does not ask */
    }
}

static void on_confproxy_state(void *arg, struct bus_link *link, bool up)
{
    (void)link;
    if (up)
        watch(arg);
}

/* ---- turns, beats, signals ---- */

/* on_turn - the last handler of a turn: a beat proves that the whole work path has run (H-11). */
static void on_turn(void *arg, mono_t now)
{
    struct runtime *r = arg;

    r->turns++;
    expire(r, now); /* a process that stood still finds its right expired before it waits again */
    if (!r->renewed && !mono_due(r->next_beat, now))
        return;
    r->renewed = false;
    r->next_beat = mono_add_ms(now, r->beat_ms);
    loop_timer_set(r->beat, r->next_beat);
    send_report(r);
    if (r->watchdog_ms == 0 || mono_diff_ms(now, r->told) < r->watchdog_ms)
        return;
    r->told = now;
    tell("WATCHDOG=1");
}

/* The beat's timer only makes a turn. */
static void on_beat(void *arg, mono_t now)
{
    (void)arg;
    (void)now;
}

static void on_stop(void *arg, int signal)
{
    struct runtime *r = arg;
    bool again = r->stopping;

    r->stopping = true;
    log_event(LEVEL_NOTICE, MSG_STOP, NULL, "%s: stopping%s", strsignal(signal),
              again ? " at once" : "");
    tell("STOPPING=1");
    if (again || r->hooks->stop == NULL)
        loop_exit(r->component.loop, 0);
    else
        r->hooks->stop(&r->component);
}

/* ---- start ---- */

static void usage(FILE *out, const char *name)
{
    (void)fprintf(
        out,
        "usage: %s [--config FILE] [--self NAME] [--log-dir FOLDER]\n"
        "  --config FILE     bootstrap file, default " CONFIG_DEFAULT "\n"
        "  --self NAME       which of its hosts this is, default $STANDFAST_SELF, then the "
        "file's own\n"
        "  --log-dir FOLDER  also write the log as JSON lines, default $STANDFAST_LOG_DIR\n"
        "  --version, --help\n",
        name);
}

/* read_options - false and *STATUS when the process ends here. */
static bool read_options(int argc, char **argv, const char *name, struct options *o, int *status)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'},  {"self", required_argument, NULL, 's'},
        {"log-dir", required_argument, NULL, 'l'}, {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    int option;

    *status = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'c': o->config = optarg; break;
        case 's': o->self = optarg; break;
        case 'l': o->log_folder = optarg; break;
        case 'v': (void)printf("%s (Standfast) %s\n", name, STANDFAST_VERSION); return false;
        case 'h': usage(stdout, name); return false;
        default:
            usage(stderr, name);
            *status = 2;
            return false;
        }
    }
    if (optind == argc)
        return true;
    (void)fprintf(stderr, "%s: '%s' is too much\n", name, argv[optind]);
    usage(stderr, name);
    *status = 2;
    return false;
}

/* set_beats - often enough for hamgr and, when there is one, for systemd's watchdog. */
static void set_beats(struct runtime *r)
{
    const struct bootstrap *b = &r->component.bootstrap;
    int64_t ms = b->timeouts.component_beat_interval != 0
                     ? (int64_t)b->timeouts.component_beat_interval
                     : BEAT_MS;
    uint64_t usec = 0;

    if (sd_watchdog_enabled(0, &usec) > 0) {
        r->watchdog_ms = (int64_t)(usec / 6000) > 0 ? (int64_t)(usec / 6000) : 1;
        ms = (int64_t)(usec / 3000) < ms ? (int64_t)(usec / 3000) : ms;
    }
    r->beat_ms = ms > 0 ? ms : 1;
}

static int failed(int r, const char *what)
{
    log_event(LEVEL_ERR, MSG_START, NULL, "cannot start: %s: %s", what, strerror(-r));
    return r;
}

/* open_all - loop, bus, timers, signals. */
static int open_all(struct runtime *r)
{
    struct component *c = &r->component;
    struct bus_conf conf = {.self = r->hooks->process, .bootstrap = &c->bootstrap};
    int code;

    if ((code = loop_new(&c->loop)) < 0)
        return failed(code, "event loop");
    if ((code = bus_new(c->loop, &conf, &c->bus)) < 0)
        return failed(code, "bus");
    set_beats(r);
    if ((code = loop_timer_new(c->loop, LOOP_STATISTICS, on_beat, r, &r->beat)) < 0 ||
        (code = loop_timer_new(c->loop, LOOP_LEASE, on_deadline, r, &r->deadline)) < 0)
        return failed(code, "timer");
    if ((code = loop_signal(c->loop, SIGTERM, on_stop, r)) < 0 ||
        (code = loop_signal(c->loop, SIGINT, on_stop, r)) < 0)
        return failed(code, "signals");
    return 0;
}

/* connect_all - to hamgr and, when the process wants it, to the configuration of this host. */
static int connect_all(struct runtime *r)
{
    const struct component_hooks *h = r->hooks;
    struct bus *bus = r->component.bus;
    int code;

    code =
        bus_connect(bus, ENDPOINT_ROLE, NULL, LOOP_LEASE, on_hamgr, on_hamgr_state, r, &r->hamgr);
    if (code == 0 &&
        (h->on_conf_reset != NULL || h->on_conf_change != NULL || h->on_conf_loaded != NULL))
        code = bus_connect(bus, ENDPOINT_CONFIG, NULL, LOOP_SIP, on_confproxy, on_confproxy_state,
                           r, &r->confproxy);
    if (code < 0)
        log_event(LEVEL_ERR, MSG_START, NULL, "cannot start: %s", bus_error(bus));
    return code;
}

static int run(struct runtime *r)
{
    struct component *c = &r->component;
    int code = open_all(r);

    if (code < 0)
        return 1;
    if (r->hooks->start(c) < 0)
        return 1;
    code = connect_all(r);
    if (code == 0)
        code = loop_turn_end(c->loop, INT_MAX, on_turn, r);
    if (code == 0) {
        loop_timer_set(r->beat, MONO_ZERO);
        (void)sd_notify(0, "READY=1\nSTATUS=no role order yet");
        log_event(LEVEL_NOTICE, MSG_START, NULL, "started, version " STANDFAST_VERSION);
        code = loop_run(c->loop);
        if (code < 0)
            (void)failed(code, "event loop");
        log_event(LEVEL_NOTICE, MSG_STOP, NULL, "stopped");
    }
    if (r->hooks->finish != NULL)
        r->hooks->finish(c);
    return code < 0 ? 1 : code;
}

/* go_with_parent - a component that outlived its supervisor would keep its sockets from its
 * successor: it stops in order when the hamgr that started it ($STANDFAST_PARENT) ends.  Returns:
 * false when that has happened already. */
static bool go_with_parent(void)
{
    const char *parent = getenv("STANDFAST_PARENT");

    if (parent == NULL)
        return true; /* started by systemd or by hand */
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    return getppid() == (pid_t)strtol(parent, NULL, 10);
}

int component_main(int argc, char **argv, const struct component_hooks *hooks, void *self)
{
    const char *name = process_program(hooks->process);
    struct runtime *r = calloc(1, sizeof *r);
    struct options options = {.config = CONFIG_DEFAULT};
    struct conf_errors errors;
    int status;

    if (r == NULL)
        abort();
    if (!go_with_parent()) {
        free(r);
        return 1;
    }
    r->hooks = hooks;
    r->component.self = self;
    if (!read_options(argc, argv, name, &options, &status)) {
        free(r);
        return status;
    }
    conf_errors_init(&errors, options.config);
    if (bootstrap_read(options.config, options.self, &r->component.bootstrap, &errors) < 0) {
        conf_errors_print(&errors, stderr);
        free(r);
        return 2;
    }
    const struct bootstrap_site *site = bootstrap_self_site(&r->component.bootstrap);
    log_open(name, site != NULL ? site->name : "", bootstrap_self(&r->component.bootstrap)->name,
             options.log_folder);
    (void)signal(SIGPIPE, SIG_IGN);
    status = run(r);
    loop_timer_destroy(&r->beat);
    loop_timer_destroy(&r->deadline);
    bus_destroy(&r->component.bus);
    loop_destroy(&r->component.loop);
    log_close();
    free(r);
    return status;
}

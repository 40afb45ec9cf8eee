#include "hamgr/adapt/daemon.h"

#include "common/folder.h"
#include "common/log.h"
#include "hamgr/adapt/history.h"
#include "hamgr/adapt/realtime.h"
#include "hamgr/adapt/wire.h"
#include "proto/version.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define VIEW_INTERVAL_MS 1000

static int daemon_open(struct daemon *d, bool supervise, const char *bin_dir);
static void daemon_close(struct daemon *d);
static void perform(struct daemon *d, const struct ham_act *act);
static void note(struct daemon *d, const struct ham_note *n);

int daemon_run(const struct bootstrap *bootstrap, bool supervise, const char *bin_dir)
{
    struct daemon *d = calloc(1, sizeof(*d));
    int r;

    if (d == NULL)
        return 1;
    d->bootstrap = *bootstrap;
    d->wire[0] = WIRE_VERSION;
    r = daemon_open(d, supervise, bin_dir);
    if (r == 0) {
        sd_notify(0, "READY=1");
        r = loop_run(d->loop);
        log_event(LEVEL_NOTICE, MSG_STOP, NULL, "hamgr has stopped");
    }
    daemon_close(d);
    free(d);
    return r < 0 ? (r == -EINVAL ? 2 : 1) : r;
}

/* ---- the core's inputs ---- */

static void enqueue(struct daemon *d, const struct ham_ev *ev)
{
    if (d->queue_n == DAEMON_EVENTS_MAX) {
        log_event(LEVEL_ERR, MSG_FAULT, NULL, "more than %d events at once: this is a bug",
                  DAEMON_EVENTS_MAX);
        abort();
    }
    d->queue[d->queue_n++] = *ev;
}

void daemon_step(struct daemon *d, const struct ham_ev *ev)
{
    enqueue(d, ev);
    if (d->stepping)
        return; /* the step under way takes it from the queue */
    d->stepping = true;
    while (d->queue_n > 0) {
        struct ham_ev next = d->queue[0];

        d->queue_n--;
        memmove(&d->queue[0], &d->queue[1], d->queue_n * sizeof(d->queue[0]));
        /* The clock is read anew for each step: a write to disk may have taken long. */
        ham_step(&d->ham, loop_now_exact(), &next, &d->out);
        for (uint32_t i = 0; i < d->out.n; i++)
            perform(d, &d->out.act[i]);
    }
    d->stepping = false;
    loop_timer_set(d->step_timer, ham_deadline(&d->ham));
}

static void on_step_timer(void *arg, mono_t now)
{
    struct ham_ev ev = {.type = HAM_EV_TICK};

    (void)now;
    daemon_step(arg, &ev);
}

static void on_lease_message(void *arg, struct bus_peer *peer, const struct bus_sender *from,
                             const struct codec_message *message)
{
    struct daemon *d = arg;
    uint32_t host = bootstrap_host(&d->bootstrap, from->host);
    struct ham_ev ev = {.type = HAM_EV_MESSAGE};

    (void)peer;
    if (host == BOOTSTRAP_NONE || host == d->bootstrap.self)
        return;
    if (wire_in(message, (uint8_t)host, d->conf.hosts, &ev.msg) < 0) {
        static struct log_limit limit;

        log_limited(&limit, LEVEL_WARNING, MSG_BUS_REFUSED, LOG_FIELDS(.object = from->host),
                    "a %s of %s has a field outside its limits", message_type_name(message->type),
                    from->host);
        return;
    }
    if (message->type == MESSAGE_HAM_BEAT) {
        const Sf__HostReport *report = ((const Sf__HamBeat *)message->body)->report;
        struct host_state *h = &d->hosts[host];

        if (report != NULL) {
            d->view_due = d->view_due || h->mode != report->mode;
            h->mode = report->mode;
            h->conf_epoch = report->conf_epoch;
            h->conf_txid = report->conf_txid;
            snprintf(h->mode_reason, sizeof(h->mode_reason), "%s", report->mode_reason);
            snprintf(h->components, sizeof(h->components), "%s", report->components);
            memset(h->wire, 0, sizeof(h->wire));
            for (size_t i = 0; i < report->n_wire && i < 1 + COMPONENTS; i++)
                h->wire[i] = report->wire[i];
            snprintf(h->release, sizeof(h->release), "%s", report->release);
            snprintf(h->disk_why, sizeof(h->disk_why), "%s", report->disk_why);
            h->disk_for_ms = report->disk_for_ms;
            h->replica_objects = report->replica_objects;
            h->replica_digest = report->replica_digest;
            snprintf(h->replica, sizeof(h->replica), "%s", report->replica);
            snprintf(h->replica_why, sizeof(h->replica_why), "%s", report->replica_why);
        }
    }
    daemon_step(d, &ev);
}

static void on_lease_reply(void *arg, struct bus_link *link, const struct bus_sender *from,
                           const struct codec_message *message)
{
    (void)link;
    on_lease_message(arg, NULL, from, message);
}

/* Anti-flap's memory goes to disk here and not with the move itself, which is not to wait for a
 * disk. */
static void save_moves(struct daemon *d, mono_t now)
{
    int64_t at_ms[HAM_MOVES_MAX], wall_ms = loop_wall_ms();
    unsigned n = 0;

    if (d->ham.is_arbiter || memcmp(d->moves_saved, d->ham.moves, sizeof(d->moves_saved)) == 0)
        return;
    for (unsigned i = 0; i < HAM_MOVES_MAX; i++) { /* the oldest first */
        mono_t move = d->ham.moves[(d->ham.move_next + i) % HAM_MOVES_MAX];

        if (move.ns != 0)
            at_ms[n++] = wall_ms - mono_diff_ms(now, move);
    }
    if (votes_write_moves(d->votes, at_ms, n))
        memcpy(d->moves_saved, d->ham.moves, sizeof(d->moves_saved));
}

static void recall_moves(struct daemon *d, mono_t now)
{
    int64_t at_ms[HAM_MOVES_MAX], wall_ms = loop_wall_ms();
    unsigned n = 0;

    if (votes_load_moves(d->votes, at_ms, &n) < 0)
        return;
    for (unsigned i = 0; i < n; i++)
        ham_recall(&d->ham, now, wall_ms - at_ms[i]);
    memcpy(d->moves_saved, d->ham.moves, sizeof(d->moves_saved));
}

static void on_view_timer(void *arg, mono_t now)
{
    struct daemon *d = arg;

    save_moves(d, loop_now_exact());
    if (!d->ham.is_arbiter)
        disks_look(d);
    d->view_due = true;
    loop_timer_set(d->view_timer, mono_add_ms(now, VIEW_INTERVAL_MS));
}

static void on_turn_end(void *arg, mono_t now)
{
    struct daemon *d = arg;

    (void)now;
    if (d->view_due) {
        d->view_due = false;
        view_push(d);
    }
    sd_notify(0, "WATCHDOG=1");
}

/* ---- orderly stop ---- */

static void finish_stop(struct daemon *d)
{
    save_moves(d, loop_now_exact());
    if (d->spawn == NULL || components_all_gone(d)) {
        loop_exit(d->loop, 0);
        return;
    }
    for (int i = 0; i < COMPONENTS; i++)
        spawn_stop(d->spawn, d->components[i].process);
}

static void on_stop_timer(void *arg, mono_t now)
{
    struct daemon *d = arg;
    bool held = lease_holds(&d->ham.role, now) || d->ham.role.state == LEASE_YIELDING;

    /* The role first, then the vote: components go when both have been handed over or released. */
    if (d->bootstrap.timeouts.stop_grace > 0 && !ham_left(&d->ham, now) &&
        !(held && mono_due(d->ham.order_latest, now))) {
        loop_timer_set(d->stop_timer, mono_add_ms(now, 20));
        return;
    }
    finish_stop(d);
}

static void on_signal(void *arg, int signal)
{
    struct daemon *d = arg;
    struct ham_ev ev = {.type = HAM_EV_OPERATOR};

    if (d->stopping)
        return;
    d->stopping = true;
    log_event(LEVEL_NOTICE, MSG_STOP, NULL, "%s: handing over and stopping", strsignal(signal));
    sd_notify(0, "STOPPING=1");
    ev.op.verb = VERB_STOP;
    daemon_step(d, &ev);
    loop_timer_set(d->stop_timer, loop_now_exact());
}

/* ---- the core's actions ---- */

static void send_message(struct daemon *d, const struct ham_msg *m, uint8_t to)
{
    struct wire w;
    Sf__HostReport report;
    struct view_texts texts;

    if (d->hosts[to].link == NULL)
        return;
    if (m->type == HAM_MSG_BEAT)
        view_report(d, &report, &texts);
    wire_out(m, d->conf.hosts, m->type == HAM_MSG_BEAT ? &report : NULL, &w);
    (void)bus_link_send(d->hosts[to].link, w.type,
                        w.body); /* loss is allowed, and counted by the bus */
}

static void change_address(struct daemon *d, bool on)
{
    struct ham_ev ev = {.type = HAM_EV_ADDRESS};
    int r = 0;

    if (d->address != NULL && on)
        fence_extend(d->fence, d->ham.role.deadline);
    if (d->address != NULL)
        r = on ? address_add(d->address, d->ham.role.deadline) : address_remove(d->address);
    if (d->address != NULL && !on)
        fence_shut(d->fence);

    if (r < 0)
        log_event(LEVEL_ERR, MSG_ADDRESS, LOG_FIELDS(.event = on ? "ADD" : "REMOVE"),
                  "site address %s: %s", d->site_address, address_error(d->address));
    else
        log_event(LEVEL_NOTICE, MSG_ADDRESS, LOG_FIELDS(.event = on ? "ADD" : "REMOVE"),
                  "site address %s %s", d->site_address, on ? "taken" : "dropped");
    ev.address.on = on;
    ev.address.ok = r == 0;
    daemon_step(d, &ev);
}

static void on_written(void *arg, uint32_t id, bool ok)
{
    struct ham_ev ev = {.type = HAM_EV_PERSISTED};

    ev.persisted.id = id;
    ev.persisted.ok = ok;
    daemon_step(arg, &ev);
}

static void on_probed(void *arg, const struct probe_result *result)
{
    struct daemon *d = arg;
    struct ham_ev ev = {.type = HAM_EV_PROBED};

    snprintf(d->probed, sizeof(d->probed), "%s", result->text);
    log_event(LEVEL_NOTICE, MSG_LEASE, LOG_FIELDS(.event = "PROBED"), "last resort: %s", d->probed);
    ev.probed.references = result->references;
    ev.probed.site = result->site;
    daemon_step(d, &ev);
}

static void perform(struct daemon *d, const struct ham_act *act)
{
    switch ((enum ham_act_type)act->type) {
    case ACT_SEND: send_message(d, &act->send.msg, act->send.to); break;
    case ACT_PERSIST:
        if (!votes_write(d->votes, (enum ham_right)act->persist.right, &act->persist.record,
                         act->persist.id))
            on_written(d, act->persist.id, false);
        break;
    case ACT_ORDER:
        if (act->order.role == ROLE_PRIMARY)
            fence_extend(d->fence, act->order.deadline); /* before anybody sends by it */
        components_order(d, &act->order);
        break;
    case ACT_ADDRESS: change_address(d, act->address.on); break;
    case ACT_START: components_start(d, act->component); break;
    case ACT_KILL: components_kill(d, act->component); break;
    case ACT_PROBE: probe_start(d->probe, d->conf.probe_ms); break;
    case ACT_ANSWER: control_answer(d, act->answer.id, (enum ham_reason)act->answer.reason); break;
    case ACT_NOTE:
        d->view_due = true;
        note(d, &act->note);
        break;
    }
}

static const char *instance_name(const struct daemon *d, const struct ham_note *n)
{
    switch ((enum ham_machine)n->machine) {
    case MACHINE_VOTE:
    case MACHINE_LEASE:
        return n->instance == RIGHT_TICKET ? "ticket" : d->bootstrap.sites[n->instance].name;
    case MACHINE_RESORT:
    case MACHINE_SITE: return d->bootstrap.sites[n->instance].name;
    case MACHINE_SUPERVISE: return process_name(d->components[n->instance].process);
    case MACHINES_MAX: break;
    }
    return "";
}

/* A change of the role is a notice, with the fields that histories are checked from; the rest is
 * information. */
static void note(struct daemon *d, const struct ham_note *n)
{
    const char *from = ham_state_name((enum ham_machine)n->machine, n->from);
    const char *to = ham_state_name((enum ham_machine)n->machine, n->to);
    const char *object = instance_name(d, n);
    enum log_message message = n->machine == MACHINE_SITE        ? MSG_SITE
                               : n->machine == MACHINE_SUPERVISE ? MSG_COMPONENT
                               : n->instance == RIGHT_TICKET     ? MSG_TICKET
                                                                 : MSG_LEASE;
    bool alarm = n->reason == REASON_COPY_STALE || n->reason == REASON_ALONE ||
                 n->reason == REASON_LAST_RESORT;
    bool detail = n->machine == MACHINE_VOTE || n->from == n->to;
    char why[256];

    (void)snprintf(why, sizeof(why), "%s%s%s", n->why, n->reason != REASON_DONE ? ": " : "",
                   n->reason != REASON_DONE ? ham_reason_text((enum ham_reason)n->reason) : "");
    log_event(alarm    ? LEVEL_WARNING
              : detail ? LEVEL_INFO
                       : LEVEL_NOTICE,
              message,
              LOG_FIELDS(.from = from, .to = to,
                         .event = ham_machine_name((enum ham_machine)n->machine), .epoch = n->epoch,
                         .object = object),
              "%s", why);
    history_add(d->history,
                json_pack("{s:I,s:s,s:s,s:s,s:s,s:s,s:I}", "at_ms", (json_int_t)loop_wall_ms(),
                          "machine", ham_machine_name((enum ham_machine)n->machine), "object",
                          object, "from", from, "to", to, "why", why, "epoch",
                          (json_int_t)n->epoch));
}

/* ---- opening and closing ---- */

static int connect_hosts(struct daemon *d)
{
    for (uint32_t i = 0; i < d->bootstrap.host_count; i++) {
        int r;

        if (i == d->bootstrap.self)
            continue;
        r = bus_connect(d->bus, ENDPOINT_LEASE, d->bootstrap.hosts[i].name, LOOP_LEASE,
                        on_lease_reply, NULL, d, &d->hosts[i].link);
        if (r < 0)
            return r;
    }
    return 0;
}

static int open_bus(struct daemon *d, bool arbiter)
{
    const struct bus_conf conf = {.self = arbiter ? PROCESS_ARBITER : PROCESS_HAMGR,
                                  .bootstrap = &d->bootstrap,
                                  .peer_silent_ms = d->bootstrap.timeouts.peer_silent,
                                  .realtime_priority = d->realtime};
    int r = bus_new(d->loop, &conf, &d->bus);

    if (r < 0)
        return r; /* bus_new has logged it */
    r = folder_make(d->bootstrap.run_dir);
    if (r < 0) {
        log_event(LEVEL_ERR, MSG_START, NULL, "run-dir %s: %s", d->bootstrap.run_dir, strerror(-r));
        return r;
    }
    r = control_open(d); /* first: it tells whether another hamgr runs on this host */
    if (r == 0)
        r = bus_bind(d->bus, ENDPOINT_LEASE, LOOP_LEASE, on_lease_message, NULL, d);
    if (r == 0 && !arbiter)
        r = components_open(d);
    if (r == 0)
        r = connect_hosts(d);
    if (r < 0)
        log_event(LEVEL_ERR, MSG_START, NULL, "%s", bus_error(d->bus));
    return r;
}

static int open_host(struct daemon *d, bool supervise, const char *bin_dir)
{
    const struct bootstrap_site *site = bootstrap_self_site(&d->bootstrap);
    const struct spawn_conf conf = {.bin_dir = bin_dir,
                                    .config = d->bootstrap.file,
                                    .self = bootstrap_self(&d->bootstrap)->name,
                                    .run_dir = d->bootstrap.run_dir,
                                    .stop_grace_ms = d->bootstrap.timeouts.stop_grace};
    int r;

    snprintf(d->site_address, sizeof(d->site_address), "%s", site->site_address);
    r = fence_set_up(d->fence, d->loop);
    if (r == 0)
        r = address_new(d->loop, site, &d->address);
    if (r < 0)
        return r;
    r = probe_new(d->loop, &d->bootstrap, on_probed, d, &d->probe);
    if (r < 0)
        return r;
    r = address_remove(d->address); /* what a killed predecessor left: a host starts as backup */
    if (r < 0) {
        log_event(LEVEL_ERR, MSG_ADDRESS, NULL, "site address %s: %s", d->site_address,
                  address_error(d->address));
        return r;
    }
    return supervise ? spawn_new(d->loop, &conf, components_child, d, &d->spawn) : 0;
}

static int open_timers(struct daemon *d)
{
    int r = loop_timer_new(d->loop, LOOP_LEASE, on_step_timer, d, &d->step_timer);

    if (r == 0)
        r = loop_timer_new(d->loop, LOOP_STATISTICS, on_view_timer, d, &d->view_timer);
    if (r == 0)
        r = loop_timer_new(d->loop, LOOP_LEASE, on_stop_timer, d, &d->stop_timer);
    if (r == 0)
        r = loop_turn_end(d->loop, 0, on_turn_end, d);
    if (r == 0)
        r = loop_signal(d->loop, SIGTERM, on_signal, d);
    if (r == 0)
        r = loop_signal(d->loop, SIGINT, on_signal, d);
    return r;
}

static int open_votes(struct daemon *d, struct vote_record *ret_records)
{
    char folder[BOOTSTRAP_PATH_SIZE + 8];
    int r;

    snprintf(folder, sizeof(folder), "%s/votes", d->bootstrap.data_dir);
    r = votes_open(folder, &d->votes);
    if (r == 0)
        r = votes_load(d->votes, ret_records);
    if (r == 0 && !ret_records[RIGHT_TICKET].known)
        log_event(LEVEL_WARNING, MSG_LEASE, NULL,
                  "%s holds no votes: this host abstains until a majority has taught it; a new "
                  "deployment is founded once with "
                  "`hamgr init`",
                  folder);
    return r;
}

/* Before any thread and any process is started, which otherwise would not know. */
static void go_ahead(struct daemon *d)
{
    int r = realtime_set(d->bootstrap.realtime_priority);
    char text[320];

    if (r == 0) {
        d->realtime = d->bootstrap.realtime_priority;
        return;
    }
    realtime_refused(d->bootstrap.realtime_priority, r, text, sizeof(text));
    log_event(LEVEL_WARNING, MSG_START, NULL, "%s", text);
}

static int daemon_open(struct daemon *d, bool supervise, const char *bin_dir)
{
    const bool arbiter = bootstrap_is_arbiter(&d->bootstrap, d->bootstrap.self);
    struct vote_record records[RIGHTS_MAX];
    struct ham_ev tick = {.type = HAM_EV_TICK};
    char text[512];
    uint64_t seed = 0, watchdog_us = 0;
    struct ham_conf_fault fault;
    int r = daemon_conf(&d->bootstrap, &d->conf, text, sizeof(text));

    if (r < 0) {
        log_event(LEVEL_ERR, MSG_BOOTSTRAP, NULL, "%s", text);
        return r;
    }
    if (sd_watchdog_enabled(0, &watchdog_us) > 0 &&
        !ham_conf_check_watchdog(&d->conf, watchdog_us / 1000, &fault)) {
        log_event(LEVEL_ERR, MSG_START, NULL, "%s", fault.text);
        return -EINVAL;
    }
    if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
        return -EIO;
    d->history = history_new();
    sf__role_order__init(&d->order);
    d->order.role = SF__ROLE__ROLE_BACKUP;
    go_ahead(d);
    r = d->history == NULL ? -ENOMEM : 0;
    if (r == 0 && !arbiter)
        r = fence_new(&d->bootstrap, &d->fence);
    if (r == 0)
        r = loop_new(&d->loop);
    if (r == 0)
        r = open_bus(d, arbiter);
    if (r == 0)
        r = open_votes(d, records);
    if (r == 0)
        r = open_timers(d);
    if (r == 0 && !arbiter)
        r = open_host(d, supervise, bin_dir);
    if (r < 0)
        return r;
    ham_init(&d->ham, &d->conf, seed, loop_now_exact(), records);
    if (!arbiter)
        recall_moves(d, loop_now_exact());
    d->disk_told = d->ham.disk;
    r = votes_start(d->votes, d->loop, d->bootstrap.timeouts.disk_check, on_written, d);
    if (r < 0) {
        log_event(LEVEL_ERR, MSG_START, NULL, "the writer of the votes: %s", strerror(-r));
        return r;
    }
    log_event(LEVEL_NOTICE, MSG_START, NULL, "hamgr runs as %s%s",
              bootstrap_self(&d->bootstrap)->name,
              arbiter     ? " (arbiter)"
              : supervise ? ", starting its components"
                          : "");
    daemon_step(d, &tick);
    loop_timer_set(d->view_timer, loop_now_exact());
    return 0;
}

static void daemon_close(struct daemon *d)
{
    spawn_destroy(&d->spawn);
    for (unsigned i = 0; i < HAM_HOSTS_MAX; i++)
        bus_link_destroy(&d->hosts[i].link);
    address_destroy(&d->address);
    fence_destroy(&d->fence);
    probe_destroy(&d->probe);
    votes_close(&d->votes);
    loop_timer_destroy(&d->step_timer);
    loop_timer_destroy(&d->view_timer);
    loop_timer_destroy(&d->stop_timer);
    bus_destroy(&d->bus);
    loop_destroy(&d->loop);
    history_destroy(&d->history);
}

/* components - the ROLE conversation with the processes of this host, and their lives. */
#include "hamgr/adapt/daemon.h"

#include "common/log.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const enum process component_process[COMPONENTS] = {PROCESS_SIPSERVER, PROCESS_CONFPROXY,
                                                           PROCESS_STATSERVER, PROCESS_DESKTOP};

static int index_of(enum process process)
{
    for (int i = 0; i < COMPONENTS; i++)
        if (component_process[i] == process)
            return i;
    return -1;
}

/* To the core: COMPONENT reports WHAT. */
static void tell(struct daemon *d, int component, enum ham_report what, bool on, uint64_t epoch)
{
    struct ham_ev ev = {.type = HAM_EV_COMPONENT};

    ev.component.component = (uint8_t)component;
    ev.component.report = (uint8_t)what;
    ev.component.on = on;
    ev.component.epoch = epoch;
    daemon_step(d, &ev);
}

static void tell_position(struct daemon *d, int component, uint64_t epoch, uint64_t txid)
{
    struct ham_ev ev = {.type = HAM_EV_COMPONENT};

    ev.component.component = (uint8_t)component;
    ev.component.report = COMPONENT_POS;
    /* The write epoch is (ticket epoch, role epoch) in one number: see confproxy/core. */
    ev.component.pos = (struct ham_pos){epoch >> 32, epoch & UINT32_MAX, txid};
    daemon_step(d, &ev);
}

/* The replica as the core has it.  What was said under another order than the present one is of no
 * use: the primary and the backup say different things. */
static void tell_ready(struct daemon *d, int component, const Sf__RoleReport *report)
{
    static const uint8_t states[] = {[SF__REPLICA_STATE__REPLICA_NONE] = REPLICA_UNKNOWN,
                                     [SF__REPLICA_STATE__REPLICA_JOINING] = REPLICA_BEHIND,
                                     [SF__REPLICA_STATE__REPLICA_READY] = REPLICA_IN_SYNC,
                                     [SF__REPLICA_STATE__REPLICA_SOLO] = REPLICA_ALONE};
    struct ham_ev ev = {.type = HAM_EV_COMPONENT};
    uint8_t state = states[report->replica_state];

    if (state != REPLICA_UNKNOWN && report->role != d->order.role)
        state = REPLICA_BEHIND;
    ev.component.component = (uint8_t)component;
    ev.component.report = COMPONENT_SYNC;
    ev.component.on = report->ready;
    ev.component.replica.state = state;
    ev.component.replica.at = (struct ham_copy){report->replica_epoch, report->replica_sequence};
    daemon_step(d, &ev);
}

static void copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
}

static void on_hello(struct daemon *d, int i, struct bus_peer *peer, const Sf__RoleHello *hello)
{
    struct component_state *c = &d->components[i];

    c->peer = peer;
    c->pid = hello->pid;
    d->wire[1 + i] = hello->wire;
    c->ready = false;
    if (d->spawn == NULL)
        tell(d, i, COMPONENT_READY, true,
             0); /* before its first order: the core then counts it in */
    bus_peer_send(peer, MESSAGE_ROLE_ORDER, &d->order);
    d->view_due = true;
}

static void on_report(struct daemon *d, int i, const Sf__RoleReport *report)
{
    struct component_state *c = &d->components[i];
    bool changed = c->ready != report->ready || c->mode != report->mode ||
                   c->role != report->role || c->conf_writable != report->conf_writable ||
                   c->replica_state != report->replica_state ||
                   strcmp(c->why_not, report->why_not) != 0;

    if (c->mode != report->mode && report->mode != SF__MODE__MODE_UNKNOWN)
        d->view_due = true;
    c->ready = report->ready;
    c->mode = report->mode;
    c->role = report->role;
    c->epoch = report->epoch;
    c->calls = report->calls;
    c->registrations = report->registrations;
    c->agents = report->agents;
    c->conf_epoch = report->conf_epoch;
    c->conf_txid = report->conf_txid;
    c->conf_writable = report->conf_writable;
    c->drops = report->drops;
    c->replica_state = report->replica_state;
    c->replica_objects = report->replica_objects;
    c->replica_digest = report->replica_digest;
    copy(c->replica_why, sizeof(c->replica_why), report->replica_why);
    copy(c->why_not, sizeof(c->why_not), report->why_not);
    copy(c->mode_reason, sizeof(c->mode_reason), report->mode_reason);
    d->view_due = d->view_due || changed;

    disks_say(d, (unsigned)i, report->disk < DISK_GRADES ? report->disk : DISK_UNKNOWN,
              report->disk_why);
    tell(d, i, COMPONENT_BEAT, true, 0);
    tell_ready(d, i, report);
    if (c->process == PROCESS_CONFPROXY)
        tell_position(d, i, report->conf_epoch, report->conf_txid);
    if (report->role == SF__ROLE__ROLE_BACKUP)
        tell(d, i, COMPONENT_STOPPED, true, report->epoch);
}

static void on_solo_request(struct daemon *d, int component, const Sf__SoloRequest *request)
{
    struct ham_ev ev = {.type = HAM_EV_COMPONENT};

    ev.component.component = (uint8_t)component;
    ev.component.report = COMPONENT_SOLO;
    ev.component.epoch = request->epoch;
    ev.component.request = request->request;
    ev.component.replica.at = (struct ham_copy){request->epoch, request->sequence};
    daemon_step(d, &ev);
}

static void on_message(void *arg, struct bus_peer *peer, const struct bus_sender *from,
                       const struct codec_message *message)
{
    struct daemon *d = arg;
    int i = index_of(from->process);

    if (i < 0)
        return;
    switch ((int)message->type) {
    case MESSAGE_ROLE_HELLO: on_hello(d, i, peer, message->body); break;
    case MESSAGE_ROLE_REPORT:
        if (d->components[i].peer == peer)
            on_report(d, i, message->body);
        break;
    case MESSAGE_SOLO_REQUEST:
        if (d->components[i].peer == peer)
            on_solo_request(d, i, message->body);
        break;
    default: break;
    }
}

static void on_gone(void *arg, struct bus_peer *peer)
{
    struct daemon *d = arg;

    for (int i = 0; i < COMPONENTS; i++) {
        if (d->components[i].peer != peer)
            continue;
        d->components[i].peer = NULL;
        d->wire[1 + i] = 0;
        d->components[i].ready = false;
        d->view_due = true;
        if (d->spawn == NULL)
            tell(d, i, COMPONENT_EXITED, true, 0);
    }
}

int components_open(struct daemon *d)
{
    for (int i = 0; i < COMPONENTS; i++)
        d->components[i].process = component_process[i];
    return bus_bind(d->bus, ENDPOINT_ROLE, LOOP_LEASE, on_message, on_gone, d);
}

/* Does ORDER tell a view more than that the deadlines of the one in force have moved? */
static bool shows(const struct daemon *d, const struct ham_order *order)
{
    return (order->role == ROLE_PRIMARY) != (d->order.role == SF__ROLE__ROLE_PRIMARY) ||
           order->epoch != d->order.epoch || order->writer != (d->order.writer != 0) ||
           order->ticket_epoch != d->order.ticket_epoch || order->stale != (d->order.stale != 0) ||
           order->solo.sequence != d->order.solo_sequence;
}

void components_order(struct daemon *d, const struct ham_order *order)
{
    bool primary = order->role == ROLE_PRIMARY;

    d->view_due = d->view_due || shows(d, order);
    sf__role_order__init(&d->order);
    d->order.role = primary ? SF__ROLE__ROLE_PRIMARY : SF__ROLE__ROLE_BACKUP;
    d->order.epoch = order->epoch;
    d->order.deadline_ns = primary ? order->deadline.ns : 0;
    d->order.solo_epoch = order->solo.epoch;
    d->order.solo_sequence = order->solo.sequence;
    d->order.solo_request = order->solo_request;
    d->order.stale = order->stale;
    d->order.stale_epoch = order->lacks.epoch;
    d->order.stale_sequence = order->lacks.sequence;
    d->order.site_address = d->site_address;
    d->order.writer = order->writer;
    d->order.ticket_epoch = order->ticket_epoch;
    d->order.writer_deadline_ns = order->writer ? order->write_deadline.ns : 0;
    bus_set_role(d->bus, primary, order->epoch);
    for (int i = 0; i < COMPONENTS; i++)
        if (d->components[i].peer != NULL)
            bus_peer_send(d->components[i].peer, MESSAGE_ROLE_ORDER, &d->order);
}

void components_start(struct daemon *d, uint8_t component)
{
    struct component_state *c = &d->components[component];

    if (d->spawn == NULL || d->stopping)
        return; /* whoever started it starts it again; nobody, on the way out */
    if (spawn_start(d->spawn, c->process) < 0) {
        struct ham_ev ev = {.type = HAM_EV_COMPONENT};

        ev.component.component = component;
        ev.component.report = COMPONENT_EXITED;
        daemon_step(d, &ev);
        return;
    }
    c->starts++;
    log_event(LEVEL_NOTICE, MSG_COMPONENT,
              LOG_FIELDS(.object = process_name(c->process), .event = "START"), "started, pid %d",
              (int)spawn_pid(d->spawn, c->process));
}

void components_kill(struct daemon *d, uint8_t component)
{
    struct component_state *c = &d->components[component];

    if (d->spawn != NULL)
        spawn_kill(d->spawn, c->process);
    else if (c->peer != NULL && c->pid > 1)
        kill(c->pid, SIGKILL);
}

void components_child(void *arg, enum process process, enum spawn_event event, const char *text)
{
    struct daemon *d = arg;
    int i = index_of(process);

    if (i < 0)
        return;
    switch (event) {
    case SPAWN_READY: tell(d, i, COMPONENT_READY, true, 0); break;
    case SPAWN_EXITED:
        log_event(d->stopping ? LEVEL_INFO : LEVEL_WARNING, MSG_COMPONENT,
                  LOG_FIELDS(.object = process_name(process), .event = "EXITED"), "%s", text);
        d->components[i].ready = false;
        d->view_due = true;
        tell(d, i, COMPONENT_EXITED, true, 0);
        if (d->stopping && components_all_gone(d))
            loop_exit(d->loop, 0);
        break;
    }
}

bool components_all_gone(const struct daemon *d)
{
    for (int i = 0; d->spawn != NULL && i < COMPONENTS; i++)
        if (spawn_running(d->spawn, component_process[i]))
            return false;
    return true;
}

void components_text(const struct daemon *d, char *text, size_t size)
{
    size_t n = 0;

    text[0] = '\0';
    for (int i = 0; i < COMPONENTS && n < size; i++) {
        const struct component_state *c = &d->components[i];
        int k = snprintf(text + n, size - n, "%s%s %s%s%s%s", i == 0 ? "" : ", ",
                         process_name(c->process),
                         c->peer == NULL ? "down"
                         : c->ready      ? "ready"
                                         : "not ready",
                         c->peer != NULL && !c->ready && c->why_not[0] != '\0' ? " (" : "",
                         c->peer != NULL && !c->ready ? c->why_not : "",
                         c->peer != NULL && !c->ready && c->why_not[0] != '\0' ? ")" : "");
        n += k > 0 ? (size_t)k : 0;
    }
}

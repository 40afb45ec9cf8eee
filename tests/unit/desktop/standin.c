/* standin - what stands around the desktop gateway and the statserver of one host: hamgr (roles,
 * view), confproxy (agents) and SIP server (agents' states, events), on the word of a test.
 *
 *   standin keys BOOTSTRAP          make the keys of all hosts
 *   standin run BOOTSTRAP HOST      orders on stdin, a line each:
 *       primary EPOCH | backup EPOCH       the role, renewed until the next order
 *       refuse                             logins are refused, retriably (L-1), until `accept`
 *       accept
 *       ring AGENT CALLER | answer AGENT | release AGENT     a call out of queue sales
 *       force AGENT REASON                 logs the agent out
 *       forget                             loses all logins, as a SIP server that restarts
 *       gap                                skips a number of the events
 *
 * Agents ann, bob and cid have the password "secret" and the phones 1001, 1002, 1003. */
#include "common/bus.h"
#include "common/keys.h"
#include "common/log.h"
#include "common/loop.h"
#include "confproxy/adapt/password.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define AGENTS 3
#define PEERS  8

struct agent {
    char id[8];
    char dn[8];
    Sf__AgentState state;
    bool wants_ready;
    char reason[128];
    int64_t since_ms;
    char caller[128];
    char call[16];
};

struct standin {
    const struct bootstrap *bootstrap;
    struct loop *loop;
    struct bus *hamgr, *confproxy, *sipserver;
    struct loop_timer *timer;
    bool primary, refuse;
    uint64_t epoch, agent_sequence, event_sequence, calls, started, turn;
    struct bus_peer *roles[PEERS];
    struct bus_peer *agent_link, *event_link;
    struct agent agents[AGENTS];
    char hash[PASSWORD_HASH_SIZE];
    char input[512];
};

static char *text(const char *from)
{
    union {
        const char *in;
        char *out;
    } u = {.in = from};
    return u.out;
}

/* ---- hamgr ---- */

static void send_order(struct standin *s, struct bus_peer *peer)
{
    Sf__RoleOrder m = SF__ROLE_ORDER__INIT;

    m.role = s->primary ? SF__ROLE__ROLE_PRIMARY : SF__ROLE__ROLE_BACKUP;
    m.epoch = s->epoch;
    m.deadline_ns = s->primary ? mono_add_ms(loop_now_exact(), 2000).ns : 0;
    m.site_address = text(bootstrap_self_site(s->bootstrap)->site_address);
    (void)bus_peer_send(peer, MESSAGE_ROLE_ORDER, &m);
}

static void send_view(struct standin *s, struct bus_peer *peer)
{
    Sf__ClusterView m = SF__CLUSTER_VIEW__INIT;
    Sf__HostView hosts[BOOTSTRAP_HOSTS_MAX], *host_list[BOOTSTRAP_HOSTS_MAX];
    Sf__SiteView sites[2], *site_list[2];
    const struct bootstrap *b = s->bootstrap;

    for (uint32_t i = 0; i < b->host_count; i++) {
        sf__host_view__init(&hosts[i]);
        hosts[i].host = text(b->hosts[i].name);
        hosts[i].site =
            text(b->hosts[i].site == BOOTSTRAP_NONE ? "" : b->sites[b->hosts[i].site].name);
        hosts[i].arbiter = b->hosts[i].site == BOOTSTRAP_NONE;
        hosts[i].alive = i != 3;
        hosts[i].age_ms = i * 100 + (i == 3 ? 42000 : 0);
        hosts[i].role = i % 2 == 0 ? SF__ROLE__ROLE_PRIMARY : SF__ROLE__ROLE_BACKUP;
        hosts[i].epoch = 4;
        hosts[i].writer = i == 0;
        hosts[i].conf_epoch = 1;
        hosts[i].conf_txid = 12;
        hosts[i].components = text(
            hosts[i].arbiter ? ""
                             : "sipserver ready, confproxy ready, statserver ready, desktop ready");
        host_list[m.n_hosts++] = &hosts[i];
    }
    for (uint32_t i = 0; i < b->site_count; i++) {
        sf__site_view__init(&sites[i]);
        sites[i].site = text(b->sites[i].name);
        sites[i].judgement = text(i == b->hosts[b->self].site ? "self" : "up");
        sites[i].evidence = text("west.1 heard 0.1 s ago");
        site_list[m.n_sites++] = &sites[i];
    }
    m.hosts = host_list;
    m.sites = site_list;
    m.ticket_site = text("east");
    m.ticket_epoch = 1;
    (void)bus_peer_send(peer, MESSAGE_CLUSTER_VIEW, &m);
}

static void on_role(void *arg, struct bus_peer *peer, const struct bus_sender *from,
                    const struct codec_message *message)
{
    struct standin *s = arg;

    (void)from;
    if (message->type != MESSAGE_ROLE_HELLO)
        return;
    for (int i = 0; i < PEERS; i++)
        if (s->roles[i] == NULL || s->roles[i] == peer) {
            s->roles[i] = peer;
            break;
        }
    send_order(s, peer);
    send_view(s, peer);
}

static void on_role_gone(void *arg, struct bus_peer *peer)
{
    struct standin *s = arg;

    for (int i = 0; i < PEERS; i++)
        if (s->roles[i] == peer)
            s->roles[i] = NULL;
}

static void order_all(struct standin *s, bool view)
{
    for (int i = 0; i < PEERS; i++) {
        if (s->roles[i] != NULL)
            send_order(s, s->roles[i]);
        if (s->roles[i] != NULL && view)
            send_view(s, s->roles[i]);
    }
}

/* ---- confproxy ---- */

static void on_conf(void *arg, struct bus_peer *peer, const struct bus_sender *from,
                    const struct codec_message *message)
{
    struct standin *s = arg;
    Sf__ConfSnapshot m = SF__CONF_SNAPSHOT__INIT;
    Sf__ConfObject objects[AGENTS], *list[AGENTS];
    Sf__Agent agents[AGENTS];

    (void)from;
    if (message->type != MESSAGE_CONF_WATCH)
        return;
    m.request_id = ((const Sf__ConfWatch *)message->body)->request_id;
    for (int i = 0; i < AGENTS; i++) {
        sf__conf_object__init(&objects[i]);
        sf__agent__init(&agents[i]);
        agents[i].id = s->agents[i].id;
        agents[i].dn = s->agents[i].dn;
        agents[i].password_hash = s->hash;
        objects[i].object_case = SF__CONF_OBJECT__OBJECT_AGENT;
        objects[i].agent = &agents[i];
        list[i] = &objects[i];
    }
    m.n_objects = AGENTS;
    m.objects = list;
    m.epoch = m.txid = 1;
    m.loaded = true;
    (void)bus_peer_send(peer, MESSAGE_CONF_SNAPSHOT, &m);
}

/* ---- SIP server: events for the statserver ---- */

static void send_batch(struct standin *s, Sf__Event **events, size_t count, bool snapshot)
{
    Sf__EventBatch m = SF__EVENT_BATCH__INIT;

    if (s->event_link == NULL)
        return;
    for (size_t i = 0; i < count; i++)
        events[i]->sequence = snapshot ? 0 : ++s->event_sequence;
    m.snapshot = snapshot;
    m.last_sequence = s->event_sequence;
    m.n_events = count;
    m.events = events;
    (void)bus_peer_send(s->event_link, MESSAGE_EVENT_BATCH, &m);
}

static void agent_status(const struct agent *a, Sf__Event *event, Sf__AgentStatus *status)
{
    static char sales[] = "sales", *queues[] = {sales};

    sf__agent_status__init(status);
    status->agent = text(a->id);
    status->dn = text(a->dn);
    status->state = a->state;
    status->reason = text(a->reason);
    status->since_ms = a->since_ms;
    status->n_queues = 1;
    status->queues = queues;
    sf__event__init(event);
    event->what_case = SF__EVENT__WHAT_AGENT;
    event->agent = status;
}

static void send_snapshot(struct standin *s)
{
    Sf__Event events[AGENTS + 2], *list[AGENTS + 2];
    Sf__AgentStatus agents[AGENTS];
    Sf__QueueStatus queue = SF__QUEUE_STATUS__INIT;
    Sf__ServerStatus server = SF__SERVER_STATUS__INIT;
    size_t count = 0;

    for (int i = 0; i < AGENTS; i++) {
        agent_status(&s->agents[i], &events[count], &agents[i]);
        count++;
    }
    queue.queue = text("sales");
    sf__event__init(&events[count]);
    events[count].what_case = SF__EVENT__WHAT_QUEUE;
    events[count++].queue = &queue;
    server.mode = SF__MODE__MODE_PEERED;
    server.mode_reason = text("the inter-site trunk answers");
    server.registrations = 3;
    sf__event__init(&events[count]);
    events[count].what_case = SF__EVENT__WHAT_SERVER;
    events[count++].server = &server;
    for (size_t i = 0; i < count; i++)
        list[i] = &events[i];
    send_batch(s, list, count, true);
}

static void on_event_peer(void *arg, struct bus_peer *peer, const struct bus_sender *from,
                          const struct codec_message *message)
{
    struct standin *s = arg;

    (void)from;
    if (message->type != MESSAGE_EVENT_SUBSCRIBE)
        return;
    s->event_link = peer;
    send_snapshot(s);
}

static void on_event_gone(void *arg, struct bus_peer *peer)
{
    struct standin *s = arg;

    if (s->event_link == peer)
        s->event_link = NULL;
}

static void call_event(struct standin *s, const struct agent *a, Sf__CallPhase phase,
                       int64_t wait_ms, int64_t talk_ms)
{
    Sf__Event event = SF__EVENT__INIT, *list[] = {&event};
    Sf__CallEvent call = SF__CALL_EVENT__INIT;

    call.call = text(a->call);
    call.phase = phase;
    call.queue = text("sales");
    call.agent = text(a->id);
    call.wait_ms = wait_ms;
    call.talk_ms = talk_ms;
    event.what_case = SF__EVENT__WHAT_CALL;
    event.call = &call;
    send_batch(s, list, 1, false);
}

/* ---- SIP server: agents for the gateway ---- */

static void tell(struct standin *s, const struct agent *a, Sf__AgentEventKind kind)
{
    Sf__AgentEvent m = SF__AGENT_EVENT__INIT;
    Sf__Event event, *list[] = {&event};
    Sf__AgentStatus status;

    m.sequence = ++s->agent_sequence;
    m.kind = kind;
    if (a != NULL) {
        m.agent = text(a->id);
        m.dn = text(a->dn);
        m.state = a->state;
        m.reason = text(a->reason);
        m.since_ms = a->since_ms;
        m.call = text(a->call);
        m.caller = text(a->caller);
        m.queue = text("sales");
    }
    if (s->agent_link != NULL)
        (void)bus_peer_send(s->agent_link, MESSAGE_AGENT_EVENT, &m);
    if (a == NULL || kind != SF__AGENT_EVENT_KIND__AGENT_EVENT_STATE)
        return;
    agent_status(a, &event, &status);
    send_batch(s, list, 1, false);
}

static void become(struct standin *s, struct agent *a, Sf__AgentState state, const char *reason)
{
    a->state = state;
    a->since_ms = loop_wall_ms();
    snprintf(a->reason, sizeof(a->reason), "%s", reason);
    tell(s, a, SF__AGENT_EVENT_KIND__AGENT_EVENT_STATE);
}

static struct agent *find(struct standin *s, const char *id)
{
    for (int i = 0; i < AGENTS; i++)
        if (strcmp(s->agents[i].id, id) == 0)
            return &s->agents[i];
    return NULL;
}

static void on_request(struct standin *s, struct bus_peer *peer, const Sf__AgentRequest *in)
{
    Sf__AgentReply m = SF__AGENT_REPLY__INIT;
    struct agent *a = find(s, in->agent);
    bool ready =
        in->op == SF__AGENT_OP__AGENT_READY || in->state == SF__AGENT_STATE__AGENT_STATE_READY;

    m.request_id = in->request_id;
    if (a == NULL || !s->primary || s->refuse) {
        m.code = -EAGAIN;
        m.retriable = true;
        m.text = text("the phone is out of service here");
    } else if (in->op == SF__AGENT_OP__AGENT_LOGOUT) {
        become(s, a, SF__AGENT_STATE__AGENT_STATE_NULL, in->reason);
    } else {
        become(s, a,
               ready ? SF__AGENT_STATE__AGENT_STATE_READY : SF__AGENT_STATE__AGENT_STATE_NOT_READY,
               ready ? "" : in->reason);
        m.state = a->state;
    }
    (void)bus_peer_send(peer, MESSAGE_AGENT_REPLY, &m);
}

static void on_agent(void *arg, struct bus_peer *peer, const struct bus_sender *from,
                     const struct codec_message *message)
{
    struct standin *s = arg;

    (void)from;
    if (message->type == MESSAGE_AGENT_REQUEST) {
        on_request(s, peer, message->body);
        return;
    }
    s->agent_link = peer;
    s->agent_sequence = 0;
    for (int i = 0; i < AGENTS; i++)
        if (s->agents[i].state != SF__AGENT_STATE__AGENT_STATE_NULL)
            tell(s, &s->agents[i], SF__AGENT_EVENT_KIND__AGENT_EVENT_STATE);
    tell(s, NULL, SF__AGENT_EVENT_KIND__AGENT_EVENT_SNAPSHOT_END);
}

static void on_agent_gone(void *arg, struct bus_peer *peer)
{
    struct standin *s = arg;

    if (s->agent_link == peer)
        s->agent_link = NULL;
}

/* ---- orders of the test ---- */

static void ring(struct standin *s, struct agent *a, const char *caller)
{
    snprintf(a->call, sizeof(a->call), "c%llu", (unsigned long long)++s->calls);
    snprintf(a->caller, sizeof(a->caller), "%s", caller);
    call_event(s, a, SF__CALL_PHASE__CALL_STARTED, 0, 0);
    call_event(s, a, SF__CALL_PHASE__CALL_QUEUED, 0, 0);
    become(s, a, SF__AGENT_STATE__AGENT_STATE_RESERVED, "");
    tell(s, a, SF__AGENT_EVENT_KIND__AGENT_EVENT_RINGING);
}

static void answer(struct standin *s, struct agent *a)
{
    call_event(s, a, SF__CALL_PHASE__CALL_ANSWERED, 2500, 0);
    become(s, a, SF__AGENT_STATE__AGENT_STATE_BUSY, "");
    tell(s, a, SF__AGENT_EVENT_KIND__AGENT_EVENT_ESTABLISHED);
}

static void release(struct standin *s, struct agent *a)
{
    call_event(s, a, SF__CALL_PHASE__CALL_RELEASED, 0, 61000);
    tell(s, a, SF__AGENT_EVENT_KIND__AGENT_EVENT_RELEASED);
    a->call[0] = a->caller[0] = '\0';
    become(s, a, SF__AGENT_STATE__AGENT_STATE_READY, "");
}

/* forget - the agents' part of the SIP server starts afresh. */
static void forget(struct standin *s)
{
    for (int i = 0; i < AGENTS; i++)
        s->agents[i].state = SF__AGENT_STATE__AGENT_STATE_NULL;
    bus_destroy(&s->sipserver);
    s->agent_link = s->event_link = NULL;
    const struct bus_conf conf = {.self = PROCESS_SIPSERVER, .bootstrap = s->bootstrap};
    if (bus_new(s->loop, &conf, &s->sipserver) != 0 ||
        bus_bind(s->sipserver, ENDPOINT_AGENT, LOOP_SIP, on_agent, on_agent_gone, s) != 0 ||
        bus_bind(s->sipserver, ENDPOINT_EVENTS, LOOP_SIP, on_event_peer, on_event_gone, s) != 0)
        abort();
    s->event_sequence = 0;
}

static void obey(struct standin *s, const char *line)
{
    char word[16] = "", id[16] = "", rest[128] = "";
    struct agent *a;

    sscanf(line, "%15s %15s %127[^\n]", word, id, rest);
    a = find(s, id);
    if (strcmp(word, "primary") == 0 || strcmp(word, "backup") == 0) {
        s->primary = word[0] == 'p';
        s->epoch = strtoull(id, NULL, 10);
        order_all(s, true);
    } else if (strcmp(word, "refuse") == 0 || strcmp(word, "accept") == 0)
        s->refuse = word[0] == 'r';
    else if (strcmp(word, "forget") == 0)
        forget(s);
    else if (strcmp(word, "gap") == 0)
        s->event_sequence++;
    else if (a != NULL && strcmp(word, "ring") == 0)
        ring(s, a, rest);
    else if (a != NULL && strcmp(word, "answer") == 0)
        answer(s, a);
    else if (a != NULL && strcmp(word, "release") == 0)
        release(s, a);
    else if (a != NULL && strcmp(word, "force") == 0)
        become(s, a, SF__AGENT_STATE__AGENT_STATE_NULL, rest);
    else
        fprintf(stderr, "standin: what is '%s'?\n", line);
}

static void on_input(void *arg, uint32_t events)
{
    struct standin *s = arg;
    size_t length = strlen(s->input);
    ssize_t n = read(STDIN_FILENO, s->input + length, sizeof(s->input) - 1 - length);
    char *end;

    (void)events;
    if (n <= 0) {
        loop_exit(s->loop, 0); /* the test has gone */
        return;
    }
    s->input[length + (size_t)n] = '\0';
    while ((end = strchr(s->input, '\n')) != NULL) {
        *end = '\0';
        obey(s, s->input);
        memmove(s->input, end + 1, strlen(end + 1) + 1);
    }
}

static void on_timer(void *arg, mono_t now)
{
    struct standin *s = arg;

    order_all(s, ++s->turn % 5 == 0);
    loop_timer_set(s->timer, mono_add_ms(now, 200));
}

static int run(const struct bootstrap *b)
{
    static struct standin s = {.agents = {{.id = "ann", .dn = "1001"},
                                          {.id = "bob", .dn = "1002"},
                                          {.id = "cid", .dn = "1003"}}};
    struct bus_conf conf = {.self = PROCESS_HAMGR, .bootstrap = b};
    struct loop_io *io = NULL;
    int r;

    s.bootstrap = b;
    if (password_hash("secret", s.hash) != 0 || loop_new(&s.loop) != 0)
        return 1;
    r = bus_new(s.loop, &conf, &s.hamgr);
    conf.self = PROCESS_CONFPROXY;
    r = r != 0 ? r : bus_new(s.loop, &conf, &s.confproxy);
    conf.self = PROCESS_SIPSERVER;
    r = r != 0 ? r : bus_new(s.loop, &conf, &s.sipserver);
    r = r != 0 ? r : bus_bind(s.hamgr, ENDPOINT_ROLE, LOOP_LEASE, on_role, on_role_gone, &s);
    r = r != 0 ? r : bus_bind(s.confproxy, ENDPOINT_CONFIG, LOOP_SIP, on_conf, NULL, &s);
    r = r != 0 ? r : bus_bind(s.sipserver, ENDPOINT_AGENT, LOOP_SIP, on_agent, on_agent_gone, &s);
    r = r != 0 ? r
               : bus_bind(s.sipserver, ENDPOINT_EVENTS, LOOP_SIP, on_event_peer, on_event_gone, &s);
    r = r != 0 ? r : loop_timer_new(s.loop, LOOP_LEASE, on_timer, &s, &s.timer);
    r = r != 0 ? r : loop_io_new(s.loop, STDIN_FILENO, EPOLLIN, LOOP_LEASE, on_input, &s, &io);
    if (r != 0) {
        fprintf(stderr, "standin: cannot start: %s\n", strerror(-r));
        return 1;
    }
    loop_timer_set(s.timer, loop_now_exact());
    r = loop_run(s.loop);
    loop_io_destroy(&io);
    loop_timer_destroy(&s.timer);
    bus_destroy(&s.sipserver);
    bus_destroy(&s.confproxy);
    bus_destroy(&s.hamgr);
    loop_destroy(&s.loop);
    return r != 0;
}

static int make_keys(const struct bootstrap *b)
{
    struct keys_error error;
    int r = keys_generate_cluster(b->keys_dir, false, &error);

    for (uint32_t h = 0; r == 0 && h < b->host_count; h++)
        r = keys_generate(b->keys_dir, b->hosts[h].name, false, &error);
    if (r != 0)
        fprintf(stderr, "standin: %s\n", error.text);
    return r != 0;
}

int main(int argc, char **argv)
{
    static struct bootstrap bootstrap;
    struct conf_errors errors;

    if (argc < 3) {
        fputs("usage: standin keys FILE | standin run FILE HOST\n", stderr);
        return 2;
    }
    if (bootstrap_read(argv[2], argc > 3 ? argv[3] : "east.1", &bootstrap, &errors) != 0) {
        conf_errors_print(&errors, stderr);
        return 2;
    }
    return strcmp(argv[1], "keys") == 0 ? make_keys(&bootstrap) : run(&bootstrap);
}

#include "kit_inner.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/keys.h"

#define DEADLINE 3000

struct house houses[HOSTS];
struct loop *loop;
Sf__Options options;
char net[16];

const char *kit_program, *kit_kill_point;

const char *const kit_names[HOSTS] = {"east.1", "east.2"};
static char folder[64], file[128];
static struct loop_timer *renew;

char *kit_text(const char *t)
{
    return (char *)(uintptr_t)t;
}

/* ---- time ---- */

static void stop_running(void *arg, mono_t now)
{
    (void)arg;
    (void)now;
    loop_exit(loop, 0);
}

void run_for(int ms)
{
    struct loop_timer *t;

    cr_assert_eq(loop_timer_new(loop, LOOP_STATISTICS, stop_running, NULL, &t), 0);
    loop_timer_set(t, mono_add_ms(loop_now_exact(), ms));
    cr_assert_eq(loop_run(loop), 0);
    loop_timer_destroy(&t);
}

/* ---- hamgr ---- */

static void send_order(struct house *h)
{
    Sf__RoleOrder m = SF__ROLE_ORDER__INIT;

    if (h->component == NULL)
        return;
    m.role = h->primary ? SF__ROLE__ROLE_PRIMARY : SF__ROLE__ROLE_BACKUP;
    m.epoch = h->epoch;
    m.deadline_ns = h->primary ? mono_add_ms(loop_now_exact(), DEADLINE).ns : 0;
    m.site_address = h->bootstrap.sites[0].site_address;
    m.solo_epoch = h->solo_epoch;
    m.solo_sequence = h->solo_sequence;
    m.solo_request = h->solo_request;
    (void)bus_peer_send(h->component, MESSAGE_ROLE_ORDER, &m);
}

static void on_renew(void *arg, mono_t now)
{
    (void)arg;
    for (unsigned i = 0; i < HOSTS; i++)
        send_order(&houses[i]);
    loop_timer_set(renew, mono_add_ms(now, 250));
}

void order(unsigned host, bool primary, uint64_t epoch)
{
    struct house *h = &houses[host];

    h->primary = primary;
    h->epoch = epoch;
    h->solo_epoch = h->solo_sequence = h->solo_request = 0;
    send_order(h);
}

void order_solo(unsigned host)
{
    struct house *h = &houses[host];

    h->solo_epoch = h->ask_epoch;
    h->solo_sequence = h->ask_sequence;
    h->solo_request = h->ask_request;
    send_order(h);
}

static void on_component(void *arg, struct bus_peer *peer, const struct bus_sender *from,
                         const struct codec_message *message)
{
    struct house *h = arg;
    const Sf__RoleReport *report = message->body;
    const Sf__SoloRequest *ask = message->body;

    (void)from;
    h->component = peer;
    switch ((int)message->type) {
    case MESSAGE_ROLE_HELLO: send_order(h); break;
    case MESSAGE_ROLE_REPORT:
        h->reports++;
        if (h->report.role == SF__ROLE__ROLE_PRIMARY && report->role != SF__ROLE__ROLE_PRIMARY)
            h->stopped = *report;
        h->report = *report;
        snprintf(h->why, sizeof(h->why), "%s", report->replica_why);
        break;
    case MESSAGE_SOLO_REQUEST:
        h->asked++;
        h->ask_epoch = ask->epoch;
        h->ask_sequence = ask->sequence;
        h->ask_request = ask->request;
        if (ask->sequence == 0) /* given back */
            h->solo_epoch = h->solo_sequence = h->solo_request = 0;
        break;
    default: break;
    }
}

static void on_component_gone(void *arg, struct bus_peer *peer)
{
    struct house *h = arg;

    if (h->component == peer)
        h->component = NULL;
}

/* ---- confproxy ---- */

static void on_watch(void *arg, struct bus_peer *peer, const struct bus_sender *from,
                     const struct codec_message *message)
{
    Sf__ConfSnapshot m = SF__CONF_SNAPSHOT__INIT;
    Sf__ConfObject objects[5], *list[5];
    Sf__Dn trunk = SF__DN__INIT, phone = SF__DN__INIT, out = SF__DN__INIT;
    Sf__Agent agent = SF__AGENT__INIT;
    char contact[64], far_contact[64], prefix[] = "7", *prefixes[] = {prefix};

    (void)arg;
    (void)from;
    if (message->type != MESSAGE_CONF_WATCH)
        return;
    m.request_id = ((const Sf__ConfWatch *)message->body)->request_id;
    snprintf(contact, sizeof(contact), "sip:%s.200:%d", net, GW_PORT);
    trunk.number = kit_text("gw");
    trunk.type = SF__DN_TYPE__DN_TRUNK;
    trunk.contact = contact;
    trunk.calling_class = kit_text("extensions"); /* prefixes are for those */
    snprintf(far_contact, sizeof(far_contact), "sip:%s.201:%d", net, GW_PORT);
    out.number = kit_text("out");
    out.type = SF__DN_TYPE__DN_TRUNK;
    out.contact = far_contact;
    out.prefixes = prefixes;
    out.n_prefixes = 1;
    phone.number = kit_text("1001");
    phone.type = SF__DN_TYPE__DN_EXTENSION;
    agent.id = kit_text("ann");
    agent.dn = kit_text("1001");
    for (unsigned i = 0; i < 5; i++) {
        sf__conf_object__init(&objects[i]);
        list[i] = &objects[i];
    }
    objects[0].object_case = SF__CONF_OBJECT__OBJECT_OPTIONS;
    objects[0].options = &options;
    objects[1].object_case = objects[2].object_case = SF__CONF_OBJECT__OBJECT_DN;
    objects[1].dn = &trunk;
    objects[2].dn = &phone;
    objects[3].object_case = SF__CONF_OBJECT__OBJECT_AGENT;
    objects[3].agent = &agent;
    objects[4].object_case = SF__CONF_OBJECT__OBJECT_DN;
    objects[4].dn = &out;
    m.n_objects = 5;
    m.objects = list;
    m.epoch = m.txid = 1;
    m.loaded = true;
    cr_assert_eq(bus_peer_send(peer, MESSAGE_CONF_SNAPSHOT, &m), 0);
}

/* ---- the deployment ---- */

static void write_bootstrap(void)
{
    FILE *f = fopen(file, "w");

    cr_assert_not_null(f);
    fprintf(f,
            "cluster: pair\ndata-dir: %s/%%h\nrun-dir: %s/run-%%h\nkeys-dir: %s/keys\n"
            "ports: {sip: %d}\n"
            "timeouts: {component-beat-interval: 50ms, peer-silent: 1s}\n"
            "sites:\n  - name: east\n    id: 1\n    site-address: %s.100\n"
            "    address-mode: loopback\n    hosts:\n"
            "      - {name: east.1, address: %s.1}\n      - {name: east.2, address: %s.2}\n",
            folder, folder, folder, SIP_PORT, net, net, net);
    fclose(f);
}

struct bus *kit_bus(unsigned host, enum process process)
{
    struct bus_conf conf = {.self = process, .bootstrap = &houses[host].bootstrap};
    struct bus *bus = NULL;

    cr_assert_eq(bus_new(loop, &conf, &bus), 0);
    return bus;
}

static void launch(unsigned host)
{
    struct house *h = &houses[host];
    char *argv[] = {"sipserver", "--config", file, "--self", kit_text(kit_names[host]), NULL};
    int log;

    h->pid = fork();
    cr_assert_geq(h->pid, 0);
    if (h->pid > 0)
        return;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    log = open(h->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    (void)dup2(log, STDOUT_FILENO);
    (void)dup2(log, STDERR_FILENO);
    if (kit_kill_point != NULL)
        (void)setenv("STANDFAST_KILL", kit_kill_point, 1);
    (void)execv(kit_program != NULL ? kit_program : SIPSERVER, argv);
    _exit(127);
}

void kit_setup(void)
{
    unsigned place = (unsigned)getpid() % 30000;
    struct keys_error error;
    struct conf_errors errors;

    snprintf(net, sizeof(net), "127.%u.%u", 60 + place / 250, 1 + place % 250);
    snprintf(folder, sizeof(folder), "/tmp/test_replica.XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(file, sizeof(file), "%s/standfast.yaml", folder);
    write_bootstrap();
    sf__options__init(&options);
    options.oos_check_ms = 3600000; /* the watch is not what is tested */
    options.oos_force_ms = 3600000;
    options.sip_t1_ms = 5000; /* nor are retransmissions */
    options.replica_patience_ms = 2000;
    memset(houses, 0, sizeof(houses));
    fake_close();
    for (unsigned i = 0; i < HOSTS; i++) {
        conf_errors_init(&errors, file);
        cr_assert_eq(bootstrap_read(file, kit_names[i], &houses[i].bootstrap, &errors), 0);
        cr_assert_eq(keys_generate(houses[i].bootstrap.keys_dir, kit_names[i], false, &error), 0,
                     "%s", error.text);
        snprintf(houses[i].log, sizeof(houses[i].log), "%s/%s.log", folder, kit_names[i]);
    }
    cr_assert_eq(keys_generate_cluster(houses[0].bootstrap.keys_dir, false, &error), 0);
    cr_assert_eq(loop_new(&loop), 0);
    cr_assert_eq(loop_timer_new(loop, LOOP_LEASE, on_renew, NULL, &renew), 0);
    loop_timer_set(renew, MONO_ZERO);
    parties_open();
}

void kit_start(unsigned host)
{
    struct house *h = &houses[host];

    if (h->hamgr == NULL) {
        h->hamgr = kit_bus(host, PROCESS_HAMGR);
        h->confproxy = kit_bus(host, PROCESS_CONFPROXY);
        cr_assert_eq(
            bus_bind(h->hamgr, ENDPOINT_ROLE, LOOP_LEASE, on_component, on_component_gone, h), 0,
            "%s", bus_error(h->hamgr));
        cr_assert_eq(bus_bind(h->confproxy, ENDPOINT_CONFIG, LOOP_SIP, on_watch, NULL, h), 0);
    }
    h->report.ready = false;
    launch(host);
    until(h->report.ready);
}

void kit_kill(unsigned host)
{
    struct house *h = &houses[host];

    if (h->pid <= 0)
        return;
    (void)kill(h->pid, SIGKILL);
    (void)waitpid(h->pid, NULL, 0);
    h->pid = 0;
    h->component = NULL;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void kit_teardown(void)
{
    int status;

    for (unsigned i = 0; i < HOSTS; i++) {
        struct house *h = &houses[i];

        if (h->pid > 0) {
            cr_expect_eq(waitpid(h->pid, &status, WNOHANG), 0, "%s has ended: %s", kit_names[i],
                         h->log);
            (void)kill(h->pid, SIGTERM);
            (void)waitpid(h->pid, &status, 0);
            cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: status %x", kit_names[i],
                      (unsigned)status);
        }
        cr_expect_not(logged(i, "Sanitizer"));
        bus_destroy(&h->hamgr);
        bus_destroy(&h->confproxy);
    }
    fake_close();
    parties_close();
    loop_timer_destroy(&renew);
    loop_destroy(&loop);
    (void)nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

bool logged(unsigned host, const char *wanted)
{
    FILE *f = fopen(houses[host].log, "r");
    char line[2048];
    bool is = false;

    while (f != NULL && !is && fgets(line, sizeof(line), f) != NULL)
        is = strstr(line, wanted) != NULL;
    if (f != NULL)
        fclose(f);
    return is;
}

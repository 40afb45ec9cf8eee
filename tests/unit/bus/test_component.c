/* component_main in a process of its own; hamgr and confproxy are played by the test, over the real
 * sockets.  What the component does comes back in its reports and through a pipe. */
#include "common/component.h"
#include "deployment.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the component, in the child ---- */

static int story; /* the pipe's end */
static unsigned objects, resets;

static int start(struct component *component)
{
    (void)component;
    return dprintf(story, "start\n") > 0 ? 0 : -EIO;
}

static void on_role(struct component *c)
{
    (void)dprintf(story, "%s %" PRIu64 " %s%s\n", c->role.primary ? "primary" : "backup",
                  c->role.epoch, component_may_serve(c) ? "may" : "may-not",
                  c->role.writer ? " writer" : "");
    if (c->role.solo_sequence != 0)
        (void)dprintf(story, "solo %" PRIu64 ".%" PRIu64 "\n", c->role.solo_epoch,
                      c->role.solo_sequence);
    if (c->role.stale)
        (void)dprintf(story, "stale %" PRIu64 ".%" PRIu64 "\n", c->role.stale_epoch,
                      c->role.stale_sequence);
}

static void report(struct component *c, Sf__RoleReport *r)
{
    r->calls = objects;
    r->registrations = resets;
    r->agents = component_may_serve(c);
}

static void on_view(struct component *c, const Sf__ClusterView *view)
{
    (void)dprintf(story, "view %s\n", view->ticket_site);
    if (strcmp(view->ticket_site, "ask") == 0)
        component_ask_solo(c, 3, 101);
    if (strcmp(view->ticket_site, "report") == 0)
        component_report(c);
}

static void on_conf_reset(struct component *c)
{
    (void)c;
    objects = 0;
    resets++;
}

static void on_conf_change(struct component *c, const Sf__ConfChange *change)
{
    (void)c;
    objects += change->deleted ? -1U : 1U;
}

static void on_conf_loaded(struct component *c, uint64_t epoch, uint64_t txid)
{
    (void)c;
    (void)dprintf(story, "loaded %" PRIu64 " %" PRIu64 " %u objects\n", epoch, txid, objects);
}

static void finish(struct component *c)
{
    (void)c;
    (void)dprintf(story, "finish\n");
}

static const struct component_hooks hooks = {.process = PROCESS_SIPSERVER,
                                             .start = start,
                                             .on_role = on_role,
                                             .report = report,
                                             .on_view = on_view,
                                             .finish = finish,
                                             .on_conf_reset = on_conf_reset,
                                             .on_conf_change = on_conf_change,
                                             .on_conf_loaded = on_conf_loaded};

/* ---- the test's side ---- */

static pid_t pid;
static int story_in;
static char told[4096]; /* all lines so far */
static struct bus *hamgr, *confproxy;
static struct bus_peer *component, *watcher;
static uint64_t watch_id;
static unsigned watches, reports, hellos;
static Sf__RoleReport last; /* its strings are gone */
static Sf__SoloRequest solo;
static char config[128];

static void on_report(void *arg, struct bus_peer *peer, const struct bus_sender *from,
                      const struct codec_message *message)
{
    (void)arg;
    (void)from;
    component = peer;
    hellos += message->type == MESSAGE_ROLE_HELLO;
    if (message->type == MESSAGE_ROLE_REPORT) {
        reports++;
        last = *(const Sf__RoleReport *)message->body;
    }
    if (message->type == MESSAGE_SOLO_REQUEST)
        solo = *(const Sf__SoloRequest *)message->body;
}

static void on_watch(void *arg, struct bus_peer *peer, const struct bus_sender *from,
                     const struct codec_message *message)
{
    (void)arg;
    (void)from;
    watcher = peer;
    watches++;
    watch_id = ((const Sf__ConfWatch *)message->body)->request_id;
}

static void on_gone(void *arg, struct bus_peer *peer)
{
    (void)arg;
    component = component == peer ? NULL : component;
}

static void write_config(void)
{
    FILE *file;

    (void)snprintf(config, sizeof config, "%s/standfast.yaml", folder);
    file = fopen(config, "w");
    check(file != NULL);
    fprintf(
        file,
        "cluster: test\nself: east.1\ndata-dir: %s/%%h\nrun-dir: %s/%%h\nkeys-dir: %s/keys\n"
        "timeouts: {component-beat-interval: 50ms, peer-silent: 600ms}\n"
        "sites:\n  - name: east\n    id: 1\n    site-address: 127.0.1.100\n"
        "    address-mode: loopback\n    hosts:\n"
        "      - {name: east.1, address: 127.0.1.1}\n      - {name: east.2, address: 127.0.1.2}\n",
        folder, folder, folder);
    check(fclose(file) == 0);
}

static bool heard(const char *line)
{
    size_t size = strlen(told);
    ssize_t n = read(story_in, told + size, sizeof told - 1 - size);

    if (n > 0)
        told[size + (size_t)n] = '\0';
    return strstr(told, line) != NULL;
}

static void launch(void)
{
    char *argv[] = {"sipserver", "--config", config, "--self", "east.1", NULL};
    int ends[2];

    check(pipe2(ends, O_CLOEXEC) == 0 && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    story_in = ends[0];
    pid = fork();
    if (pid == 0) {
        child_begins();
        story = ends[1];
        _exit(component_main(5, argv, &hooks, NULL));
    }
    (void)close(ends[1]);
}

static void setup(void)
{
    struct bootstrap b;
    struct conf_errors errors;

    deployment_setup();
    write_config();
    conf_errors_init(&errors, config);
    cr_assert_eq(bootstrap_read(config, NULL, &b, &errors), 0);
    b.timeouts.peer_silent = SILENT_MS;
    launch(); /* before this process has threads, of which a child would inherit the locks */
    hamgr = bus_from(&b, PROCESS_HAMGR, 0);
    cr_assert_eq(bus_bind(hamgr, ENDPOINT_ROLE, LOOP_LEASE, on_report, on_gone, NULL), 0, "%s",
                 bus_error(hamgr));
    confproxy = bus_from(&b, PROCESS_CONFPROXY, 0);
    /* Only LOCAL: CONFIG. */
    cr_assert_eq(bus_bind(confproxy, ENDPOINT_CONFIG, LOOP_SIP, on_watch, on_gone, NULL), 0);
    until(component != NULL && watches == 1);
}

static void teardown(void)
{
    if (pid > 0) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
    }
    (void)close(story_in);
    bus_destroy(&hamgr);
    bus_destroy(&confproxy);
    deployment_teardown();
}

TestSuite(component, .init = setup, .fini = teardown);

static void order(enum _Sf__Role role, uint64_t epoch, mono_t deadline)
{
    Sf__RoleOrder o = SF__ROLE_ORDER__INIT;

    o.role = role;
    o.epoch = epoch;
    o.deadline_ns = deadline.ns;
    cr_assert_eq(bus_peer_send(component, MESSAGE_ROLE_ORDER, &o), 0);
}

static mono_t in(int ms)
{
    return mono_add_ms(loop_now_exact(), ms);
}

Test(component, starts_as_backup_and_beats)
{
    mono_t since = loop_now_exact();
    unsigned before = reports;

    cr_assert(heard("start\n"));
    cr_assert_eq(hellos, 1);
    until(reports >= before + 10);
    cr_assert_eq(last.role, SF__ROLE__ROLE_BACKUP);
    cr_assert_eq(last.epoch, 0);
    cr_assert(last.turns > 0);
    cr_assert_geq(mono_diff_ms(loop_now_exact(), since), 400, "10 beats of 50 ms");
}

Test(component, stops_at_its_deadline_without_being_told)
{
    mono_t deadline = in(250);

    order(SF__ROLE__ROLE_PRIMARY, 3, deadline);
    until(heard("primary 3 may\n"));
    until(last.role == SF__ROLE__ROLE_PRIMARY && last.epoch == 3 && last.agents == 1);
    until(heard("backup 3 may-not\n"));
    cr_assert(mono_due(deadline, loop_now_exact()), "not before the deadline");
    cr_assert_lt(mono_diff_ms(loop_now_exact(), deadline), 150);
    until(last.role == SF__ROLE__ROLE_BACKUP);
    order(SF__ROLE__ROLE_PRIMARY, 3, in(-1));   /* comes too late */
    order(SF__ROLE__ROLE_PRIMARY, 2, in(5000)); /* of a lower epoch */
    run_for(100);
    cr_assert_eq(last.role, SF__ROLE__ROLE_BACKUP);
    cr_assert(!heard("primary 2"));
    order(SF__ROLE__ROLE_PRIMARY, 4, in(5000));
    until(heard("primary 4 may\n"));
    order(SF__ROLE__ROLE_BACKUP, 4, MONO_ZERO);
    until(heard("backup 4 may-not\n") && last.role == SF__ROLE__ROLE_BACKUP);
}

Test(component, serves_on_without_hamgr_until_the_deadline)
{
    mono_t deadline = in(500);

    order(SF__ROLE__ROLE_PRIMARY, 3, deadline);
    until(heard("primary 3 may\n"));
    bus_destroy(&hamgr);
    run_for(150);
    cr_assert(!heard("backup"));
    until(heard("backup 3 may-not\n"));
    cr_assert(mono_due(deadline, loop_now_exact()));
    cr_assert_lt(mono_diff_ms(loop_now_exact(), deadline), 150);
}

Test(component, frozen_past_its_deadline_it_may_not_serve_when_thawed)
{
    order(SF__ROLE__ROLE_PRIMARY, 3, in(200));
    until(heard("primary 3 may\n"));
    cr_assert_eq(kill(pid, SIGSTOP), 0);
    run_for(300);
    cr_assert(!heard("backup"));
    reports = 0;
    last.agents = 1;
    cr_assert_eq(kill(pid, SIGCONT), 0);
    until(reports > 0);
    cr_assert_eq(last.role, SF__ROLE__ROLE_BACKUP, "the first report after the thaw");
    cr_assert_eq(last.agents, 0);
    cr_assert(heard("backup 3 may-not\n"));
}

Test(component, a_renewed_order_moves_the_deadline)
{
    mono_t last_deadline = MONO_ZERO;

    for (int i = 0; i < 6; i++) {
        last_deadline = in(400);
        order(SF__ROLE__ROLE_PRIMARY, 3, last_deadline);
        run_for(80);
    }
    cr_assert(heard("primary 3 may\n"));
    cr_assert(!heard("backup"), "%s", told);
    until(heard("backup 3 may-not\n"));
    cr_assert(mono_due(last_deadline, loop_now_exact()));
}

/* The beat of that turn is the answer: no other report, and none of the interval's while they come.
 */
Test(component, a_renewed_order_is_answered_by_one_beat)
{
    enum { RENEWALS = 20, PAUSE_MS = 30, BEAT_MS = 50 };
    unsigned before, late = 0;

    order(SF__ROLE__ROLE_PRIMARY, 3, in(5000));
    until(last.role == SF__ROLE__ROLE_PRIMARY && last.epoch == 3);
    before = reports;
    for (unsigned i = 0; i < RENEWALS; i++) {
        mono_t since = loop_now_exact();

        order(SF__ROLE__ROLE_PRIMARY, 3, in(5000));
        until(reports >= before + i + 1);
        run_for(PAUSE_MS);
        late += (unsigned)mono_diff_ms(loop_now_exact(), since) / BEAT_MS;
    }
    cr_assert_leq(reports - before, RENEWALS + late + 1);
}

Test(component, asks_to_send_alone_and_may_until_its_deadline)
{
    Sf__ClusterView view = SF__CLUSTER_VIEW__INIT;
    Sf__RoleOrder o = SF__ROLE_ORDER__INIT;

    view.ticket_site = "ask";
    cr_assert_eq(bus_peer_send(component, MESSAGE_CLUSTER_VIEW, &view), 0);
    until(solo.sequence == 101 && solo.epoch == 3);
    o.role = SF__ROLE__ROLE_PRIMARY;
    o.epoch = 3;
    o.solo_epoch = 3;
    o.solo_sequence = 101;
    o.solo_request = solo.request;
    o.stale = true;
    o.stale_epoch = 2;
    o.stale_sequence = 77;
    o.deadline_ns = in(-1).ns; /* comes too late: it allows nothing */
    cr_assert_eq(bus_peer_send(component, MESSAGE_ROLE_ORDER, &o), 0);
    until(heard("backup 3 may-not\n"));
    run_for(20);
    cr_assert(!heard("solo") && !heard("stale"), "%s", told);
    o.deadline_ns = in(300).ns;
    cr_assert_eq(bus_peer_send(component, MESSAGE_ROLE_ORDER, &o), 0);
    until(heard("primary 3 may\nsolo 3.101\nstale 2.77\n"));
    told[0] = '\0';
    cr_assert_eq(bus_peer_send(component, MESSAGE_CLUSTER_VIEW, &view), 0);
    until(solo.request == o.solo_request + 1);
    o.deadline_ns = in(300).ns; /* an answer to the first request is none to the second */
    cr_assert_eq(bus_peer_send(component, MESSAGE_ROLE_ORDER, &o), 0);
    until(heard("primary 3 may\n"));
    run_for(20);
    cr_assert(!heard("solo"), "%s", told);
    o.solo_request = solo.request;
    cr_assert_eq(bus_peer_send(component, MESSAGE_ROLE_ORDER, &o), 0);
    until(heard("solo 3.101\n"));
    told[0] = '\0';
    until(heard("backup 3 may-not\n"));
    run_for(20);
    cr_assert(!heard("solo") && !heard("stale"), "%s", told);
}

Test(component, reports_at_once_when_asked_to)
{
    Sf__ClusterView view = SF__CLUSTER_VIEW__INIT;
    mono_t since = loop_now_exact();
    unsigned before = reports;

    view.ticket_site = "report";
    for (int i = 0; i < 10; i++)
        cr_assert_eq(bus_peer_send(component, MESSAGE_CLUSTER_VIEW, &view), 0);
    until(reports >= before + 10);
    cr_assert_lt(mono_diff_ms(loop_now_exact(), since), 400, "beats alone take 450 ms");
}

Test(component, the_view_is_handed_on)
{
    Sf__ClusterView view = SF__CLUSTER_VIEW__INIT;

    view.ticket_site = "east";
    cr_assert_eq(bus_peer_send(component, MESSAGE_CLUSTER_VIEW, &view), 0);
    until(heard("view east\n"));
}

/* snapshot - COUNT DNs, or the deletion of one when COUNT is negative (then as an update). */
static void snapshot(uint64_t txid, int count, bool more)
{
    Sf__ConfSnapshot s = SF__CONF_SNAPSHOT__INIT;
    Sf__ConfObject objects_[2], *list[2];
    Sf__Dn dn = SF__DN__INIT;

    dn.number = "7001";
    for (int i = 0; i < count; i++) {
        sf__conf_object__init(&objects_[i]);
        objects_[i].object_case = SF__CONF_OBJECT__OBJECT_DN;
        objects_[i].dn = &dn;
        list[i] = &objects_[i];
    }
    s.request_id = watch_id;
    s.epoch = 1;
    s.txid = txid;
    s.n_objects = (size_t)count;
    s.objects = list;
    s.more = more;
    s.loaded = true;
    cr_assert_eq(bus_peer_send(watcher, MESSAGE_CONF_SNAPSHOT, &s), 0);
}

static void update(uint64_t txid, bool deleted)
{
    Sf__ConfUpdate u = SF__CONF_UPDATE__INIT;
    Sf__ConfChange change = SF__CONF_CHANGE__INIT, *list = &change;
    Sf__ConfObject object = SF__CONF_OBJECT__INIT;
    Sf__Dn dn = SF__DN__INIT;

    dn.number = "7001";
    object.object_case = SF__CONF_OBJECT__OBJECT_DN;
    object.dn = &dn;
    change.deleted = deleted;
    change.object = &object;
    u.epoch = 1;
    u.txid = txid;
    u.n_changes = 1;
    u.changes = &list;
    cr_assert_eq(bus_peer_send(watcher, MESSAGE_CONF_UPDATE, &u), 0);
}

Test(component, follows_the_configuration_without_a_gap)
{
    snapshot(10, 2, true);
    run_for(50);
    cr_assert(!heard("loaded"), "not before the last part");
    snapshot(10, 1, false);
    until(heard("loaded 1 10 3 objects\n"));
    update(11, false);
    until(heard("loaded 1 11 4 objects\n"));
    update(12, true);
    until(heard("loaded 1 12 3 objects\n"));
    update(14, false); /* 13 is missing */
    until(watches == 2);
    cr_assert(!heard("loaded 1 14"));
    snapshot(14, 2, false);
    until(heard("loaded 1 14 2 objects\n"));
    until(last.registrations == 2 && last.calls == 2);
}

Test(component, stops_in_order_on_sigterm)
{
    int status;

    cr_assert_eq(kill(pid, SIGTERM), 0);
    until(heard("finish\n"));
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    pid = 0;
    cr_assert(WIFEXITED(status));
    cr_assert_eq(WEXITSTATUS(status), 0);
    until(component == NULL);
}

static int exit_status_of(char **argv)
{
    int status, count = 0;

    while (argv[count] != NULL)
        count++;
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY);
        (void)dup2(null, 1);
        (void)dup2(null, 2);
        _exit(component_main(count, argv, &hooks, NULL));
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Test(component, a_wrong_command_line_or_bootstrap_file_is_exit_status_2)
{
    cr_assert_eq(exit_status_of((char *[]){"sipserver", "--help", NULL}), 0);
    cr_assert_eq(exit_status_of((char *[]){"sipserver", "--version", NULL}), 0);
    cr_assert_eq(exit_status_of((char *[]){"sipserver", "--nonsense", NULL}), 2);
    cr_assert_eq(exit_status_of((char *[]){"sipserver", "word", NULL}), 2);
    cr_assert_eq(exit_status_of((char *[]){"sipserver", "--config", "/nonexistent", NULL}), 2);
    cr_assert_eq(
        exit_status_of((char *[]){"sipserver", "--config", config, "--self", "nobody", NULL}), 2);
}

/* ---- the service manager ---- */

static int notify;

static void setup_notify(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = ""};
    char text[32];

    notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)snprintf(text, sizeof text, "@standfast-test-%d", (int)getpid());
    memcpy(name.sun_path + 1, text + 1, strlen(text) - 1);
    check(bind(notify, (const struct sockaddr *)&name,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(text))) == 0);
    (void)setenv("NOTIFY_SOCKET", text, 1);
    (void)setenv("WATCHDOG_USEC", "30000", 1);
    (void)unsetenv("WATCHDOG_PID");
    setup();
}

TestSuite(component_notify, .init = setup_notify, .fini = teardown);

Test(component_notify, is_told_ready_and_pinged)
{
    enum { PINGS = 30 };
    mono_t since = loop_now_exact();
    char text[200];
    int pings = 0;
    bool ready = false;
    ssize_t n;

    while (pings < PINGS && mono_diff_ms(loop_now_exact(), since) < PINGS * 50) {
        run_for(10);
        while ((n = recv(notify, text, sizeof text - 1, 0)) > 0) {
            text[n] = '\0';
            ready = ready || strncmp(text, "READY=1\n", 8) == 0;
            pings += strstr(text, "WATCHDOG=1") != NULL;
            cr_assert(ready, "READY=1 comes first");
        }
    }
    cr_assert_geq(pings, PINGS, "oftener than the beat of 50 ms, for a watchdog of 30 ms");
    (void)close(notify);
}

Test(component_notify, a_manager_that_stands_still_stops_nobody)
{
    run_for(300); /* nobody reads; its queue holds ten */
    order(SF__ROLE__ROLE_PRIMARY, 3, in(200));
    until(heard("primary 3 may\n"));
    until(heard("backup 3 may-not\n"));
    (void)close(notify);
}

#include "deployment.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct loop *loop;
char folder[64];
static unsigned place; /* keeps the addresses of tests that run at once apart */

static const char *const names[HOSTS] = {"east.1", "east.2", "west.1", "west.2", "arbiter"};

struct bootstrap bootstrap_of(uint32_t host)
{
    struct bootstrap b = {.cluster = "test", .self = host, .arbiter = ARBITER};

    (void)snprintf(b.file, sizeof b.file, "standfast.yaml");
    (void)snprintf(b.keys_dir, sizeof b.keys_dir, "%s/keys", folder);
    (void)snprintf(b.run_dir, sizeof b.run_dir, "%s/%s", folder, names[host]);
    (void)snprintf(b.data_dir, sizeof b.data_dir, "%s/%s", folder, names[host]);
    b.ports.lease = 17001;
    b.ports.log = 17002;
    b.ports.stats = 17003;
    b.timeouts.peer_silent = SILENT_MS;
    b.timeouts.component_beat_interval = 50;
    b.site_count = 2;
    for (uint32_t s = 0; s < 2; s++) {
        struct bootstrap_site *site = &b.sites[s];
        (void)snprintf(site->name, sizeof site->name, s == 0 ? "east" : "west");
        site->id = s + 1;
        site->host_count = 2;
        site->hosts[0] = 2 * s;
        site->hosts[1] = 2 * s + 1;
    }
    b.host_count = HOSTS;
    for (uint32_t h = 0; h < HOSTS; h++) {
        (void)snprintf(b.hosts[h].name, sizeof b.hosts[h].name, "%s", names[h]);
        (void)snprintf(b.hosts[h].address, sizeof b.hosts[h].address, "127.%u.%u.%u",
                       17 + place / 250, 1 + place % 250, h + 1);
        b.hosts[h].site = h == ARBITER ? BOOTSTRAP_NONE : h / 2;
    }
    return b;
}

void deployment_setup(void)
{
    struct keys_error error;
    struct bootstrap b;

    (void)snprintf(folder, sizeof folder, "/tmp/test_bus.XXXXXX");
    check(mkdtemp(folder) != NULL);
    place = (unsigned)getpid() % 60000;
    b = bootstrap_of(EAST1);
    for (int h = 0; h < HOSTS; h++)
        check(keys_generate(b.keys_dir, names[h], false, &error) == 0, "%s", error.text);
    check(loop_new(&loop) == 0);
}

void child_begins(void)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    check(loop_new(&loop) == 0);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *place)
{
    (void)st;
    (void)type;
    (void)place;
    return remove(path);
}

void deployment_teardown(void)
{
    loop_destroy(&loop);
    (void)nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

struct bus *bus_from(const struct bootstrap *bootstrap, enum process process, uint32_t messages)
{
    struct bus_conf conf = {.self = process, .bootstrap = bootstrap, .queue_max = messages};
    struct bus *bus = NULL;

    check(bus_new(loop, &conf, &bus) == 0);
    return bus;
}

struct bus *bus_of(uint32_t host, enum process process, uint32_t messages)
{
    struct bootstrap b = bootstrap_of(host);

    return bus_from(&b, process, messages);
}

struct wanted {
    const char *name;
    uint64_t value;
    bool found;
};

static void look(void *arg, const char *name, uint64_t value)
{
    struct wanted *w = arg;

    if (strcmp(w->name, name) == 0) {
        w->value = value;
        w->found = true;
    }
}

uint64_t counter(const struct bus *bus, const char *name)
{
    struct wanted w = {.name = name};

    bus_counters(bus, look, &w);
    check(w.found, "no counter %s", name);
    return w.value;
}

static void stop_running(void *arg, mono_t now)
{
    (void)arg;
    (void)now;
    loop_exit(loop, 0);
}

void run_for(int ms)
{
    struct loop_timer *t;

    check(loop_timer_new(loop, LOOP_STATISTICS, stop_running, NULL, &t) == 0);
    loop_timer_set(t, mono_add_ms(loop_now_exact(), ms));
    check(loop_run(loop) == 0);
    loop_timer_destroy(&t);
}

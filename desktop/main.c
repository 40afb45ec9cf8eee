/* desktop - the agent gateway of a host (a component of hamgr), and with `desktop agent` the
 * headless agent. */
#include "common/component.h"
#include "desktop/adapt/agent.h"
#include "desktop/adapt/directory.h"
#include "desktop/adapt/gateway.h"

#include <string.h>

struct desktop {
    struct directory *directory;
    struct gateway *gateway;
    bool loaded;
};

static int start(struct component *component)
{
    struct desktop *d = component->self;
    int result = directory_new(&d->directory);

    return result < 0 ? result : gateway_new(component, d->directory, &d->gateway);
}

static void on_role(struct component *component)
{
    gateway_set_role(((struct desktop *)component->self)->gateway, component->role.primary);
}

static void report(struct component *component, Sf__RoleReport *out)
{
    static char why_not[] = "the configuration has not been loaded";
    const struct desktop *d = component->self;

    out->ready = d->loaded;
    if (!d->loaded)
        out->why_not = why_not;
    out->agents = gateway_sessions(d->gateway);
    out->drops = bus_drops(component->bus);
}

/* on_conf_reset - until the snapshot is complete nobody can be judged: logins are told to come
 * again. */
static void on_conf_reset(struct component *component)
{
    struct desktop *d = component->self;

    directory_clear(d->directory);
    gateway_set_loaded(d->gateway, false);
}

static void on_conf_change(struct component *component, const Sf__ConfChange *change)
{
    directory_change(((struct desktop *)component->self)->directory, change);
}

static void on_conf_loaded(struct component *component, uint64_t epoch, uint64_t txid)
{
    struct desktop *d = component->self;

    (void)epoch;
    (void)txid;
    d->loaded = true;
    gateway_set_loaded(d->gateway, true);
}

static void finish(struct component *component)
{
    struct desktop *d = component->self;

    gateway_destroy(&d->gateway);
    directory_destroy(&d->directory);
}

int main(int argc, char **argv)
{
    static const struct component_hooks hooks = {.process = PROCESS_DESKTOP,
                                                 .start = start,
                                                 .on_role = on_role,
                                                 .report = report,
                                                 .finish = finish,
                                                 .on_conf_reset = on_conf_reset,
                                                 .on_conf_change = on_conf_change,
                                                 .on_conf_loaded = on_conf_loaded};
    struct desktop desktop = {0};

    if (argc > 1 && strcmp(argv[1], "agent") == 0)
        return agent_main(argc - 1, argv + 1);
    return component_main(argc, argv, &hooks, &desktop);
}

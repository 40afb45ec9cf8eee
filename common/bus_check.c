/* Who may say what on the bus. */
#include "common/bus_inner.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
#define P(name) (1u << PROCESS_##name)
#define LOCAL BUS_LOCAL
#define WIDE BUS_WIDE
#define BOTH BUS_BOTH
static const struct edge {
    enum bus_reach reach;
    uint32_t bound_by;
    uint32_t connected_by;
} edges[] = {
#define ENDPOINT(name, lower, reach, bound_by, connected_by, meaning) \
    [ENDPOINT_##name] = {reach, bound_by, connected_by},
#include "proto/endpoints.tbl.h"
};
#undef P
#undef LOCAL
#undef WIDE
#undef BOTH

static const char *const refused_texts[] = {
#define BUS_REFUSED(name, counter, text) [BUS_REFUSED_##name] = text,
#include "common/bus_refused.tbl.h"
};

static const char *const refused_counters[] = {
#define BUS_REFUSED(name, counter, text) [BUS_REFUSED_##name] = counter,
#include "common/bus_refused.tbl.h"
};
/* clang-format on */

bool bus_may_bind(enum endpoint endpoint, uint32_t process)
{
    return process < 32 && (edges[endpoint].bound_by >> process & 1) != 0;
}

bool bus_may_connect(enum endpoint endpoint, uint32_t process)
{
    return process < 32 && (edges[endpoint].connected_by >> process & 1) != 0;
}

enum bus_reach bus_reach_of(enum endpoint endpoint)
{
    return edges[endpoint].reach;
}

static uint32_t site_id_of(const struct bootstrap *b, uint32_t host)
{
    const struct bootstrap_site *site = bootstrap_site_of(b, host);

    return site != NULL ? site->id : 0;
}

int bus_check_sender(const struct bus *bus, const Sf__Envelope *e, uint32_t owner)
{
    if (strcmp(e->cluster, bus->bootstrap.cluster) != 0)
        return BUS_REFUSED_CLUSTER;
    if (owner >= bus->bootstrap.host_count ||
        strcmp(e->host, bus->bootstrap.hosts[owner].name) != 0 ||
        e->site != site_id_of(&bus->bootstrap, owner))
        return BUS_REFUSED_HOST;
    return BUS_ACCEPTED;
}

static struct bus_epoch *epoch_of(struct bus *bus, const Sf__Envelope *e)
{
    uint32_t host = bootstrap_host(&bus->bootstrap, e->host);

    for (uint32_t i = 0; i < bus->epoch_count; i++)
        if (bus->epochs[i].host == host && bus->epochs[i].process == e->process)
            return &bus->epochs[i];
    if (bus->epoch_count == BUS_EPOCHS_MAX)
        return NULL; /* cannot be: there are fewer pairs of host and process */
    bus->epochs[bus->epoch_count] = (struct bus_epoch){.host = host, .process = e->process};
    return &bus->epochs[bus->epoch_count++];
}

int bus_check_epoch(struct bus *bus, const Sf__Envelope *e)
{
    struct bus_epoch *known = epoch_of(bus, e);

    if (known == NULL)
        return BUS_REFUSED_EPOCH;
    if (e->epoch >= known->epoch) {
        known->epoch = e->epoch;
        known->boot_id = e->boot_id;
        return BUS_ACCEPTED;
    }
    /* A process that has just started has had no role order yet, and claims nothing. */
    if (e->epoch == 0 && e->role != SF__ROLE__ROLE_PRIMARY && e->boot_id != known->boot_id)
        return BUS_ACCEPTED;
    return BUS_REFUSED_EPOCH;
}

void bus_retire(struct bus *bus, uint64_t boot_id)
{
    bus->retired[bus->retired_next++ % BUS_RETIRED_MAX] = boot_id;
}

bool bus_retired(const struct bus *bus, uint64_t boot_id)
{
    for (size_t i = 0; i < BUS_RETIRED_MAX; i++)
        if (bus->retired[i] == boot_id)
            return true;
    return false;
}

void bus_refuse(struct bus *bus, enum bus_refused reason, enum endpoint endpoint, const char *from,
                const char *detail)
{
    bus->refused[reason]++;
    log_limited(&bus->limits[reason], LEVEL_WARNING, MSG_BUS_REFUSED,
                LOG_FIELDS(.object = endpoint_name(endpoint), .event = refused_counters[reason]),
                "refused%s%s: %s%s%s", from[0] != '\0' ? " from " : "", from, refused_texts[reason],
                detail[0] != '\0' ? ": " : "", detail);
}

void bus_sender_from(struct bus_sender *sender, const Sf__Envelope *e)
{
    (void)snprintf(sender->host, sizeof sender->host, "%s", e->host);
    sender->site = e->site;
    sender->process = (enum process)e->process;
    sender->boot_id = e->boot_id;
    sender->epoch = e->epoch;
    sender->primary = e->role == SF__ROLE__ROLE_PRIMARY;
}

uint64_t bus_drops(const struct bus *bus)
{
    uint64_t drops = bus->full + bus->not_connected;

    for (size_t i = 0; i < BUS_REFUSED_COUNT; i++)
        drops += bus->refused[i];
    return drops;
}

void bus_counters(const struct bus *bus, void (*fn)(void *arg, const char *name, uint64_t value),
                  void *arg)
{
    fn(arg, "messages-in", bus->in);
    fn(arg, "messages-out", bus->out);
    fn(arg, "queue-full", bus->full);
    fn(arg, "not-connected", bus->not_connected);
    fn(arg, "sequence-gaps", bus->gaps);
    for (size_t i = 0; i < BUS_REFUSED_COUNT; i++)
        fn(arg, refused_counters[i], bus->refused[i]);
}

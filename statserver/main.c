/* statserver - the Stat Server of a host: wires the counting core to the bus, to hamgr and to HTTP.
 */
#include "common/component.h"
#include "common/log.h"
#include "statserver/adapt/feed.h"
#include "statserver/adapt/page.h"
#include "statserver/adapt/publish.h"
#include "statserver/limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct statserver {
    struct stat_core core;
    void *memory;
    struct view view;
    struct feed *feed;
    struct publish *publish;
    struct page *page;
};

static void add_source(struct stat_conf *conf, const struct bootstrap *b, uint32_t host)
{
    struct stat_source_conf *source = &conf->sources[conf->source_count++];

    snprintf(source->host, sizeof(source->host), "%s", b->hosts[host].name);
    snprintf(source->site, sizeof(source->site), "%s", bootstrap_site_of(b, host)->name);
}

static int make_conf(struct stat_conf *conf, const struct bootstrap *b)
{
    *conf = (struct stat_conf){.agents_max = STATSERVER_AGENTS_MAX,
                               .queues_max = STATSERVER_QUEUES_MAX,
                               .calls_max = STATSERVER_CALLS_MAX,
                               .silent_ms = b->timeouts.peer_silent};
    snprintf(conf->site, sizeof(conf->site), "%s", bootstrap_self_site(b)->name);
    add_source(conf, b, b->self);
    for (uint32_t i = 0; i < b->host_count; i++)
        if (i != b->self && !bootstrap_is_arbiter(b, i))
            add_source(conf, b, i);
    if (getrandom(conf->secret, sizeof(conf->secret), 0) != (ssize_t)sizeof(conf->secret))
        return -EIO;
    return 0;
}

static int start(struct component *component)
{
    struct statserver *s = component->self;
    struct stat_conf conf;
    int result = make_conf(&conf, &component->bootstrap);

    if (result < 0)
        return result;
    s->memory = calloc(1, stat_bytes(&conf));
    if (s->memory == NULL)
        return -ENOMEM;
    stat_init(&s->core, &conf, s->memory);
    result = publish_new(component, &s->core, &s->publish);
    if (result == 0)
        result = page_new(component, &s->core, &s->view, &s->page);
    if (result == 0)
        result = feed_new(component, &s->core, &s->feed);
    return result;
}

static void on_role(struct component *component)
{
    struct statserver *s = component->self;
    bool primary = component->role.primary;

    if (s->core.primary == primary)
        return; /* a renewal */
    page_set_role(s->page, primary);
    feed_set_role(s->feed, primary);
    publish_now(s->publish);
}

static void on_view(struct component *component, const Sf__ClusterView *view)
{
    struct statserver *s = component->self;

    view_set(&s->view, view, loop_now(component->loop));
    page_view_changed(s->page);
}

static void report(struct component *component, Sf__RoleReport *out)
{
    const struct statserver *s = component->self;

    out->ready = true; /* it shows what it can from the first moment; what it cannot is marked */
    out->drops = s->core.refused + bus_drops(component->bus);
}

static void finish(struct component *component)
{
    struct statserver *s = component->self;

    feed_destroy(&s->feed);
    page_destroy(&s->page);
    publish_destroy(&s->publish);
    free(s->memory);
}

int main(int argc, char **argv)
{
    static const struct component_hooks hooks = {.process = PROCESS_STATSERVER,
                                                 .start = start,
                                                 .on_role = on_role,
                                                 .report = report,
                                                 .on_view = on_view,
                                                 .finish = finish};
    static struct statserver statserver; /* large */

    return component_main(argc, argv, &hooks, &statserver);
}

#include "statserver/adapt/view.h"

#include <stdio.h>
#include <string.h>

static void copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
}

static void set_host(struct view_host *to, const Sf__HostView *from)
{
    *to = (struct view_host){.alive = from->alive,
                             .primary = from->role == SF__ROLE__ROLE_PRIMARY,
                             .writer = from->writer,
                             .arbiter = from->arbiter,
                             .age_ms = from->age_ms,
                             .epoch = from->epoch,
                             .conf_epoch = from->conf_epoch,
                             .conf_txid = from->conf_txid};
    copy(to->host, sizeof(to->host), from->host);
    copy(to->site, sizeof(to->site), from->site);
    copy(to->components, sizeof(to->components), from->components);
}

void view_set(struct view *view, const Sf__ClusterView *in, mono_t now)
{
    memset(view, 0, sizeof(*view));
    view->at = now;
    copy(view->ticket_site, sizeof(view->ticket_site), in->ticket_site);
    view->ticket_epoch = in->ticket_epoch;
    for (size_t i = 0; i < in->n_hosts && view->host_count < VIEW_HOSTS_MAX; i++)
        set_host(&view->hosts[view->host_count++], in->hosts[i]);
    for (size_t i = 0; i < in->n_sites && view->site_count < VIEW_SITES_MAX; i++) {
        struct view_site *site = &view->sites[view->site_count++];

        copy(site->site, sizeof(site->site), in->sites[i]->site);
        copy(site->judgement, sizeof(site->judgement), in->sites[i]->judgement);
        copy(site->evidence, sizeof(site->evidence), in->sites[i]->evidence);
    }
}

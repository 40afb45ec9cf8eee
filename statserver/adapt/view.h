/* view - what hamgr last told of the whole deployment: hosts, sites, who writes the configuration.
 * A plain copy of its ClusterView; the page and the metrics read it. */
#ifndef STATSERVER_ADAPT_VIEW_H
#define STATSERVER_ADAPT_VIEW_H

#include "common/mono.h"
#include "proto/codec.h"

#include <stdbool.h>
#include <stdint.h>

#define VIEW_HOSTS_MAX 16
#define VIEW_SITES_MAX 8
#define VIEW_NAME_SIZE 64
#define VIEW_TEXT_SIZE 512

struct view_host {
    char host[VIEW_NAME_SIZE];
    char site[VIEW_NAME_SIZE];
    bool alive;
    bool primary;
    bool writer;
    bool arbiter;
    uint64_t age_ms;
    uint64_t epoch;
    uint64_t conf_epoch;
    uint64_t conf_txid;
    char components[VIEW_TEXT_SIZE];
};

struct view_site {
    char site[VIEW_NAME_SIZE];
    char judgement[VIEW_NAME_SIZE];
    char evidence[VIEW_TEXT_SIZE];
};

struct view {
    struct view_host hosts[VIEW_HOSTS_MAX];
    uint32_t host_count;
    struct view_site sites[VIEW_SITES_MAX];
    uint32_t site_count;
    char ticket_site[VIEW_NAME_SIZE];
    uint64_t ticket_epoch;
    mono_t at; /* when it came; MONO_ZERO: never */
};

/* view_set - replace all by what IN says; what does not fit is left out (a deployment has at most 9
 * hosts). */
void view_set(struct view *view, const Sf__ClusterView *in, mono_t now);

#endif

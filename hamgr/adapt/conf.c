/* conf - from the bootstrap file to the configuration of the core. */
#include "hamgr/adapt/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void deployment(const struct bootstrap *b, struct ham_conf *c)
{
    c->hosts = (uint8_t)b->host_count;
    c->self = (uint8_t)b->self;
    c->arbiter = b->arbiter == BOOTSTRAP_NONE ? HAM_NONE : (uint8_t)b->arbiter;
    for (unsigned i = 0; i < HAM_HOSTS_MAX; i++)
        c->site_of[i] = HAM_NONE;
    for (unsigned i = 0; i < HAM_SITES_MAX; i++)
        c->witness[i] = c->preferred[i] = HAM_NONE;
    for (uint32_t i = 0; i < b->host_count; i++)
        if (b->hosts[i].site != BOOTSTRAP_NONE)
            c->site_of[i] = (uint8_t)b->hosts[i].site;
    for (uint32_t i = 0; i < b->site_count; i++) {
        uint32_t witness = bootstrap_witness_of(b, i);

        c->witness[i] = witness == BOOTSTRAP_NONE ? HAM_NONE : (uint8_t)witness;
        c->preferred[i] = (uint8_t)b->sites[i].hosts[0];
        c->resort_host[i] = (uint8_t)b->sites[i].last_resort_host;
    }
    c->ticket_site = 0;
    c->auto_promote =
        c->arbiter != HAM_NONE; /* without an arbiter nobody can tell a dead site from a cut link */
    c->components = c->self == c->arbiter ? 0 : COMPONENTS;
    c->sync_mask =
        1 << 0 |
        1 << 1; /* sipserver and confproxy must be ready before a host may take over by plan */
    c->serve_mask = 1 << 0; /* sipserver: no call is handled without it */
    const struct bootstrap_site *own = bootstrap_self_site(b);
    c->last_resort =
        own != NULL && own->last_resort == BOOTSTRAP_PROBE ? LAST_RESORT_PROBE : LAST_RESORT_STOP;
}

/* path_of - where the bootstrap file says OPTION. */
static void path_of(const char *option, char path[CONF_PATH_MAX])
{
    snprintf(path, CONF_PATH_MAX, "timeouts.%s", option);
}

/* explain - FAULT with file, line and field: the field that is to be changed, or the other one when
 * the file has only that.  The file is read again for its lines. */
static void explain(const struct bootstrap *b, const struct ham_conf_fault *fault, char *text,
                    size_t size)
{
    struct conf_errors errors;
    struct conf_tree *tree = NULL;
    char path[CONF_PATH_MAX] = "", other[CONF_PATH_MAX];

    if (fault->options[0] != NULL)
        path_of(fault->options[0], path);
    (void)conf_tree_read(b->file, &tree, &errors);
    if (fault->options[1] != NULL && tree != NULL && !conf_given(tree, path)) {
        path_of(fault->options[1], other);
        if (conf_given(tree, other))
            memcpy(path, other, sizeof(path));
    }
    conf_errors_init(&errors, b->file);
    conf_error_add(&errors, tree, path, "%s", fault->text);
    conf_errors_line(&errors, 0, text, size);
    conf_tree_destroy(&tree);
}

int daemon_conf(const struct bootstrap *b, struct ham_conf *ret_conf, char *text, size_t size)
{
    const struct bootstrap_timeouts *t = &b->timeouts;
    struct ham_conf_fault fault;
    struct ham_conf c = {0};

    ham_conf_defaults(&c);
    deployment(b, &c);
    c.lease_ttl_ms = t->lease_ttl;
    c.renew_ms = t->renew_interval;
    c.drift_ppm = t->drift_ppm;
    c.margin_ms = t->drift_margin;
    c.beat_ms = t->beat_interval;
    c.silent_after_ms = t->silent_after;
    c.dead_after_ms = t->site_dead_after;
    c.comp_beat_ms = t->component_beat_limit;
    c.start_ms = t->component_start_limit;
    c.patience_ms = t->restart_patience;
    c.restart_ms = t->restart_delay;
    c.restart_most_ms = t->restart_delay_most;
    c.start_limit = t->start_limit;
    c.start_limit_ms = t->start_limit_interval;
    c.ticket_ttl_ms = t->ticket_ttl;
    c.ticket_renew_ms = t->ticket_renew;
    c.leave_ms = t->leave_patience;
    c.probe_ms = t->probe_time;
    c.promote_ms = t->promote_window;
    c.ask_ms = t->ask_timeout;
    c.backoff_ms = t->candidate_backoff;
    c.tilt_after_ms = t->tilt_after;
    c.tilt_hold_ms = t->tilt_hold;
    c.address_retry_ms = t->address_retry;
    c.disk_patience_ms = t->disk_patience;
    c.antiflap_ms = t->anti_flap_window;
    c.antiflap_moves = t->anti_flap_moves;
    if (!ham_conf_check(&c, &fault)) {
        explain(b, &fault, text, size);
        return -EINVAL;
    }
    *ret_conf = c;
    return 0;
}

/* The bootstrap file read: from what is written to struct bootstrap. */
#include "common/bootstrap_inner.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

/* ---- from the file to struct bootstrap ---- */

static void copy_name(char *to, const char *from)
{
    memmove(to, from, strlen(from) + 1);
}

static void add_host(struct bootstrap *b, const struct raw_host *host, uint32_t site)
{
    struct bootstrap_host *to = &b->hosts[b->host_count++];

    assert(b->host_count <= BOOTSTRAP_HOSTS_MAX);
    copy_name(to->name, host->name);
    copy_name(to->address, host->address);
    to->site = site;
}

static void copy_sites(const struct raw *raw, struct bootstrap *b)
{
    for (uint32_t s = 0; s < raw->site_count; s++) {
        const struct raw_site *from = &raw->sites[s];
        struct bootstrap_site *to = &b->sites[b->site_count++];
        copy_name(to->name, from->name);
        to->id = from->id;
        copy_name(to->site_address, from->site_address);
        to->address_mode = from->address_mode;
        copy_name(to->interface, from->interface);
        to->prefix_length = from->prefix_length != 0                ? from->prefix_length
                            : bootstrap_is_ipv6(from->site_address) ? 128
                                                                    : 32;
        to->fence = from->fence;
        to->last_resort = from->last_resort;
        to->reference_count = from->reference_count;
        memcpy(to->references, from->references, sizeof(to->references));
        for (uint32_t h = 0; h < from->host_count; h++) {
            to->hosts[to->host_count++] = b->host_count;
            add_host(b, &from->hosts[h], s);
        }
    }
    b->arbiter = BOOTSTRAP_NONE;
    if (bootstrap_has_arbiter(raw)) {
        b->arbiter = b->host_count;
        add_host(b, &raw->arbiter, BOOTSTRAP_NONE);
    }
}

/* host_names - "east.1, east.2 ..." for a message. */
static void host_names(const struct bootstrap *b, char *text, size_t size)
{
    size_t n = 0;

    text[0] = '\0';
    for (uint32_t h = 0; h < b->host_count && n < size; h++)
        n += (size_t)snprintf(text + n, size - n, "%s%s", h > 0 ? ", " : "", b->hosts[h].name);
}

static void settle_witness(const struct reading *r, unsigned s)
{
    struct bootstrap_site *site = &r->out->sites[s];
    bool own = r->raw->sites[s].witness[0] != '\0';
    const char *name = own ? r->raw->sites[s].witness : r->raw->witness;
    char path[CONF_PATH_MAX] = "witness", names[200];
    uint32_t host;

    if (own)
        bootstrap_site_path(path, s, "witness");
    if (name[0] == '\0') {
        if (r->out->arbiter != BOOTSTRAP_NONE)
            copy_name(site->witness, r->out->hosts[r->out->arbiter].name);
        return;
    }
    host = bootstrap_host(r->out, name);
    host_names(r->out, names, sizeof names);
    if (host == BOOTSTRAP_NONE)
        conf_error_add(r->errors, r->tree, path, "'%s' is no host of this file; write one of %s",
                       name, names);
    else if (r->out->hosts[host].site == s)
        conf_error_add(r->errors, r->tree, path,
                       "'%s' is a host of site %s itself and cannot be its third voice; name the "
                       "arbiter or a host of the other site",
                       name, site->name);
    else
        copy_name(site->witness, name);
}

static void settle_last_resort_host(const struct reading *r, unsigned s)
{
    struct bootstrap_site *site = &r->out->sites[s];
    const char *name = r->raw->sites[s].last_resort_host;
    char path[CONF_PATH_MAX];

    site->last_resort_host = site->hosts[0];
    if (name[0] == '\0')
        return;
    site->last_resort_host = bootstrap_host(r->out, name);
    if (site->last_resort_host == BOOTSTRAP_NONE || r->out->hosts[site->last_resort_host].site != s)
        conf_error_add(r->errors, r->tree, bootstrap_site_path(path, s, "last-resort-host"),
                       "'%s' is no host of site %s; write one of its hosts", name, site->name);
}

static void settle_self(const struct reading *r, const char *given)
{
    const char *environment = getenv("STANDFAST_SELF");
    const char *from = "--self", *name = given;
    char names[200];

    if (name == NULL && environment != NULL && environment[0] != '\0') {
        name = environment;
        from = "$STANDFAST_SELF";
    }
    if (name == NULL && r->raw->self[0] != '\0') {
        name = r->raw->self;
        from = "it";
    }
    host_names(r->out, names, sizeof names);
    r->out->self = name != NULL ? bootstrap_host(r->out, name) : BOOTSTRAP_NONE;
    if (name == NULL)
        conf_error_add(r->errors, r->tree, "self",
                       "is missing; add it, give --self NAME or set $STANDFAST_SELF: one of %s",
                       names);
    else if (r->out->self == BOOTSTRAP_NONE)
        conf_error_add(r->errors, r->tree, "self",
                       "%s says '%s', which is no host of this file; use one of %s", from, name,
                       names);
}

/* settle_folder - WRITTEN with %h replaced, absolute, at most MOST bytes. */
static void settle_folder(const struct reading *r, const char *field, const char *written,
                          size_t most, char to[BOOTSTRAP_PATH_SIZE])
{
    const char *host = r->out->hosts[r->out->self].name;
    char path[2 * BOOTSTRAP_PATH_SIZE + BOOTSTRAP_NAME_SIZE] = "";
    size_t n = 0;

    if (written[0] != '/') {
        conf_error_add(r->errors, r->tree, field, "'%s' is not an absolute path; begin it with '/'",
                       written);
        return;
    }
    for (const char *p = written; *p != '\0' && n < BOOTSTRAP_PATH_SIZE; p++) {
        if (p[0] == '%' && p[1] == 'h') {
            n += (size_t)snprintf(path + n, sizeof path - n, "%s", host);
            p++;
        } else if (p[0] == '%') {
            conf_error_add(r->errors, r->tree, field,
                           "'%s' has a %% in it that is not %%h; write %%h for the host's name",
                           written);
            return;
        } else {
            path[n++] = *p;
        }
    }
    path[n] = '\0';
    if (n > most)
        conf_error_add(r->errors, r->tree, field, "'%s' has %zu bytes, %zu is the most; shorten it",
                       path, n, most);
    else
        copy_name(to, path);
}

static void settle_folders(const struct reading *r)
{
    char keys[BOOTSTRAP_PATH_SIZE + 8];

    if (r->out->self == BOOTSTRAP_NONE)
        return; /* already an error, and %h means nothing */
    settle_folder(r, "data-dir", r->raw->data_dir, BOOTSTRAP_PATH_SIZE - 32, r->out->data_dir);
    settle_folder(r, "run-dir", r->raw->run_dir, BOOTSTRAP_RUN_DIR_MAX, r->out->run_dir);
    copy_name(keys, r->out->data_dir);
    strcat(keys, "/keys");
    settle_folder(r, "keys-dir", r->raw->keys_dir[0] != '\0' ? r->raw->keys_dir : keys,
                  BOOTSTRAP_PATH_SIZE - 1, r->out->keys_dir);
}

static void settle_sip_tls(const struct reading *r)
{
    const struct bootstrap_sip_tls *from = &r->raw->sip_tls;
    struct bootstrap_sip_tls *to = &r->out->sip_tls;

    to->check_interval = from->check_interval;
    to->check_names = from->check_names;
    if (from->certificate[0] == '\0' || r->out->self == BOOTSTRAP_NONE)
        return;
    settle_folder(r, "sip-tls.certificate", from->certificate, BOOTSTRAP_PATH_SIZE - 1,
                  to->certificate);
    settle_folder(r, "sip-tls.key", from->key, BOOTSTRAP_PATH_SIZE - 1, to->key);
    if (from->ca[0] != '\0')
        settle_folder(r, "sip-tls.ca", from->ca, BOOTSTRAP_PATH_SIZE - 1, to->ca);
}

/* settle_profile - what the file does not say, as its profile has it. */
static void settle_profile(const struct conf_tree *tree, struct raw *raw)
{
    static const struct {
        const char *path;
        size_t offset;
        uint32_t ms;
    } fast[] = {
#define TIMEOUT(option, member, core, ms)                                                          \
    {"timeouts." option, offsetof(struct bootstrap_timeouts, member), ms},
#define TIMEOUT_ELSEWHERE(option, member, ms)                                                      \
    {"timeouts." option, offsetof(struct bootstrap_timeouts, member), ms},
#include "common/profile.tbl.h"
    };

    for (size_t i = 0; raw->profile == BOOTSTRAP_PROFILE_FAST && i < sizeof fast / sizeof fast[0];
         i++) {
        if (!conf_given(tree, fast[i].path))
            memcpy((char *)&raw->timeouts + fast[i].offset, &fast[i].ms, sizeof fast[i].ms);
    }
}

int bootstrap_read(const char *path, const char *self, struct bootstrap *ret_bootstrap,
                   struct conf_errors *errors)
{
    struct raw raw;
    struct bootstrap b = {.host_count = 0};
    struct conf_tree *tree = NULL;
    struct reading r = {&raw, NULL, errors, &b};
    int result = conf_read(path, bootstrap_schema(), &raw, sizeof raw, &tree, errors);

    if (result < 0)
        return result;
    r.tree = tree;
    settle_profile(tree, &raw);
    b.profile = raw.profile;
    b.realtime_priority = raw.realtime_priority;
    snprintf(b.file, sizeof b.file, "%s", path);
    copy_name(b.cluster, raw.cluster);
    b.ports = raw.ports;
    b.timeouts = raw.timeouts;
    copy_sites(&raw, &b);

    bootstrap_check_site_names(&r);
    bootstrap_check_host_names(&r);
    bootstrap_check_addresses(&r);
    bootstrap_check_timeouts(&r);
    bootstrap_check_ports(&r);
    for (unsigned s = 0; s < raw.site_count; s++) {
        bootstrap_check_site_address(&r, s);
        bootstrap_check_references(&r, s);
        settle_witness(&r, s);
        settle_last_resort_host(&r, s);
    }
    settle_self(&r, self);
    settle_folders(&r);
    settle_sip_tls(&r);

    conf_tree_destroy(&tree);
    if (errors->total > 0)
        return -EINVAL;
    *ret_bootstrap = b;
    return 0;
}

/* ---- looking things up ---- */

uint32_t bootstrap_host(const struct bootstrap *b, const char *name)
{
    for (uint32_t h = 0; h < b->host_count; h++) {
        if (strcmp(b->hosts[h].name, name) == 0)
            return h;
    }
    return BOOTSTRAP_NONE;
}

const struct bootstrap_host *bootstrap_self(const struct bootstrap *b)
{
    assert(b->self < b->host_count);
    return &b->hosts[b->self];
}

const struct bootstrap_site *bootstrap_site_of(const struct bootstrap *b, uint32_t host)
{
    assert(host < b->host_count);
    return b->hosts[host].site == BOOTSTRAP_NONE ? NULL : &b->sites[b->hosts[host].site];
}

const struct bootstrap_site *bootstrap_self_site(const struct bootstrap *b)
{
    return bootstrap_site_of(b, b->self);
}

uint32_t bootstrap_pair_of(const struct bootstrap *b, uint32_t host)
{
    const struct bootstrap_site *site = bootstrap_site_of(b, host);

    for (uint32_t i = 0; site != NULL && i < site->host_count; i++) {
        if (site->hosts[i] != host)
            return site->hosts[i];
    }
    return BOOTSTRAP_NONE;
}

uint32_t bootstrap_site_by_id(const struct bootstrap *b, uint32_t id)
{
    for (uint32_t s = 0; s < b->site_count; s++) {
        if (b->sites[s].id == id)
            return s;
    }
    return BOOTSTRAP_NONE;
}

const struct bootstrap_site *bootstrap_other_site(const struct bootstrap *b, uint32_t site)
{
    for (uint32_t s = 0; s < b->site_count; s++) {
        if (s != site)
            return &b->sites[s];
    }
    return NULL;
}

bool bootstrap_is_arbiter(const struct bootstrap *b, uint32_t host)
{
    return b->arbiter != BOOTSTRAP_NONE && host == b->arbiter;
}

uint32_t bootstrap_witness_of(const struct bootstrap *b, uint32_t site)
{
    assert(site < b->site_count);
    return bootstrap_host(b, b->sites[site].witness);
}

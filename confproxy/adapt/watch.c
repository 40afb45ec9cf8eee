/* The CONFIG conversation: every process of this host reads and watches the copy here (C-1). */
#include "confproxy/adapt/proxy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A process that is connected; WATCHES once it has asked for it. */
struct watcher {
    struct list_link link;
    struct bus_peer *peer;
    bool watches;
    bool stale;  /* needs a snapshot: its queue was full, or the copy was replaced */
    bool loaded; /* as its snapshot said */
    uint64_t request_id;
    uint64_t sent_txid;
};

struct watch {
    struct list watchers;
};

/* The copy is part of a history, be it that nothing has been imported in it: then the configuration
 * is empty, and who reads it goes on with that.  A copy without one may lack everything. */
static bool is_loaded(const struct proxy *proxy)
{
    const struct objects_state *state = objects_state(proxy->objects);

    return state->loaded || state->held.txid > 0;
}

static struct watcher *watcher_of(struct proxy *proxy, struct bus_peer *peer)
{
    struct watcher *w = bus_peer_data(peer);

    if (w != NULL)
        return w;
    w = calloc(1, sizeof *w);
    if (w == NULL)
        abort();
    w->peer = peer;
    list_append(&proxy->watch->watchers, &w->link);
    bus_peer_set_data(peer, w);
    return w;
}

struct sender {
    const struct proxy *proxy;
    struct bus_peer *peer;
    uint64_t request_id;
    int result;
};

static void send_part(void *arg, const struct parts *part, bool more)
{
    struct sender *s = arg;
    const struct objects_state *state = objects_state(s->proxy->objects);
    Sf__ConfSnapshot m = SF__CONF_SNAPSHOT__INIT;

    m.request_id = s->request_id;
    m.epoch = state->held.epoch;
    m.txid = state->held.txid;
    m.n_objects = part->count;
    m.objects = part->objects;
    m.more = more;
    m.loaded = is_loaded(s->proxy);
    if (s->result == 0)
        s->result = bus_peer_send(s->peer, MESSAGE_CONF_SNAPSHOT, &m);
}

static int send_objects(struct proxy *proxy, struct bus_peer *peer, uint64_t request_id,
                        const char *type, const char *id)
{
    struct sender s = {proxy, peer, request_id, 0};
    struct parts parts = {.send = send_part, .arg = &s};
    int r = parts_send(proxy->objects, type, id, &parts);

    if (r != 0)
        log_event(LEVEL_ERR, MSG_STORE, NULL, "the copy cannot be read: %s", strerror(-r));
    return r != 0 ? r : s.result;
}

static void snapshot(struct proxy *proxy, struct watcher *w)
{
    w->stale = send_objects(proxy, w->peer, w->request_id, "", "") != 0;
    w->sent_txid = objects_state(proxy->objects)->held.txid;
    w->loaded = is_loaded(proxy);
}

struct pump {
    struct proxy *proxy;
    struct watcher *watcher;
};

static int send_update(void *arg, const Sf__LogEntry *entry)
{
    struct pump *p = arg;
    Sf__ConfUpdate m = SF__CONF_UPDATE__INIT;

    if (entry->txid > proxy_released(p->proxy))
        return 1;
    m.epoch = entry->epoch;
    m.txid = entry->txid;
    m.n_changes = entry->n_changes;
    m.changes = entry->changes;
    if (bus_peer_send(p->watcher->peer, MESSAGE_CONF_UPDATE, &m) != 0) {
        p->watcher->stale = true;
        return 1;
    }
    p->watcher->sent_txid = entry->txid;
    return 0;
}

void watch_pump(struct proxy *proxy)
{
    const struct objects_state *state = objects_state(proxy->objects);

    LIST_EACH(link, &proxy->watch->watchers)
    {
        struct watcher *w = CONTAINER_OF(link, struct watcher, link);
        if (!w->watches)
            continue;
        bool behind = w->sent_txid < proxy_released(proxy);
        bool cut = state->log_first == 0 || w->sent_txid + 1 < state->log_first;
        if (w->stale || (behind && (cut || w->loaded != is_loaded(proxy))))
            snapshot(proxy, w);
        else if (behind)
            (void)objects_log_each(proxy->objects, w->sent_txid + 1, send_update,
                                   &(struct pump){proxy, w});
    }
}

void watch_restart(struct proxy *proxy)
{
    LIST_EACH(link, &proxy->watch->watchers)
    {
        CONTAINER_OF(link, struct watcher, link)->stale = true;
    }
    watch_pump(proxy);
}

static void status(struct proxy *proxy, struct bus_peer *peer, uint64_t request_id)
{
    const struct objects_state *state = objects_state(proxy->objects);
    const struct roles *roles = &proxy->roles;
    uint32_t writer = roles_writer(roles);
    Sf__ConfStatus m = SF__CONF_STATUS__INIT;

    m.request_id = request_id;
    m.role = (char *)roles_state_text(roles->state);
    m.writable = roles_may_write(roles, loop_now_exact());
    if (m.writable)
        m.writer_host = (char *)bootstrap_self(&proxy->component->bootstrap)->name;
    else if (writer != ROLES_NOBODY)
        m.writer_host = (char *)proxy->hosts[writer].name;
    m.epoch = state->held.epoch;
    m.txid = state->held.txid;
    m.checksum = (char *)state->checksum;
    m.objects = state->count;
    m.loaded = state->loaded;
    m.conflicts = state->conflicts;
    m.followers = feed_followers(proxy);
    m.why_not = (char *)proxy_explain(proxy);
    if (roles->following != ROLES_NOBODY)
        m.following = (char *)proxy->hosts[roles->following].name;
    (void)bus_peer_send(peer, MESSAGE_CONF_STATUS, &m);
}

static void on_message(void *arg, struct bus_peer *peer, const struct bus_sender *from,
                       const struct codec_message *message)
{
    struct proxy *proxy = arg;
    struct watcher *w = watcher_of(proxy, peer);

    (void)from;
    switch ((int)message->type) {
    case MESSAGE_CONF_GET: {
        const Sf__ConfGet *get = message->body;
        (void)send_objects(proxy, peer, get->request_id, get->type, get->id);
        break;
    }
    case MESSAGE_CONF_WATCH:
        w->watches = true;
        w->request_id = ((const Sf__ConfWatch *)message->body)->request_id;
        snapshot(proxy, w);
        break;
    case MESSAGE_CONF_WRITE: writer_request(proxy, peer, false, message->body); break;
    case MESSAGE_CONF_STATUS_REQUEST:
        status(proxy, peer, ((const Sf__ConfStatusRequest *)message->body)->request_id);
        break;
    default: break; /* the codec lets nothing else through */
    }
}

static void on_gone(void *arg, struct bus_peer *peer)
{
    struct watcher *w = bus_peer_data(peer);

    writer_peer_gone(arg, peer);
    if (w == NULL)
        return;
    list_remove(&w->link);
    free(w);
}

int watch_start(struct proxy *proxy)
{
    proxy->watch = calloc(1, sizeof *proxy->watch);
    if (proxy->watch == NULL)
        return -ENOMEM;
    list_init(&proxy->watch->watchers);
    return bus_bind(proxy->component->bus, ENDPOINT_CONFIG, LOOP_SIP, on_message, on_gone, proxy);
}

void watch_stop(struct proxy *proxy)
{
    if (proxy->watch == NULL)
        return;
    LIST_EACH(link, &proxy->watch->watchers)
    {
        struct watcher *w = CONTAINER_OF(link, struct watcher, link);
        bus_peer_set_data(w->peer, NULL);
        list_remove(&w->link);
        free(w);
    }
    free(proxy->watch);
    proxy->watch = NULL;
}

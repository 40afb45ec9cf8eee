/* The LOG conversation: what the other hosts' copies hold, and how ours follows one of them.
 *
 *     link (we connected)   up: LOG_ACK what we hold, LOG_FOLLOW, LOG_FORWARD
 *                           down: LOG_BEAT, LOG_SNAPSHOT, LOG_ENTRY, LOG_FORWARD_REPLY
 *     peer (it connected)   the same from the other side
 *
 * Nothing depends on a message that must not be lost: a follower that hears in a beat of more than
 * it holds, and gets nothing, asks again.
 */
#include "confproxy/adapt/message.h"
#include "confproxy/adapt/proxy.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 500 /* a copy that misses more gets a snapshot: fewer messages than entries */

/* Another host's copy that is connected to us. */
struct follower {
    struct list_link link;
    struct bus_peer *peer;
    uint32_t host;
    bool follows;
    uint64_t sent_txid;
    struct copy_position acknowledged;
};

/* Our connection to another host's copy. */
struct source {
    struct proxy *proxy;
    struct bus_link *link;
    uint32_t host;
};

/* A snapshot on its way in. */
struct incoming {
    Sf__ConfObject **objects;
    size_t count;
    size_t room;
};

struct feed {
    struct list followers;
    struct source sources[ROLES_HOSTS_MAX];
    struct incoming incoming;
    mono_t beat_at;
    struct log_limit
        refused;         /* transactions that could not be applied, asked for again and again */
    mono_t ask_again_at; /* when nothing comes although the host that we follow is ahead */
};

static uint32_t host_called(const struct proxy *proxy, const char *name)
{
    for (uint32_t h = 0; h < proxy->host_count; h++)
        if (strcmp(proxy->hosts[h].name, name) == 0)
            return h;
    return ROLES_NOBODY;
}

/* --- To those that follow us. --- */

static void beat(struct proxy *proxy, struct bus_peer *peer)
{
    const struct objects_state *state = objects_state(proxy->objects);
    Sf__LogBeat m = SF__LOG_BEAT__INIT;

    m.writer = roles_may_write(&proxy->roles, loop_now_exact());
    m.epoch = state->held.epoch;
    m.txid = state->held.txid;
    (void)bus_peer_send(peer, MESSAGE_LOG_BEAT, &m);
}

struct pump {
    struct follower *follower;
    uint64_t until;
};

static int send_entry(void *arg, const Sf__LogEntry *entry)
{
    struct pump *p = arg;

    if (entry->txid > p->until)
        return 1;
    if (bus_peer_send(p->follower->peer, MESSAGE_LOG_ENTRY, entry) != 0) {
        p->follower->follows = false; /* it asks again */
        return 1;
    }
    p->follower->sent_txid = entry->txid;
    return 0;
}

static void pump(struct proxy *proxy, struct follower *f)
{
    uint64_t until =
        f->host == proxy->pair ? objects_state(proxy->objects)->held.txid : proxy_released(proxy);

    if (f->follows && f->sent_txid < until)
        (void)objects_log_each(proxy->objects, f->sent_txid + 1, send_entry,
                               &(struct pump){f, until});
}

void feed_pump(struct proxy *proxy)
{
    LIST_EACH(link, &proxy->feed->followers)
    {
        pump(proxy, CONTAINER_OF(link, struct follower, link));
    }
}

void feed_restart(struct proxy *proxy)
{
    LIST_EACH(link, &proxy->feed->followers)
    {
        CONTAINER_OF(link, struct follower, link)->follows = false;
    }
}

struct snapshot_out {
    const struct proxy *proxy;
    struct follower *follower;
    uint64_t common_txid;
    int result;
};

static void history_out(const struct copy_history *history, Sf__LogEpoch *epochs,
                        Sf__LogEpoch **list)
{
    for (uint32_t i = 0; i < history->count; i++) {
        sf__log_epoch__init(&epochs[i]);
        epochs[i].epoch = history->epochs[i].epoch;
        epochs[i].last_txid = history->epochs[i].last_txid;
        list[i] = &epochs[i];
    }
}

static void history_in(Sf__LogEpoch *const *list, size_t count, struct copy_history *history)
{
    history->count = 0;
    for (size_t i = 0; i < count; i++)
        if (!copy_history_add(history, (struct copy_position){list[i]->epoch, list[i]->last_txid}))
            break; /* what does not ascend is not believed; the rest has no common part */
}

static void send_part(void *arg, const struct parts *part, bool more)
{
    struct snapshot_out *s = arg;
    const struct objects_state *state = objects_state(s->proxy->objects);
    const struct copy_history *history = objects_history(s->proxy->objects);
    static Sf__LogEpoch epochs[COPY_EPOCHS_MAX];
    static Sf__LogEpoch *list[COPY_EPOCHS_MAX];
    Sf__LogSnapshot m = SF__LOG_SNAPSHOT__INIT;

    m.epoch = state->held.epoch;
    m.txid = state->held.txid;
    m.n_objects = part->count;
    m.objects = part->objects;
    m.more = more;
    m.checksum = (char *)state->checksum;
    m.loaded = state->loaded;
    m.common_txid = s->common_txid;
    if (!more) {
        history_out(history, epochs, list);
        m.n_history = history->count;
        m.history = list;
    }
    if (s->result == 0)
        s->result = bus_peer_send(s->follower->peer, MESSAGE_LOG_SNAPSHOT, &m);
}

static void send_snapshot(struct proxy *proxy, struct follower *f, uint64_t common_txid)
{
    struct snapshot_out s = {proxy, f, common_txid, 0};
    struct parts parts = {.send = send_part, .arg = &s};

    f->follows = parts_send(proxy->objects, "", "", &parts) == 0 && s.result == 0;
    f->sent_txid = objects_state(proxy->objects)->held.txid;
}

static void on_follow(struct proxy *proxy, struct follower *f, const Sf__LogFollow *m)
{
    const struct objects_state *state = objects_state(proxy->objects);
    const struct copy_position theirs = {m->epoch, m->txid};
    char checksum[OBJECTS_CHECKSUM_SIZE];
    struct copy_history history;
    uint64_t common = 0;
    bool same = objects_checksum_at(proxy->objects, theirs.txid, checksum) != 0 ||
                strcmp(checksum, m->checksum) == 0;

    history_in(m->history, m->n_history, &history);
    enum copy_feed what = copy_feed(state->held, objects_history(proxy->objects), state->log_first,
                                    theirs, &history, same, &common);
    if (m->anew && copy_compare(theirs, state->held) <= 0)
        what = FEED_SNAPSHOT;
    if (what == FEED_ENTRIES && state->held.txid - theirs.txid > ENTRIES_MAX)
        what = FEED_SNAPSHOT;
    f->acknowledged = theirs;
    f->follows = true;
    f->sent_txid = theirs.txid;
    if (what == FEED_SNAPSHOT)
        send_snapshot(proxy, f, common);
    else if (what == FEED_ENTRIES)
        pump(proxy, f);
    else
        f->follows = copy_compare(theirs, state->held) == 0;
}

static struct follower *follower_of(struct proxy *proxy, struct bus_peer *peer,
                                    const struct bus_sender *from)
{
    struct follower *f = bus_peer_data(peer);

    if (f != NULL)
        return f;
    f = calloc(1, sizeof *f);
    if (f == NULL)
        abort();
    f->peer = peer;
    f->host = host_called(proxy, from->host);
    list_append(&proxy->feed->followers, &f->link);
    bus_peer_set_data(peer, f);
    beat(proxy, peer);
    return f;
}

static void on_peer_message(void *arg, struct bus_peer *peer, const struct bus_sender *from,
                            const struct codec_message *message)
{
    struct proxy *proxy = arg;
    struct follower *f = follower_of(proxy, peer, from);

    switch ((int)message->type) {
    case MESSAGE_LOG_FOLLOW: on_follow(proxy, f, message->body); break;
    case MESSAGE_LOG_ACK: {
        const Sf__LogAck *ack = message->body;
        f->acknowledged = (struct copy_position){ack->epoch, ack->txid};
        break;
    }
    case MESSAGE_LOG_FORWARD: {
        const Sf__LogForward *forward = message->body;
        if (forward->write != NULL)
            writer_request(proxy, peer, true, forward->write);
        return;
    }
    default: return;
    }
    if (f->host == proxy->pair && f->host != ROLES_NOBODY)
        writer_acknowledged(proxy, f->acknowledged);
}

static void on_peer_gone(void *arg, struct bus_peer *peer)
{
    struct proxy *proxy = arg;
    struct follower *f = bus_peer_data(peer);

    writer_peer_gone(proxy, peer);
    if (f == NULL)
        return;
    list_remove(&f->link);
    free(f);
}

bool feed_pair_follows(const struct proxy *proxy)
{
    LIST_EACH(link, &proxy->feed->followers)
    {
        const struct follower *f = CONTAINER_OF(link, struct follower, link);
        if (f->host == proxy->pair && f->host != ROLES_NOBODY && f->follows)
            return true;
    }
    return false;
}

uint64_t feed_followers(const struct proxy *proxy)
{
    uint64_t count = 0;

    LIST_EACH(link, &proxy->feed->followers)
    {
        if (CONTAINER_OF(link, struct follower, link)->follows)
            count++;
    }
    return count;
}

/* --- From the one that we follow. --- */

static void tell_held(struct proxy *proxy, struct bus_link *link)
{
    const struct objects_state *state = objects_state(proxy->objects);
    Sf__LogAck m = SF__LOG_ACK__INIT;

    m.epoch = state->held.epoch;
    m.txid = state->held.txid;
    (void)bus_link_send(link, MESSAGE_LOG_ACK, &m);
}

static void drop_incoming(struct feed *feed)
{
    for (size_t i = 0; i < feed->incoming.count; i++)
        sf__conf_object__free_unpacked(feed->incoming.objects[i], NULL);
    feed->incoming.count = 0;
}

static void ask(struct proxy *proxy, bool anew)
{
    const struct objects_state *state = objects_state(proxy->objects);
    static Sf__LogEpoch epochs[COPY_EPOCHS_MAX];
    static Sf__LogEpoch *list[COPY_EPOCHS_MAX];
    struct feed *feed = proxy->feed;
    uint32_t host = proxy->roles.following;
    Sf__LogFollow m = SF__LOG_FOLLOW__INIT;

    if (host == ROLES_NOBODY)
        return;
    drop_incoming(feed);
    history_out(objects_history(proxy->objects), epochs, list);
    m.epoch = state->held.epoch;
    m.txid = state->held.txid;
    m.checksum = (char *)state->checksum;
    m.n_history = objects_history(proxy->objects)->count;
    m.history = list;
    m.anew = anew;
    (void)bus_link_send(feed->sources[host].link, MESSAGE_LOG_FOLLOW, &m);
    feed->ask_again_at =
        mono_add_ms(loop_now(proxy->component->loop), 4 * (int64_t)proxy->options.beat_interval_ms);
}

void feed_follow(struct proxy *proxy, uint32_t host)
{
    drop_incoming(proxy->feed);
    if (host != ROLES_NOBODY)
        ask(proxy, false);
}

/* Something came: there is no need to ask again for a while. */
static void progress(struct proxy *proxy)
{
    proxy->feed->ask_again_at =
        mono_add_ms(loop_now(proxy->component->loop), 4 * (int64_t)proxy->options.beat_interval_ms);
}

static void on_entry(struct proxy *proxy, const struct source *source, const Sf__LogEntry *m)
{
    const struct objects_entry entry = {.position = {m->epoch, m->txid},
                                        .changes = m->changes,
                                        .count = m->n_changes,
                                        .checksum = m->checksum,
                                        .log_max = proxy->options.log_max};
    int r;

    switch (copy_judge_entry(objects_state(proxy->objects)->held, entry.position)) {
    case COPY_KNOWN: return;
    case COPY_STALE:
        log_event(LEVEL_WARNING, MSG_COPY, LOG_FIELDS(.object = proxy->hosts[source->host].name),
                  "refused a transaction of epoch %llu.%llu, ours is later",
                  (unsigned long long)(m->epoch >> 32),
                  (unsigned long long)(m->epoch & UINT32_MAX));
        return;
    case COPY_GAP: ask(proxy, false); return;
    case COPY_APPLY: break;
    }
    r = objects_apply(proxy->objects, &entry);
    if (r == 0) {
        progress(proxy);
        proxy_changed(proxy, false);
        tell_held(proxy, source->link);
    } else {
        log_limited(&proxy->feed->refused, LEVEL_ERR, MSG_COPY,
                    LOG_FIELDS(.object = proxy->hosts[source->host].name),
                    "transaction %llu was not applied: %s", (unsigned long long)m->txid,
                    objects_error(proxy->objects));
        if (r == -EBADMSG)
            ask(proxy, true);
    }
}

static void take_part(struct incoming *in, const Sf__LogSnapshot *m)
{
    if (in->count + m->n_objects > in->room) {
        in->room = (in->count + m->n_objects) * 2;
        in->objects = realloc(in->objects, in->room * sizeof *in->objects);
        if (in->objects == NULL)
            abort();
    }
    for (size_t i = 0; i < m->n_objects; i++)
        in->objects[in->count++] = message_copy(m->objects[i]);
}

static void on_snapshot(struct proxy *proxy, const struct source *source, const Sf__LogSnapshot *m)
{
    const struct objects_state *state = objects_state(proxy->objects);
    struct feed *feed = proxy->feed;
    struct copy_history history;

    progress(proxy);
    take_part(&feed->incoming, m);
    if (m->more)
        return;
    history_in(m->history, m->n_history, &history);
    const struct objects_snapshot snapshot = {.position = {m->epoch, m->txid},
                                              .objects = feed->incoming.objects,
                                              .count = feed->incoming.count,
                                              .checksum = m->checksum,
                                              .loaded = m->loaded,
                                              .common_txid = m->common_txid,
                                              .history = &history};
    bool same = strcmp(m->checksum, state->checksum) == 0;
    if (copy_judge_snapshot(state->held, snapshot.position, same) == COPY_APPLY) {
        uint64_t conflicts = state->conflicts;
        int r = objects_replace(proxy->objects, &snapshot);
        if (r != 0) {
            log_limited(&feed->refused, LEVEL_ERR, MSG_COPY,
                        LOG_FIELDS(.object = proxy->hosts[source->host].name),
                        "the snapshot was not taken: %s", objects_error(proxy->objects));
        } else {
            log_event(LEVEL_NOTICE, MSG_COPY, LOG_FIELDS(.object = proxy->hosts[source->host].name),
                      "the copy was seeded anew: transaction %llu, %llu objects",
                      (unsigned long long)m->txid, (unsigned long long)state->count);
            if (state->conflicts > conflicts)
                log_event(LEVEL_ERR, MSG_CONFLICT,
                          LOG_FIELDS(.object = proxy->hosts[source->host].name),
                          "%llu transactions written here are not in the history that holds: kept "
                          "as conflict records",
                          (unsigned long long)(state->conflicts - conflicts));
            proxy_changed(proxy, true);
            tell_held(proxy, source->link);
        }
    }
    drop_incoming(feed);
}

static void on_beat(struct proxy *proxy, const struct source *source, const Sf__LogBeat *m)
{
    proxy_input(proxy, &(struct roles_input){.kind = ROLES_IN_BEAT,
                                             .host = source->host,
                                             .writer = m->writer,
                                             .position = {m->epoch, m->txid}});
}

static void on_link_message(void *arg, struct bus_link *link, const struct bus_sender *from,
                            const struct codec_message *message)
{
    struct source *source = arg;
    struct proxy *proxy = source->proxy;
    bool followed = proxy->roles.following == source->host;

    (void)link;
    (void)from;
    switch ((int)message->type) {
    case MESSAGE_LOG_BEAT: on_beat(proxy, source, message->body); break;
    case MESSAGE_LOG_ENTRY:
        if (followed)
            on_entry(proxy, source, message->body);
        break;
    case MESSAGE_LOG_SNAPSHOT:
        if (followed)
            on_snapshot(proxy, source, message->body);
        break;
    case MESSAGE_LOG_FORWARD_REPLY: {
        const Sf__LogForwardReply *reply = message->body;
        if (reply->reply != NULL)
            writer_reply(proxy, reply->reply);
        break;
    }
    default: break;
    }
}

static void on_link_state(void *arg, struct bus_link *link, bool up)
{
    struct source *source = arg;
    struct proxy *proxy = source->proxy;

    writer_lost(proxy, source->host); /* also when it comes back: it may have restarted */
    if (!up) {
        proxy_input(proxy, &(struct roles_input){.kind = ROLES_IN_DOWN, .host = source->host});
        return;
    }
    tell_held(proxy, link);
    if (proxy->roles.following == source->host)
        ask(proxy, false);
}

int feed_forward(struct proxy *proxy, uint32_t host, const Sf__ConfWrite *write)
{
    Sf__LogForward m = SF__LOG_FORWARD__INIT;

    m.write = (Sf__ConfWrite *)write; /* only read */
    return bus_link_send(proxy->feed->sources[host].link, MESSAGE_LOG_FORWARD, &m);
}

/* --- Time. --- */

void feed_time(struct proxy *proxy, mono_t now)
{
    struct feed *feed = proxy->feed;
    const struct roles *roles = &proxy->roles;

    if (roles->following != ROLES_NOBODY && mono_due(feed->ask_again_at, now)) {
        const struct roles_host *host = &roles->hosts[roles->following];
        if (host->heard && copy_compare(host->position, objects_state(proxy->objects)->held) > 0)
            ask(proxy, false);
    }
    if (!mono_due(feed->beat_at, now))
        return;
    feed->beat_at = mono_add_ms(now, proxy->options.beat_interval_ms);
    LIST_EACH(link, &feed->followers)
    {
        beat(proxy, CONTAINER_OF(link, struct follower, link)->peer);
    }
    for (uint32_t h = 0; h < proxy->host_count; h++)
        if (bus_link_up(feed->sources[h].link))
            tell_held(proxy, feed->sources[h].link);
    feed_pump(proxy);
    watch_pump(proxy);
}

mono_t feed_deadline(const struct proxy *proxy)
{
    return proxy->feed->beat_at;
}

int feed_start(struct proxy *proxy)
{
    struct bus *bus = proxy->component->bus;
    struct feed *feed = calloc(1, sizeof *feed);

    if (feed == NULL)
        return -ENOMEM;
    proxy->feed = feed;
    list_init(&feed->followers);
    int r = bus_bind(bus, ENDPOINT_LOG, LOOP_SIP, on_peer_message, on_peer_gone, proxy);
    for (uint32_t h = 0; r == 0 && h < proxy->host_count; h++) {
        struct source *source = &feed->sources[h];
        *source = (struct source){proxy, NULL, h};
        r = bus_connect(bus, ENDPOINT_LOG, proxy->hosts[h].name, LOOP_SIP, on_link_message,
                        on_link_state, source, &source->link);
    }
    return r;
}

void feed_stop(struct proxy *proxy)
{
    struct feed *feed = proxy->feed;

    if (feed == NULL)
        return;
    LIST_EACH(link, &feed->followers)
    {
        struct follower *f = CONTAINER_OF(link, struct follower, link);
        bus_peer_set_data(f->peer, NULL);
        list_remove(&f->link);
        free(f);
    }
    for (uint32_t h = 0; h < ROLES_HOSTS_MAX; h++)
        bus_link_destroy(&feed->sources[h].link);
    drop_incoming(feed);
    free(feed->incoming.objects);
    free(feed);
    proxy->feed = NULL;
}

/* Writes: judged as a whole, put on disk, confirmed by the pair, answered.  On a host that is not
 * the writer they are passed on to the one that is; with none they are refused, never kept (C-3).
 */
#include "confproxy/adapt/message.h"
#include "confproxy/adapt/proxy.h"
#include "confproxy/core/validate.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROBLEMS_TOLD_MAX 20

/* Who waits for an answer; PEER is NULL when it has gone. */
struct asker {
    struct bus_peer *peer;
    bool forwarded;
    uint64_t request_id;
};

/* A write that is on disk here and waits for the pair. */
struct pending {
    struct list_link link;
    struct asker asker;
    struct copy_position position;
    mono_t until;
};

/* A write that was passed on to the writer. */
struct forward {
    struct list_link link;
    struct asker asker;
    uint64_t token;
    uint32_t host;
    mono_t until;
};

struct writer {
    struct list pending; /* in order of txid */
    struct list forwards;
    uint64_t token;
};

/* --- Answers. --- */

static void answer(const struct asker *asker, int code, struct copy_position position,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

static void answer(const struct asker *asker, int code, struct copy_position position,
                   const char *format, ...)
{
    char text[PROXY_TEXT_MAX];
    Sf__ConfWriteReply reply = SF__CONF_WRITE_REPLY__INIT;
    va_list arguments;

    if (asker->peer == NULL)
        return;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    reply.request_id = asker->request_id;
    reply.code = code;
    reply.text = text;
    reply.epoch = position.epoch;
    reply.txid = position.txid;
    if (asker->forwarded) {
        Sf__LogForwardReply m = SF__LOG_FORWARD_REPLY__INIT;
        m.reply = &reply;
        (void)bus_peer_send(asker->peer, MESSAGE_LOG_FORWARD_REPLY, &m);
    } else {
        (void)bus_peer_send(asker->peer, MESSAGE_CONF_WRITE_REPLY, &reply);
    }
}

static const char *self_name(const struct proxy *proxy)
{
    return bootstrap_self(&proxy->component->bootstrap)->name;
}

static const char *pair_name(const struct proxy *proxy)
{
    return proxy->pair == ROLES_NOBODY ? "the other host" : proxy->hosts[proxy->pair].name;
}

/* --- The configuration as it would be. --- */

/* One object of the merged set; CHANGE is its place among the write's changes, or NONE. */
struct place {
    char key[MESSAGE_KEY_MAX];
    const Sf__ConfObject *object;
    size_t change;
};
#define NONE SIZE_MAX

struct plan {
    struct proxy *proxy;
    const Sf__ConfWrite *write;
    Sf__ConfObject **held; /* copies of all objects here */
    size_t held_count;
    size_t held_room;
    struct place *places; /* held and changed, sorted by key; held before changed */
    size_t place_count;
    Sf__ConfChange **changes; /* those that change something */
    size_t change_count;
    Sf__ConfChange *deletions; /* of objects that a whole configuration does not name */
    char text[PROXY_TEXT_MAX]; /* why it is refused */
};

static void *room_for(size_t count, size_t size)
{
    void *memory = calloc(count + 1, size);

    if (memory == NULL)
        abort();
    return memory;
}

static int keep_held(void *arg, const Sf__ConfObject *object)
{
    struct plan *plan = arg;

    if (plan->held_count == plan->held_room) {
        plan->held_room = plan->held_room == 0 ? 256 : plan->held_room * 2;
        plan->held = realloc(plan->held, plan->held_room * sizeof *plan->held);
        if (plan->held == NULL)
            abort();
    }
    plan->held[plan->held_count++] = message_copy(object);
    return 0;
}

static int by_key(const void *a, const void *b)
{
    const struct place *x = a;
    const struct place *y = b;
    int order = strcmp(x->key, y->key);

    if (order != 0)
        return order;
    /* what is held first, then the changes in their order */
    size_t i = x->change == NONE ? 0 : x->change + 1;
    size_t k = y->change == NONE ? 0 : y->change + 1;
    return i < k ? -1 : i > k;
}

static int gather(struct plan *plan)
{
    const Sf__ConfWrite *write = plan->write;
    int r = objects_each(plan->proxy->objects, "", "", keep_held, plan);

    if (r != 0)
        return r;
    plan->places = room_for(plan->held_count + write->n_changes, sizeof *plan->places);
    for (size_t i = 0; i < plan->held_count; i++) {
        struct place *p = &plan->places[plan->place_count++];
        p->object = plan->held[i];
        p->change = NONE;
        (void)message_key(p->object, p->key);
    }
    for (size_t i = 0; i < write->n_changes; i++) {
        struct place *p = &plan->places[plan->place_count++];
        p->object = write->changes[i]->object;
        p->change = i;
        if (p->object == NULL || message_key(p->object, p->key) < 0) {
            (void)snprintf(plan->text, sizeof plan->text,
                           "change %zu has no object of a known type with an id; it comes from a "
                           "program of another version",
                           i + 1);
            return -EINVAL;
        }
    }
    qsort(plan->places, plan->place_count, sizeof *plan->places, by_key);
    return 0;
}

static bool equal(const Sf__ConfObject *a, const Sf__ConfObject *b)
{
    size_t size = sf__conf_object__get_packed_size(a);

    if (size != sf__conf_object__get_packed_size(b))
        return false;
    uint8_t *packed = room_for(2 * size, 1);
    sf__conf_object__pack(a, packed);
    sf__conf_object__pack(b, packed + size);
    bool same = memcmp(packed, packed + size, size) == 0;
    free(packed);
    return same;
}

static void judge_objects(struct plan *plan, const Sf__ConfObject *const *objects, size_t count,
                          int *ret_result)
{
    const struct bootstrap *bootstrap = &plan->proxy->component->bootstrap;
    const char *sites[BOOTSTRAP_SITES_MAX];
    const char *addresses[BOOTSTRAP_SITES_MAX] = {NULL};
    struct cfg_problem problems[PROBLEMS_TOLD_MAX];
    struct cfg_item *items = room_for(count, sizeof *items);
    size_t *order = room_for(count, sizeof *order);
    struct cfg_set set = {.items = items, .count = count, .sites = sites, .addresses = addresses};
    size_t length = 0;

    for (uint32_t s = 0; s < bootstrap->site_count; s++) {
        addresses[s] = bootstrap->sites[s].site_address;
        sites[set.site_count++] = bootstrap->sites[s].name;
    }
    for (size_t i = 0; i < count; i++)
        (void)message_item(objects[i], &items[i]); /* of a known type: it has a key */
    size_t found = cfg_validate(&set, order, problems, PROBLEMS_TOLD_MAX);
    for (size_t p = 0; p < found && p < PROBLEMS_TOLD_MAX && length < sizeof plan->text; p++) {
        const struct cfg_item *item = &items[problems[p].item];
        length += (size_t)snprintf(
            plan->text + length, sizeof plan->text - length, "%s%s '%s': field '%s': %s",
            p > 0 ? "\n" : "", cfg_type_name(item->type), cfg_item_id(item),
            problems[p].field == FIELD_COUNT ? "" : cfg_fields[problems[p].field].yaml,
            problems[p].text);
    }
    free(items);
    free(order);
    if (found > 0)
        *ret_result = -EINVAL;
}

/* merge - what would be there afterwards goes to OBJECTS, what changes to plan->changes. */
static size_t merge(struct plan *plan, const Sf__ConfObject **objects, int *ret_result)
{
    const Sf__ConfWrite *write = plan->write;
    size_t count = 0;
    size_t deletions = 0;

    for (size_t i = 0; i < plan->place_count; i++) {
        const struct place *p = &plan->places[i];
        const struct place *next = i + 1 < plan->place_count ? p + 1 : NULL;
        const struct place *before = i > 0 ? p - 1 : NULL;
        bool held = before != NULL && before->change == NONE && strcmp(before->key, p->key) == 0;
        if (p->change == NONE) {
            if (next != NULL && strcmp(next->key, p->key) == 0)
                continue; /* the change says what becomes of it */
            if (write->replace_all) {
                Sf__ConfChange *deletion = &plan->deletions[deletions++];
                sf__conf_change__init(deletion);
                deletion->deleted = 1;
                deletion->object = (Sf__ConfObject *)p->object; /* only its id is read */
                plan->changes[plan->change_count++] = deletion;
            } else {
                objects[count++] = p->object;
            }
        } else if (write->changes[p->change]->deleted) {
            if (!held) {
                (void)snprintf(plan->text, sizeof plan->text,
                               "there is no %s to delete; look at the present configuration",
                               p->key);
                *ret_result = -ENOENT;
            } else {
                plan->changes[plan->change_count++] = write->changes[p->change];
            }
        } else {
            objects[count++] = p->object;
            if (!held || !equal(before->object, p->object))
                plan->changes[plan->change_count++] = write->changes[p->change];
        }
    }
    return count;
}

static int plan_write(struct plan *plan)
{
    int r = gather(plan);

    if (r != 0)
        return r;
    const Sf__ConfObject **objects = room_for(plan->place_count, sizeof *objects);
    plan->changes = room_for(plan->place_count, sizeof *plan->changes);
    plan->deletions = room_for(plan->held_count, sizeof *plan->deletions);
    size_t count = merge(plan, objects, &r);
    if (r == 0)
        judge_objects(plan, objects, count, &r);
    free(objects);
    return r;
}

static void plan_free(struct plan *plan)
{
    for (size_t i = 0; i < plan->held_count; i++)
        sf__conf_object__free_unpacked(plan->held[i], NULL);
    free(plan->held);
    free(plan->places);
    free(plan->changes);
    free(plan->deletions);
}

/* --- The writer. --- */

/* finish - the oldest pending write is as safe as it becomes: say so. */
static void finish(struct proxy *proxy, struct pending *p, bool confirmed)
{
    list_remove(&p->link);
    if (!proxy_may(proxy))
        answer(&p->asker, ETIMEDOUT, p->position,
               "written to disk at %s as transaction %llu, but its right to write ended before "
               "that was confirmed; whether it holds is open: look at 'confproxy status' of the "
               "present writer",
               self_name(proxy), (unsigned long long)p->position.txid);
    else if (confirmed)
        answer(&p->asker, 0, p->position, "on disk at %s and %s", self_name(proxy),
               pair_name(proxy));
    else
        answer(&p->asker, 0, p->position,
               "on disk at %s only: %s has not confirmed it within %u ms; it gets it when it "
               "follows again",
               self_name(proxy), pair_name(proxy), proxy->options.ack_timeout_ms);
    free(p);
}

static void commit(struct proxy *proxy, const struct asker *asker, const struct plan *plan)
{
    const struct copy_position held = objects_state(proxy->objects)->held;
    const struct objects_entry entry = {.position = {proxy->roles.write_epoch, held.txid + 1},
                                        .changes = plan->changes,
                                        .count = plan->change_count,
                                        .may = proxy_may,
                                        .may_arg = proxy,
                                        .log_max = proxy->options.log_max};
    int r = objects_apply(proxy->objects, &entry);

    if (r != 0) {
        log_event(LEVEL_ERR, MSG_CONFIG, NULL, "a write was refused: %s",
                  objects_error(proxy->objects));
        answer(asker, -r, held, "refused by %s: %s; nothing has been changed", self_name(proxy),
               objects_error(proxy->objects));
        return;
    }
    log_event(LEVEL_NOTICE, MSG_CONFIG, LOG_FIELDS(.epoch = entry.position.epoch),
              "transaction %llu: %zu changes by %s", (unsigned long long)entry.position.txid,
              entry.count, plan->write->author[0] != '\0' ? plan->write->author : "unknown");
    if (feed_pair_follows(proxy)) {
        struct pending *p = room_for(1, sizeof *p);
        *p = (struct pending){.asker = *asker, .position = entry.position};
        p->until = mono_add_ms(loop_now_exact(), proxy->options.ack_timeout_ms);
        list_append(&proxy->writer->pending, &p->link);
        proxy_changed(proxy, false);
        return;
    }
    proxy_changed(proxy, false);
    if (proxy->pair == ROLES_NOBODY)
        answer(asker, 0, entry.position, "on disk at %s, which has no pair", self_name(proxy));
    else
        answer(asker, 0, entry.position,
               "on disk at %s only: %s does not follow; it gets it when it is back",
               self_name(proxy), pair_name(proxy));
}

static void write_here(struct proxy *proxy, const struct asker *asker, const Sf__ConfWrite *write)
{
    const struct copy_position held = objects_state(proxy->objects)->held;
    struct plan plan = {.proxy = proxy, .write = write};

    if (list_count(&proxy->writer->pending) >= proxy->options.pending_max) {
        answer(asker, EBUSY, held, "refused: %u writes wait for %s already; try again in a moment",
               proxy->options.pending_max, pair_name(proxy));
        return;
    }
    int r = plan_write(&plan);
    if (r != 0)
        answer(asker, -r, held, "%s", plan.text[0] != '\0' ? plan.text : strerror(-r));
    else if (plan.change_count == 0)
        answer(asker, 0, held, "nothing to change: the configuration is already so");
    else
        commit(proxy, asker, &plan);
    plan_free(&plan);
}

/* --- Everybody else. --- */

static void pass_on(struct proxy *proxy, const struct asker *asker, uint32_t host,
                    const Sf__ConfWrite *write)
{
    const struct copy_position held = objects_state(proxy->objects)->held;
    struct writer *w = proxy->writer;
    Sf__ConfWrite copy = *write;

    if (list_count(&w->forwards) >= PROXY_FORWARDS_MAX) {
        answer(asker, EBUSY, held,
               "refused: %d writes are on their way to %s already; try again "
               "in a moment",
               PROXY_FORWARDS_MAX, proxy->hosts[host].name);
        return;
    }
    copy.request_id = ++w->token;
    int r = feed_forward(proxy, host, &copy);
    if (r != 0) {
        answer(asker, -r, held, "refused: the writer %s cannot be reached (%s); try again",
               proxy->hosts[host].name, strerror(-r));
        return;
    }
    struct forward *f = room_for(1, sizeof *f);
    *f = (struct forward){.asker = *asker, .token = w->token, .host = host};
    /* the writer itself may wait for its pair */
    f->until = mono_add_ms(loop_now_exact(), 2 * (int64_t)proxy->options.ack_timeout_ms);
    list_append(&w->forwards, &f->link);
}

static void refuse(struct proxy *proxy, const struct asker *asker)
{
    const struct copy_position held = objects_state(proxy->objects)->held;

    if (proxy->roles.state == ROLES_CATCHING_UP)
        answer(asker, EAGAIN, held, "refused: %s; try again in a moment", proxy_explain(proxy));
    else if (asker->forwarded)
        answer(asker, EAGAIN, held, "refused: %s is not the writer any more; try again",
               self_name(proxy));
    else
        answer(asker, EHOSTUNREACH, held,
               "refused: no writer of the configuration is known here; look at 'hamgr status', and "
               "when the writer's site is dead bring this one into service: 'hamgr site promote'");
}

void writer_request(struct proxy *proxy, struct bus_peer *peer, bool forwarded,
                    const Sf__ConfWrite *write)
{
    const struct asker asker = {peer, forwarded, write->request_id};
    uint32_t host = roles_writer(&proxy->roles);

    if (roles_may_write(&proxy->roles, loop_now_exact()))
        write_here(proxy, &asker, write);
    else if (!forwarded && host != ROLES_NOBODY && proxy->roles.state != ROLES_CATCHING_UP)
        pass_on(proxy, &asker, host, write);
    else
        refuse(proxy, &asker);
}

void writer_reply(struct proxy *proxy, const Sf__ConfWriteReply *reply)
{
    LIST_EACH(link, &proxy->writer->forwards)
    {
        struct forward *f = CONTAINER_OF(link, struct forward, link);
        if (f->token != reply->request_id)
            continue;
        answer(&f->asker, reply->code, (struct copy_position){reply->epoch, reply->txid}, "%s",
               reply->text);
        list_remove(&f->link);
        free(f);
        return;
    }
}

/* lose - a write was passed on, and its answer will not come. */
static void lose(struct proxy *proxy, struct forward *f, const char *why)
{
    answer(&f->asker, ETIMEDOUT, objects_state(proxy->objects)->held,
           "passed on to the writer %s, which %s; whether it was written is open: look at the "
           "configuration before you try again",
           proxy->hosts[f->host].name, why);
    list_remove(&f->link);
    free(f);
}

void writer_lost(struct proxy *proxy, uint32_t host)
{
    LIST_EACH(link, &proxy->writer->forwards)
    {
        struct forward *f = CONTAINER_OF(link, struct forward, link);
        if (f->host == host)
            lose(proxy, f, "is out of reach now");
    }
}

/* --- What happens meanwhile. --- */

void writer_acknowledged(struct proxy *proxy, struct copy_position position)
{
    bool any = false;

    LIST_EACH(link, &proxy->writer->pending)
    {
        struct pending *p = CONTAINER_OF(link, struct pending, link);
        if (p->position.epoch != position.epoch || p->position.txid > position.txid)
            break;
        finish(proxy, p, true);
        any = true;
    }
    if (any) {
        feed_pump(proxy);
        watch_pump(proxy);
    }
}

void writer_peer_gone(struct proxy *proxy, const struct bus_peer *peer)
{
    if (proxy->writer == NULL)
        return;
    LIST_EACH(link, &proxy->writer->pending)
    {
        struct pending *p = CONTAINER_OF(link, struct pending, link);
        if (p->asker.peer == peer)
            p->asker.peer = NULL;
    }
    LIST_EACH(link, &proxy->writer->forwards)
    {
        struct forward *f = CONTAINER_OF(link, struct forward, link);
        if (f->asker.peer == peer)
            f->asker.peer = NULL;
    }
}

void writer_ended(struct proxy *proxy)
{
    LIST_EACH(link, &proxy->writer->pending)
    {
        finish(proxy, CONTAINER_OF(link, struct pending, link), false);
    }
}

uint64_t writer_released(const struct proxy *proxy)
{
    const struct list_link *first = list_first(&proxy->writer->pending);

    if (first == NULL)
        return objects_state(proxy->objects)->held.txid;
    return CONTAINER_OF(first, const struct pending, link)->position.txid - 1;
}

void writer_time(struct proxy *proxy, mono_t now)
{
    bool any = false;

    LIST_EACH(link, &proxy->writer->pending)
    {
        struct pending *p = CONTAINER_OF(link, struct pending, link);
        if (!mono_due(p->until, now) && feed_pair_follows(proxy))
            break;
        finish(proxy, p, false);
        any = true;
    }
    LIST_EACH(flink, &proxy->writer->forwards)
    {
        struct forward *f = CONTAINER_OF(flink, struct forward, link);
        if (mono_due(f->until, now))
            lose(proxy, f, "has not answered in time");
    }
    if (any) {
        feed_pump(proxy);
        watch_pump(proxy);
    }
}

mono_t writer_deadline(const struct proxy *proxy)
{
    const struct list_link *pending = list_first(&proxy->writer->pending);
    const struct list_link *forward = list_first(&proxy->writer->forwards);
    mono_t next = MONO_NEVER;

    if (pending != NULL)
        next = CONTAINER_OF(pending, const struct pending, link)->until;
    if (forward != NULL)
        next = mono_min(next, CONTAINER_OF(forward, const struct forward, link)->until);
    return next;
}

int writer_start(struct proxy *proxy)
{
    proxy->writer = calloc(1, sizeof *proxy->writer);
    if (proxy->writer == NULL)
        return -ENOMEM;
    list_init(&proxy->writer->pending);
    list_init(&proxy->writer->forwards);
    return 0;
}

void writer_stop(struct proxy *proxy)
{
    struct list_link *link;

    if (proxy->writer == NULL)
        return;
    while ((link = list_pop(&proxy->writer->pending)) != NULL)
        free(CONTAINER_OF(link, struct pending, link));
    while ((link = list_pop(&proxy->writer->forwards)) != NULL)
        free(CONTAINER_OF(link, struct forward, link));
    free(proxy->writer);
    proxy->writer = NULL;
}

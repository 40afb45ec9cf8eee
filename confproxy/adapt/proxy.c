#include "confproxy/adapt/proxy.h"
#include "common/store.h"
#include "confproxy/adapt/message.h"
#include "confproxy/core/validate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* An opening transaction that failed (a full disk) is tried again this often. */
#define OPEN_RETRY_MS 1000

/* A host that has not said a word for so many beats is not reachable. */
#define SILENT_BEATS 4

/* --- Roles. --- */

bool proxy_may(void *arg)
{
    const struct proxy *proxy = arg;
    const struct roles *roles = &proxy->roles;

    return roles->ordered && mono_before(loop_now_exact(), roles->deadline);
}

uint64_t proxy_released(const struct proxy *proxy)
{
    return writer_released(proxy);
}

const char *proxy_explain(struct proxy *proxy)
{
    const struct roles *roles = &proxy->roles;
    uint32_t ahead = roles_waits_for(roles);
    uint32_t writer = roles_writer(roles);
    char *text = proxy->why_not;
    size_t size = sizeof proxy->why_not;

    text[0] = '\0';
    if (ahead != ROLES_NOBODY)
        (void)snprintf(text, size, "to write, it first fetches what %s holds beyond its own copy",
                       proxy->hosts[ahead].name);
    else if (roles->state == ROLES_CATCHING_UP && roles->open_failed)
        (void)snprintf(text, size, "to write, it must open its epoch on disk, which fails: %s",
                       objects_error(proxy->objects));
    else if (roles->state == ROLES_CATCHING_UP && roles->write_epoch < roles->held.epoch)
        (void)snprintf(text, size,
                       "told to write in an epoch that is over: its copy is of a later "
                       "one");
    else if (roles->state == ROLES_CATCHING_UP)
        (void)snprintf(text, size, "to write, it first listens whether another copy is ahead");
    else if (objects_error(proxy->objects)[0] != '\0')
        (void)snprintf(text, size, "the last write to the copy here failed: %s",
                       objects_error(proxy->objects));
    else if (roles->state != ROLES_WRITER && writer != ROLES_NOBODY)
        (void)snprintf(text, size, "the writer is %s", proxy->hosts[writer].name);
    else if (roles->state != ROLES_WRITER)
        (void)snprintf(text, size, "no writer is known");
    if (text[0] == '\0' && !objects_state(proxy->objects)->loaded)
        (void)snprintf(text, size, "no configuration imported yet");
    return text;
}

static void open_epoch(struct proxy *proxy, uint64_t epoch)
{
    struct roles_input opened = {.kind = ROLES_IN_OPENED};
    const struct copy_position held = objects_state(proxy->objects)->held;
    const struct objects_entry entry = {.position = {epoch, held.txid + 1},
                                        .may = proxy_may,
                                        .may_arg = proxy,
                                        .log_max = proxy->options.log_max};

    opened.ok = objects_apply(proxy->objects, &entry) == 0;
    if (!opened.ok)
        log_event(LEVEL_ERR, MSG_WRITER, LOG_FIELDS(.epoch = epoch),
                  "the epoch could not be opened: %s", objects_error(proxy->objects));
    else
        proxy_changed(proxy, false);
    proxy_input(proxy, &opened);
}

static void note(struct proxy *proxy, const struct roles_action *action)
{
    bool writing = action->to == ROLES_WRITER || action->from == ROLES_WRITER;

    log_event(LEVEL_NOTICE, writing ? MSG_WRITER : MSG_COPY,
              LOG_FIELDS(.from = roles_state_text(action->from), .to = roles_state_text(action->to),
                         .epoch = action->epoch),
              "%s", action->why);
    if (action->from == ROLES_WRITER)
        writer_ended(proxy);
}

void proxy_input(struct proxy *proxy, const struct roles_input *input)
{
    struct roles_out out;

    roles_step(&proxy->roles, loop_now_exact(), input, &out);
    for (uint32_t i = 0; i < out.count; i++) {
        const struct roles_action *action = &out.actions[i];
        switch (action->kind) {
        case ROLES_ACT_NOTE: note(proxy, action); break;
        case ROLES_ACT_FOLLOW:
            log_event(LEVEL_NOTICE, MSG_COPY, LOG_FIELDS(.object = proxy->hosts[action->host].name),
                      "follows the copy of %s", proxy->hosts[action->host].name);
            feed_follow(proxy, action->host);
            break;
        case ROLES_ACT_UNFOLLOW: feed_follow(proxy, ROLES_NOBODY); break;
        case ROLES_ACT_OPEN: open_epoch(proxy, action->epoch); break;
        }
    }
}

/* --- The copy's own options. --- */

struct options_kept {
    const char *site;
    Sf__ConfObject *objects[2]; /* ours, of every site */
};

static int keep_options(void *arg, const Sf__ConfObject *object)
{
    struct options_kept *kept = arg;

    if (strcmp(message_id(object), kept->site) == 0)
        kept->objects[0] = message_copy(object);
    else if (message_id(object)[0] == '\0')
        kept->objects[1] = message_copy(object);
    return 0;
}

/* options_read - our site's options over those of every site over the defaults. */
static void options_read(struct proxy *proxy)
{
    const char *site = bootstrap_self_site(&proxy->component->bootstrap)->name;
    struct options_kept kept = {.site = site};
    struct cfg_item items[2];
    struct cfg_set set = {.items = items};

    (void)objects_each(proxy->objects, "options", "", keep_options, &kept);
    for (int i = 0; i < 2; i++)
        if (kept.objects[i] != NULL && message_item(kept.objects[i], &items[set.count]) == 0)
            set.count++;
    proxy->options = (struct proxy_options){
        .ack_timeout_ms = (uint32_t)cfg_option(&set, site, FIELD_OPTIONS_CONFIG_ACK_TIMEOUT),
        .catch_up_wait_ms = (uint32_t)cfg_option(&set, site, FIELD_OPTIONS_CONFIG_CATCH_UP_WAIT),
        .beat_interval_ms = (uint32_t)cfg_option(&set, site, FIELD_OPTIONS_CONFIG_BEAT_INTERVAL),
        .log_max = (uint32_t)cfg_option(&set, site, FIELD_OPTIONS_CONFIG_LOG_MAX),
        .pending_max = (uint32_t)cfg_option(&set, site, FIELD_OPTIONS_CONFIG_PENDING_MAX)};
    proxy->roles.conf.catch_up_wait_ms = proxy->options.catch_up_wait_ms;
    proxy->roles.conf.silent_ms = SILENT_BEATS * proxy->options.beat_interval_ms;
    for (int i = 0; i < 2; i++)
        if (kept.objects[i] != NULL)
            sf__conf_object__free_unpacked(kept.objects[i], NULL);
}

/* --- What moves. --- */

void proxy_changed(struct proxy *proxy, bool replaced)
{
    options_read(proxy);
    if (replaced) {
        feed_restart(proxy);
        watch_restart(proxy);
    } else {
        feed_pump(proxy);
        watch_pump(proxy);
    }
    proxy_input(proxy, &(struct roles_input){.kind = ROLES_IN_HELD,
                                             .position = objects_state(proxy->objects)->held});
}

static void on_timer(void *arg, mono_t now)
{
    struct proxy *proxy = arg;

    proxy_input(proxy, &(struct roles_input){.kind = ROLES_IN_TIME});
    writer_time(proxy, now);
    feed_time(proxy, now);
}

/* At the end of a turn: wake up when the next thing is due. */
static void on_turn_end(void *arg, mono_t now)
{
    struct proxy *proxy = arg;
    mono_t next = mono_min(roles_deadline(&proxy->roles),
                           mono_min(feed_deadline(proxy), writer_deadline(proxy)));

    (void)now;
    loop_timer_set(proxy->timer, next);
}

/* --- The component. --- */

static void find_hosts(struct proxy *proxy)
{
    const struct bootstrap *b = &proxy->component->bootstrap;

    proxy->pair = ROLES_NOBODY;
    for (uint32_t i = 0; i < b->host_count; i++) {
        if (i == b->self || bootstrap_is_arbiter(b, i))
            continue;
        if (bootstrap_pair_of(b, b->self) == i)
            proxy->pair = proxy->host_count;
        proxy->hosts[proxy->host_count++] = (struct proxy_host){i, b->hosts[i].name};
    }
}

static int open_copy(struct proxy *proxy)
{
    const struct bootstrap *b = &proxy->component->bootstrap;
    char folder[BOOTSTRAP_PATH_SIZE + 16];
    char error[STORE_ERROR_MAX];

    (void)snprintf(folder, sizeof folder, "%s/confproxy", b->data_dir);
    int r = objects_open(folder, 0, &proxy->objects, error);
    if (r != 0)
        log_event(LEVEL_ERR, MSG_STORE, NULL, "%s", error);
    return r;
}

static int start(struct component *component)
{
    struct proxy *proxy = component->self;
    int r;

    proxy->component = component;
    find_hosts(proxy);
    r = open_copy(proxy);
    if (r != 0)
        return r;
    const struct objects_state *state = objects_state(proxy->objects);
    const struct roles_conf conf = {
        .host_count = proxy->host_count, .pair = proxy->pair, .open_retry_ms = OPEN_RETRY_MS};
    roles_init(&proxy->roles, &conf, state->held);
    options_read(proxy);
    log_event(LEVEL_NOTICE, MSG_COPY, LOG_FIELDS(.epoch = state->held.epoch),
              "the copy here holds transaction %llu, %llu objects",
              (unsigned long long)state->held.txid, (unsigned long long)state->count);
    r = writer_start(proxy);
    if (r == 0)
        r = loop_timer_new(component->loop, LOOP_SIP, on_timer, proxy, &proxy->timer);
    if (r == 0)
        r = feed_start(proxy);
    if (r == 0)
        r = watch_start(proxy);
    if (r == 0)
        r = loop_turn_end(component->loop, 0, on_turn_end, proxy);
    if (r != 0)
        log_event(LEVEL_ERR, MSG_START, NULL, "cannot start: %s",
                  bus_error(component->bus)[0] != '\0' ? bus_error(component->bus) : strerror(-r));
    return r;
}

static void on_role(struct component *component)
{
    const struct component_role *role = &component->role;

    proxy_input(component->self,
                &(struct roles_input){.kind = ROLES_IN_ORDER,
                                      .writer = role->writer,
                                      .epoch = copy_write_epoch(role->ticket_epoch, role->epoch),
                                      .deadline = role->writer_deadline});
}

/* on_view - who writes, as hamgr knows it: the primary of the site that holds the ticket. */
static void on_view(struct component *component, const Sf__ClusterView *view)
{
    struct proxy *proxy = component->self;
    uint32_t writer = ROLES_NOBODY;

    for (size_t i = 0; i < view->n_hosts; i++) {
        const Sf__HostView *host = view->hosts[i];
        bool writes = host->writer ||
                      (view->ticket_site[0] != '\0' && strcmp(host->site, view->ticket_site) == 0 &&
                       host->role == SF__ROLE__ROLE_PRIMARY);
        for (uint32_t h = 0; writes && host->alive && h < proxy->host_count; h++)
            if (strcmp(proxy->hosts[h].name, host->host) == 0)
                writer = h;
    }
    proxy_input(proxy, &(struct roles_input){.kind = ROLES_IN_VIEW, .host = writer});
}

/* An empty copy is ready too: it can take an import; a SIP server decides for itself on what is
 * loaded. */
static void report(struct component *component, Sf__RoleReport *report)
{
    struct proxy *proxy = component->self;
    const struct objects_state *state = objects_state(proxy->objects);

    report->ready = 1;
    report->conf_epoch = state->held.epoch;
    report->conf_txid = state->held.txid;
    report->conf_writable = roles_may_write(&proxy->roles, loop_now_exact());
    report->why_not = (char *)proxy_explain(proxy);
    report->disk = objects_disk(proxy->objects, proxy->disk_why);
    report->disk_why = proxy->disk_why;
}

static void finish(struct component *component)
{
    struct proxy *proxy = component->self;

    watch_stop(proxy);
    feed_stop(proxy);
    writer_stop(proxy);
    loop_timer_destroy(&proxy->timer);
    objects_close(&proxy->objects);
}

const struct component_hooks proxy_hooks = {
    .process = PROCESS_CONFPROXY,
    .start = start,
    .on_role = on_role,
    .report = report,
    .on_view = on_view,
    .finish = finish,
};

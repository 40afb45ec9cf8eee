/* The verbs: one request to the confproxy of this host, and its answer. */
#include "confproxy/adapt/client.h"
#include "common/bus.h"
#include "common/loop.h"
#include "confproxy/adapt/message.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS 10000
#define RETRY_MS    200

struct client {
    const struct client_verb *verb;
    struct loop *loop;
    struct bus *bus;
    struct bus_link *link;
    struct loop_timer *timer; /* patience */
    struct loop_timer *retry;
    mono_t retry_until;
    struct client_changes changes;
    Sf__ConfObject **objects; /* of an export */
    size_t count;
    bool asked;
};

static bool is(const struct client *c, const char *verb)
{
    return strcmp(c->verb->verb, verb) == 0;
}

static void ask(struct client *c)
{
    int r = 0;

    if (is(c, "import")) {
        Sf__ConfWrite m = SF__CONF_WRITE__INIT;
        m.request_id = 1;
        m.changes = c->changes.changes;
        m.n_changes = c->changes.count;
        m.replace_all = 1;
        m.author = (char *)(c->verb->author != NULL ? c->verb->author : "");
        r = bus_link_send(c->link, MESSAGE_CONF_WRITE, &m);
    } else if (is(c, "export")) {
        Sf__ConfGet m = SF__CONF_GET__INIT;
        m.request_id = 1;
        r = bus_link_send(c->link, MESSAGE_CONF_GET, &m);
    } else {
        Sf__ConfStatusRequest m = SF__CONF_STATUS_REQUEST__INIT;
        m.request_id = 1;
        r = bus_link_send(c->link, MESSAGE_CONF_STATUS_REQUEST, &m);
    }
    if (r != 0) {
        fprintf(c->verb->err, "the request could not be sent: %s\n", strerror(-r));
        loop_exit(c->loop, 1);
    }
    c->asked = true;
}

static void on_written(struct client *c, const Sf__ConfWriteReply *reply)
{
    bool no_writer = reply->code == EAGAIN || reply->code == EHOSTUNREACH; /* nothing was written */

    if (no_writer && mono_before(loop_now_exact(), c->retry_until)) {
        loop_timer_set(c->retry, mono_add_ms(loop_now_exact(), RETRY_MS));
        return;
    }
    if (reply->code != 0) {
        fprintf(c->verb->err, "%s\n", reply->text);
        loop_exit(c->loop, 1);
        return;
    }
    fprintf(c->verb->out, "imported %zu objects as transaction %llu of epoch %llu.%llu: %s\n",
            c->changes.count, (unsigned long long)reply->txid,
            (unsigned long long)(reply->epoch >> 32),
            (unsigned long long)(reply->epoch & UINT32_MAX), reply->text);
    loop_exit(c->loop, 0);
}

static int write_export(struct client *c)
{
    FILE *out = c->verb->out;

    if (c->verb->file != NULL) {
        out = fopen(c->verb->file, "we");
        if (out == NULL) {
            fprintf(c->verb->err, "%s: cannot be written: %s\n", c->verb->file, strerror(errno));
            return 1;
        }
    }
    client_render(c->objects, c->count, out);
    bool bad = fflush(out) != 0 || ferror(out) != 0;
    if (out != c->verb->out && fclose(out) != 0)
        bad = true;
    if (bad)
        fprintf(c->verb->err, "the export could not be written: %s\n", strerror(errno));
    return bad ? 1 : 0;
}

static void on_objects(struct client *c, const Sf__ConfSnapshot *part)
{
    Sf__ConfObject **grown = realloc(c->objects, (c->count + part->n_objects + 1) * sizeof *grown);

    if (grown == NULL)
        abort();
    c->objects = grown;
    for (size_t i = 0; i < part->n_objects; i++)
        c->objects[c->count++] = message_copy(part->objects[i]);
    if (!part->more)
        loop_exit(c->loop, write_export(c));
}

static void print_json(const struct client *c, const Sf__ConfStatus *s)
{
    json_t *status = json_pack(
        "{s:s, s:s, s:s, s:I, s:I, s:s, s:I, s:b, s:b, s:s, s:I, s:I}", "role", s->role,
        "writer_host", s->writer_host, "following", s->following, "epoch", (json_int_t)s->epoch,
        "txid", (json_int_t)s->txid, "checksum", s->checksum, "objects", (json_int_t)s->objects,
        "loaded", (int)s->loaded, "writable", (int)s->writable, "why_not", s->why_not, "followers",
        (json_int_t)s->followers, "conflicts", (json_int_t)s->conflicts);

    if (status == NULL)
        abort();
    (void)json_dumpf(status, c->verb->out, JSON_INDENT(2));
    fputc('\n', c->verb->out);
    json_decref(status);
}

static void print_status(const struct client *c, const Sf__ConfStatus *s)
{
    FILE *out = c->verb->out;

    fprintf(out, "role       %s%s\n", s->role, s->writable ? ", accepts writes" : "");
    fprintf(out, "writer     %s\n", s->writer_host[0] != '\0' ? s->writer_host : "none known");
    if (s->following[0] != '\0')
        fprintf(out, "follows    %s\n", s->following);
    fprintf(out, "position   epoch %llu.%llu (ticket.role), transaction %llu\n",
            (unsigned long long)(s->epoch >> 32), (unsigned long long)(s->epoch & UINT32_MAX),
            (unsigned long long)s->txid);
    fprintf(out, "objects    %llu, checksum %s\n", (unsigned long long)s->objects, s->checksum);
    fprintf(out, "followers  %llu\n", (unsigned long long)s->followers);
    if (s->conflicts > 0)
        fprintf(out, "conflicts  %llu transactions were written here and are not in the history\n",
                (unsigned long long)s->conflicts);
    if (s->why_not[0] != '\0')
        fprintf(out, "note       %s\n", s->why_not);
}

static void on_message(void *arg, struct bus_link *link, const struct bus_sender *from,
                       const struct codec_message *message)
{
    struct client *c = arg;

    (void)link;
    (void)from;
    switch ((int)message->type) {
    case MESSAGE_CONF_WRITE_REPLY: on_written(c, message->body); break;
    case MESSAGE_CONF_SNAPSHOT: on_objects(c, message->body); break;
    case MESSAGE_CONF_STATUS:
        if (c->verb->json)
            print_json(c, message->body);
        else
            print_status(c, message->body);
        loop_exit(c->loop, 0);
        break;
    default: break;
    }
}

static void on_state(void *arg, struct bus_link *link, bool up)
{
    struct client *c = arg;

    (void)link;
    if (up && !c->asked) {
        ask(c);
    } else if (c->asked) {
        fprintf(c->verb->err, "the confproxy of this host went away before it had answered%s\n",
                is(c, "import") ? "; whether it was written is open: look at 'status'" : "");
        loop_exit(c->loop, 1);
    }
}

static void on_timer(void *arg, mono_t now)
{
    struct client *c = arg;

    (void)now;
    fprintf(c->verb->err, "%s; see 'hamgr status' whether it runs, and its log\n",
            c->asked ? "the confproxy of this host has not answered in time"
                     : "the confproxy of this host cannot be reached");
    loop_exit(c->loop, 1);
}

static void on_retry(void *arg, mono_t now)
{
    (void)now;
    ask(arg);
}

static int connect_and_run(struct client *c, const struct bootstrap *bootstrap)
{
    const struct bus_conf conf = {.self = PROCESS_CLI, .bootstrap = bootstrap};
    uint32_t patience = c->verb->patience_ms != 0 ? c->verb->patience_ms : PATIENCE_MS;
    int r = loop_new(&c->loop);

    if (r == 0)
        r = bus_new(c->loop, &conf, &c->bus);
    if (r == 0)
        r = bus_connect(c->bus, ENDPOINT_CONFIG, NULL, LOOP_SIP, on_message, on_state, c, &c->link);
    if (r == 0)
        r = loop_timer_new(c->loop, LOOP_SIP, on_timer, c, &c->timer);
    if (r == 0)
        r = loop_timer_new(c->loop, LOOP_SIP, on_retry, c, &c->retry);
    if (r != 0) {
        const char *words = c->bus != NULL ? bus_error(c->bus) : "";
        fprintf(c->verb->err, "cannot connect to the confproxy of this host: %s\n",
                words[0] != '\0' ? words : strerror(-r));
        return 1;
    }
    c->retry_until = mono_add_ms(loop_now_exact(), c->verb->wait_ms);
    loop_timer_set(c->timer, mono_add_ms(c->retry_until, patience));
    r = loop_run(c->loop);
    return r < 0 ? 1 : r;
}

int client_check(const char *file, const struct bootstrap *bootstrap, FILE *out, FILE *err)
{
    struct client_changes changes = {0};
    struct conf_errors errors;
    int r = client_parse(file, bootstrap, &changes, &errors);

    if (r != 0) {
        conf_errors_print(&errors, err);
        return 2;
    }
    fprintf(out, "%s: %zu objects, no fault\n", file, changes.count);
    client_changes_free(&changes);
    return 0;
}

int client_run(const struct bootstrap *bootstrap, const struct client_verb *verb)
{
    struct client c = {.verb = verb};
    struct conf_errors errors;
    int r;

    if (is(&c, "check") || (is(&c, "import") && verb->check))
        return client_check(verb->file, bootstrap, verb->out, verb->err);
    assert(is(&c, "import") || is(&c, "export") || is(&c, "status"));
    if (is(&c, "import") && client_parse(verb->file, bootstrap, &c.changes, &errors) != 0) {
        conf_errors_print(&errors, verb->err);
        return 2;
    }
    r = connect_and_run(&c, bootstrap);
    loop_timer_destroy(&c.timer);
    loop_timer_destroy(&c.retry);
    bus_link_destroy(&c.link);
    bus_destroy(&c.bus);
    loop_destroy(&c.loop);
    client_changes_free(&c.changes);
    for (size_t i = 0; i < c.count; i++)
        sf__conf_object__free_unpacked(c.objects[i], NULL);
    free(c.objects);
    return r;
}

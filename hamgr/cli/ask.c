/* ask - one request to the hamgr of this host, over its control socket. */
#include "hamgr/cli/cli.h"

#include "common/bus.h"
#include "common/log.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct asking {
    struct cli *cli;
    struct loop *loop;
    const char *verb;
    const char *const *arguments;
    cli_reply_fn *fn;
    void *arg;
    uint64_t request_id;
    bool sent;
    bool answered;
    bool more_follows;
    struct loop_timer *timer;
};

static void on_state(void *arg, struct bus_link *link, bool up)
{
    struct asking *a = arg;
    Sf__ControlRequest request = SF__CONTROL_REQUEST__INIT;
    size_t n = 0;

    if (!up) {
        if (a->sent && a->more_follows)
            loop_exit(a->loop, CLI_NO_HAMGR); /* a followed stream has ended with its hamgr */
        return;
    }
    if (a->sent)
        return; /* never ask twice: the first may have been carried out */
    while (a->arguments[n] != NULL)
        n++;
    request.request_id = a->request_id;
    request.verb = (char *)a->verb;
    request.n_arguments = n;
    request.arguments = (char **)a->arguments;
    a->sent = bus_link_send(link, MESSAGE_CONTROL_REQUEST, &request) == 0;
}

static void on_message(void *arg, struct bus_link *link, const struct bus_sender *from,
                       const struct codec_message *message)
{
    struct asking *a = arg;
    const Sf__ControlReply *reply = message->body;
    json_t *json;

    (void)link;
    (void)from;
    if (message->type != MESSAGE_CONTROL_REPLY || reply->request_id != a->request_id)
        return;
    json = reply->json[0] != '\0' ? json_loads(reply->json, 0, NULL) : NULL;
    a->fn(a->arg, reply->code, reply->text, json);
    json_decref(json);
    fflush(stdout);
    a->answered = true;
    a->more_follows = reply->more;
    if (!reply->more)
        loop_exit(a->loop, reply->code);
    else
        loop_timer_set(a->timer, MONO_NEVER);
}

static void on_timeout(void *arg, mono_t now)
{
    struct asking *a = arg;

    (void)now;
    loop_exit(a->loop, CLI_NO_HAMGR);
}

static void on_signal(void *arg, int signal)
{
    struct asking *a = arg;

    (void)signal;
    loop_exit(a->loop, CLI_DONE);
}

int cli_ask(struct cli *cli, const char *verb, const char *const *arguments, cli_reply_fn *fn,
            void *arg)
{
    struct asking a = {.cli = cli, .verb = verb, .arguments = arguments, .fn = fn, .arg = arg};
    struct bus_conf conf = {.self = PROCESS_CLI, .bootstrap = &cli->bootstrap};
    struct bus *bus = NULL;
    struct bus_link *link = NULL;
    int r;

    log_set_level(LEVEL_ERR);
    r = loop_new(&a.loop);
    if (r < 0)
        return CLI_REFUSED;
    a.request_id = (uint64_t)loop_now_exact().ns;
    r = bus_new(a.loop, &conf, &bus);
    if (r == 0)
        r = bus_connect(bus, ENDPOINT_CONTROL, NULL, LOOP_SIP, on_message, on_state, &a, &link);
    if (r == 0)
        r = loop_timer_new(a.loop, LOOP_SIP, on_timeout, &a, &a.timer);
    if (r == 0)
        r = loop_signal(a.loop, SIGINT, on_signal, &a);
    if (r < 0) {
        fprintf(stderr, "hamgr: cannot ask the hamgr of this host: %s\n",
                bus != NULL ? bus_error(bus) : strerror(-r));
        r = CLI_REFUSED;
    } else {
        loop_timer_set(a.timer, mono_add_ms(loop_now_exact(), cli->timeout_ms));
        r = loop_run(a.loop);
        if (r == CLI_NO_HAMGR && !a.answered)
            fprintf(stderr,
                    "hamgr: no hamgr answers at %s/control.sock within %u ms; start it with `hamgr "
                    "run`, or name its "
                    "host with --self\n",
                    cli->bootstrap.run_dir, cli->timeout_ms);
    }
    bus_link_destroy(&link);
    loop_timer_destroy(&a.timer);
    bus_destroy(&bus);
    loop_destroy(&a.loop);
    return r;
}

void cli_print(void *arg, int code, const char *text, const json_t *json)
{
    const struct cli *cli = arg;

    if (cli->json && json != NULL) {
        json_dumpf(json, stdout, JSON_INDENT(2));
        fputc('\n', stdout);
    } else if (text[0] != '\0') {
        fprintf(code == 0 ? stdout : stderr, "%s\n", text);
    }
}

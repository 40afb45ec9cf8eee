/* Commands on standard input: desktop/README.md, the headless agent. */
#include "desktop/adapt/agent_inner.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/loop.h"

/* operation_words - the first word is the operation; then a number where it takes one, "call=ID",
 * and pairs of data, "key=value", "key=" to remove it.  False: the first word is no operation. */
static bool operation_words(struct agent *agent, const char *text)
{
    static const char *const names[] = {"dial",      "answer",   "release",  "hold",
                                        "retrieve",  "transfer", "consult",  "complete",
                                        "alternate", "return",   "set-data", "data"};
    char words[sizeof(agent->all->command)], *rest, *word, *equals;
    json_t *document, *data;
    const char *name = NULL;

    snprintf(words, sizeof(words), "%s", text);
    word = strtok_r(words, " ", &rest);
    for (size_t i = 0; word != NULL && i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], word) == 0)
            name = names[i];
    if (name == NULL)
        return false;
    document = json_object();
    data = json_object();
    while ((word = strtok_r(NULL, " ", &rest)) != NULL) {
        equals = strchr(word, '=');
        if (equals != NULL)
            *equals = '\0';
        if (equals == NULL)
            json_object_set_new(document, "number", json_string(word));
        else if (strcmp(word, "call") == 0)
            json_object_set_new(document, "call", json_string(equals + 1));
        else
            json_object_set_new(data, word, json_string(equals + 1));
    }
    json_object_set_new(document, "data", data);
    agent_operate(agent, name, document);
    return true;
}

static void command(struct agent *agent, const char *text)
{
    if (operation_words(agent, text))
        return;
    if (strcmp(text, "ready") == 0) {
        agent->ready = true;
        agent_send_state(agent);
    } else if (strncmp(text, "notready", 8) == 0 && (text[8] == ' ' || text[8] == '\0')) {
        agent->ready = false;
        snprintf(agent->reason, sizeof(agent->reason), "%s", text[8] == ' ' ? text + 9 : "");
        agent_send_state(agent);
    } else if (strcmp(text, "logout") == 0) {
        agent_step(agent, CLIENT_EV_STOP, false);
    } else if (text[0] != '\0') {
        fprintf(stderr,
                "desktop agent: '%s': write [ID:] ready, notready REASON, logout, or dial NUMBER, "
                "answer, release, hold, retrieve, transfer NUMBER, consult NUMBER, complete, "
                "alternate, return, set-data KEY=VALUE, data\n",
                text);
    }
}

/* command_line - "ID: what" is for one agent, "what" for all. */
static void command_line(struct agents *all, char *line)
{
    char *colon = strstr(line, ": ");

    if (colon != NULL)
        *colon = '\0';
    for (unsigned i = 0; i < all->options.user_count; i++)
        if (colon == NULL || strcmp(all->list[i].user->id, line) == 0)
            command(&all->list[i], colon == NULL ? line : colon + 2);
}

void agent_on_input(void *arg, uint32_t events)
{
    struct agents *all = arg;
    char *end;
    ssize_t count = read(STDIN_FILENO, all->command + all->command_used,
                         sizeof(all->command) - 1 - all->command_used);

    (void)events;
    if (count <= 0) {
        if (count == 0 || errno != EAGAIN)
            loop_io_destroy(&all->input); /* no more commands; the agents go on */
        return;
    }
    all->command_used += (size_t)count;
    all->command[all->command_used] = '\0';
    while ((end = strchr(all->command, '\n')) != NULL) {
        *end = '\0';
        command_line(all, all->command);
        all->command_used -= (size_t)(end + 1 - all->command);
        memmove(all->command, end + 1, all->command_used + 1);
    }
    if (all->command_used == sizeof(all->command) - 1)
        all->command_used = 0; /* a line too long to be a command */
}

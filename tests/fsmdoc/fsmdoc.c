/* fsmdoc - write docs/fsm/NAME.md for every machine, from its table, and README.md, their list.
 *
 *   fsmdoc DIRECTORY
 */
#include <stdio.h>
#include <string.h>

#include "tests/fsmdoc/machines.h"

static void words(FILE *f, const char *head, const struct fsm_word *w, size_t n)
{
    fprintf(f, "| %s | meaning |\n|---|---|\n", head);
    for (size_t i = 0; i < n; i++)
        fprintf(f, "| `%s` | %s |\n", w[i].name, w[i].meaning);
    fputc('\n', f);
}

/* One arrow per pair of states, with everything that leads from one to the other. */
static void chart(FILE *f, const struct fsm *m)
{
    fputs("```mermaid\nstateDiagram-v2\n", f);
    for (size_t a = 0; a < m->states_n; a++)
        for (size_t b = 0; b < m->states_n; b++) {
            const char *separator = ": ";
            for (size_t i = 0; a != b && i < m->rows_n; i++) {
                const struct fsm_row *r = &m->rows[i];
                if (strcmp(r->from, m->states[a].name) != 0 ||
                    strcmp(r->to, m->states[b].name) != 0)
                    continue;
                if (strcmp(separator, ": ") == 0)
                    fprintf(f, "    %s --> %s", r->from, r->to);
                fprintf(f, "%s%s", separator, r->event);
                if (strcmp(r->guard, "always") != 0)
                    fprintf(f, " [%s]", r->guard);
                separator = ", ";
            }
            if (strcmp(separator, ": ") != 0)
                fputc('\n', f);
        }
    for (size_t s = 0; s < m->states_n; s++)
        if (m->states[s].final)
            fprintf(f, "    %s --> [*]\n", m->states[s].name);
    fputs("```\n\n", f);
}

static void table(FILE *f, const struct fsm *m)
{
    fputs("| from | event | if | to | action | why | source |\n|---|---|---|---|---|---|---|\n", f);
    for (size_t i = 0; i < m->rows_n; i++) {
        const struct fsm_row *r = &m->rows[i];
        if (r->action[0] == '\0')
            fprintf(f, "| `%s` | `%s` | | ignored | | %s | %s |\n", r->from, r->event, r->why,
                    r->source);
        else
            fprintf(f, "| `%s` | `%s` | %s | `%s` | %s | %s | %s |\n", r->from, r->event, r->guard,
                    r->to, r->action, r->why, r->source);
    }
}

static FILE *open_page(const char *directory, const char *name)
{
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s/%s.md", directory, name) >= sizeof path)
        return NULL;
    FILE *f = fopen(path, "w");
    if (!f)
        perror(path);
    return f;
}

static int write_index(const char *directory)
{
    FILE *f = open_page(directory, "README");
    if (!f)
        return -1;
    fputs("# State machines\n\n"
          "Generated from the tables (`*.tbl.h`) by `tests/fsmdoc`; do not edit. The ctest "
          "`fsmdoc` fails when\n"
          "a page and its table differ. `test_tables` checks each table: every state answers every "
          "event, no\n"
          "row stands behind one that always matches, every state can be reached and left.\n\n"
          "| machine | table |\n|---|---|\n",
          f);
    for (size_t i = 0; i < MACHINES_N; i++)
        fprintf(f, "| [%s](%s.md) | `%s` |\n", machines[i].title, machines[i].name,
                machines[i].table);
    return fclose(f);
}

static int write_one(const char *directory, const struct fsm *m)
{
    FILE *f = open_page(directory, m->name);
    if (!f)
        return -1;
    fprintf(f, "# %s\n\nGenerated from `%s` by `tests/fsmdoc`; do not edit.\n\n", m->title,
            m->table);
    words(f, "state", m->states, m->states_n);
    words(f, "event", m->events, m->events_n);
    chart(f, m);
    fputs("The first row that matches wins; order matters only within one (state, event) pair.\n\n",
          f);
    table(f, m);
    return fclose(f);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: fsmdoc DIRECTORY\n");
        return 2;
    }
    for (size_t i = 0; i < MACHINES_N; i++)
        if (write_one(argv[1], &machines[i]) != 0)
            return 1;
    return write_index(argv[1]) == 0 ? 0 : 1;
}

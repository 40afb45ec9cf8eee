/* model_lease - every order of events from each of a few beginnings, to a depth; see model.h.
 *
 *   model_lease [--depth N] [--states N] [--world N] [--beginning N] [--expect-failure]
 *
 * Depth-first over moves.  A state that was seen with at least as much depth to go is not entered
 * again.  A breach prints the whole way to it.  Ends with "N passed, N failed"; one line a
 * beginning says how many states and whether all of them, to that depth, were seen.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/model/model.h"

#define DEPTH_MAX 64
#define WAY_MAX   1000 /* moves to a beginning */

struct seen {
    uint64_t hash;
    uint8_t depth; /* that was still to go */
};

struct search {
    struct seen *table;
    uint64_t mask, states, states_max, transitions;
    bool full;
    int depth;
    struct model state[DEPTH_MAX + 1];
    struct model_move way[DEPTH_MAX + 1];
    struct model_coverage coverage;
};

/* true when it need not be entered. */
static bool known(struct search *s, const struct model *m, int left)
{
    uint64_t h = model_hash(m);

    for (uint64_t i = h & s->mask;; i = (i + 1) & s->mask) {
        if (s->table[i].hash == h) {
            if (s->table[i].depth >= left)
                return true;
            s->table[i].depth = (uint8_t)left;
            return false;
        }
        if (s->table[i].hash == 0) {
            if (s->states >= s->states_max) {
                s->full = true;
                return true;
            }
            s->states++;
            s->table[i] = (struct seen){h, (uint8_t)left};
            return false;
        }
    }
}

static bool explore(struct search *s, int at)
{
    struct model_move moves[MODEL_MOVES_MAX];
    int n = model_moves(&s->state[at], moves);

    for (int k = 0; k < n && !s->full; k++) {
        s->state[at + 1] = s->state[at];
        s->way[at + 1] = moves[k];
        model_apply(&s->state[at + 1], moves[k], &s->coverage);
        s->transitions++;
        if (s->state[at + 1].wrong) {
            for (int i = 1; i <= at + 1; i++)
                model_print(&s->state[i], s->way[i]);
            return false;
        }
        if (at + 1 < s->depth && !known(s, &s->state[at + 1], s->depth - at - 1) &&
            !explore(s, at + 1))
            return false;
    }
    return true;
}

/* Where the search begins: moves ahead of the foundation, taken in the plainest order. */
struct beginning {
    const char *name;
    bool (*reached)(const struct model *m); /* NULL: A holds */
    uint8_t cut;    /* mask of nodes: what they send and what is sent to them is lost */
    uint8_t unread; /* what is sent to these stays under way */
    uint8_t asleep; /* these do not wake */
    bool switchover, solo;
    /* B is stopped in good order before the rest, and there is no witness for a while; then it is
     * back, and with HOME its vote as well. */
    bool leaves, home;
    bool alone; /* A wants to be alone before the rest, cut off from B only, and is */
};

static bool a_holds(const struct model *m)
{
    return m->node[0].lease.state == LEASE_HOLDING && m->messages == 0;
}
static bool a_yields(const struct model *m)
{
    return m->node[0].lease.state == LEASE_YIELDING;
}
static bool b_probes(const struct model *m)
{
    return m->node[1].lease.state == LEASE_PROBING;
}
static bool a_alone(const struct model *m)
{
    return m->alone_from.sequence != 0;
}
static bool a_borrows(const struct model *m)
{
    return vote_borrowed(&m->node[0].vote) == 1 && m->messages == 0;
}
static bool b_gone(const struct model *m)
{
    return a_borrows(m) && !m->node[1].up;
}
static bool witness_free(const struct model *m)
{
    return m->node[2].vote.state == VOTE_FREE;
}
static bool b_home(const struct model *m)
{
    return m->node[1].up && m->node[1].vote.record.loan[1] == 2;
}
static bool b_free(const struct model *m)
{
    return m->node[1].up && m->node[1].vote.state == VOTE_FREE;
}
static bool answer_late(const struct model *m)
{
    return m->messages > 0 && m->node[0].lease.seq > 0 &&
           mono_diff_ms(m->node[0].lease.deadline, m->node[0].clock) < 200;
}

static const struct beginning beginnings[] = {
    {.name = "A holds"},
    {.name = "A yields to B", .reached = a_yields, .switchover = true},
    {.name = "B, cut off, believes it free", .reached = b_probes, .cut = 1u << 1},
    {.name = "A is cut off, B probes", .reached = b_probes, .cut = 1u << 0, .asleep = 1u << 0},
    {.name = "A's answer is late", .reached = answer_late, .cut = 1u << 1, .unread = 1u << 0},
    {.name = "A, cut off, wants to be alone; B probes",
     .reached = b_probes,
     .cut = 1u << 0,
     .asleep = 1u << 0,
     .solo = true},
    {.name = "A is alone, then cut off; B probes",
     .reached = b_probes,
     .cut = 1u << 0,
     .asleep = 1u << 0,
     .alone = true},
    {.name = "B has lent its vote to A, which is cut off; B is back",
     .reached = b_free,
     .cut = 1u << 0,
     .leaves = true},
    {.name = "B has lent its vote to A, and leaves", .reached = a_borrows, .leaves = true},
    {.name = "A has given B's vote back, and is cut off; B probes",
     .reached = b_probes,
     .cut = 1u << 0,
     .leaves = true,
     .home = true},
};

static void lose_cut(struct model *m, uint8_t cut)
{
    uint8_t kept = 0;

    for (uint8_t k = 0; k < m->messages; k++)
        if (!((1u << m->message[k].to | 1u << m->message[k].msg.from) & cut))
            m->message[kept++] = m->message[k];
    m->messages = kept;
}

static bool drive(struct model *m, const struct beginning *b, bool (*reached)(const struct model *))
{
    for (int n_moves = 0; !reached(m); n_moves++) {
        if (n_moves == WAY_MAX)
            return false;
        lose_cut(m, b->cut);
        struct model_move moves[MODEL_MOVES_MAX];
        int n = model_moves(m, moves), k = 0;
        for (; k < n - 1; k++) { /* the last is: time passes */
            bool read = moves[k].kind == MOVE_DELIVER && !(b->unread & 1u << moves[k].b);
            bool woken = moves[k].kind == MOVE_WAKE && !(b->asleep & 1u << moves[k].a);
            if (read || woken || moves[k].kind == MOVE_SAVED || moves[k].kind == MOVE_SWITCHOVER ||
                moves[k].kind == MOVE_SOLO || moves[k].kind == MOVE_ALONE ||
                moves[k].kind == MOVE_STOP || moves[k].kind == MOVE_LEAVE ||
                (moves[k].kind == MOVE_TELL && !((1u << moves[k].a | 1u << moves[k].b) & b->cut)) ||
                (moves[k].kind == MOVE_EXIT && a_borrows(m)) ||
                (moves[k].kind == MOVE_START && !(b->asleep & 1u << moves[k].a)))
                break;
        }
        model_apply(m, moves[k], NULL);
    }
    return true;
}

static bool begin(struct model *m, const struct ham_conf *conf, const struct model_limits *limits,
                  const struct beginning *b)
{
    struct model_limits none = {0};
    bool there;

    memcpy(none.pace, limits->pace, sizeof none.pace);
    model_init(m, conf, &none);
    there = drive(m, &(struct beginning){.asleep = 1u << 1}, a_holds);
    m->left.switchovers = b->switchover;
    m->left.solos = b->solo || b->alone;
    if (b->alone)
        there = there && drive(m, &(struct beginning){.cut = 1u << 1, .asleep = 1u << 1}, a_alone);
    m->left.leaves = b->leaves;
    if (b->leaves && b->cut) {
        there = there && drive(m, &(struct beginning){.asleep = 1u << 1}, b_gone);
        there =
            there && drive(m, &(struct beginning){.asleep = 1u << 1, .cut = 1u << 2}, witness_free);
    }
    if (b->home) {
        there = there && drive(m, &(struct beginning){.cut = 1u << 1 | 1u << 2}, b_free);
        there = there && drive(m, &(struct beginning){.cut = 1u << 2}, b_home);
    }
    if (b->reached)
        there = there && drive(m, b, b->reached);
    m->left = *limits;
    return there;
}

static void timeouts(struct ham_conf *c)
{
    memset(c, 0, sizeof *c);
    ham_conf_defaults(c);
    c->hosts = MODEL_NODES;
    c->arbiter = 2;
    c->site_of[2] = HAM_NONE;
    c->witness[0] = 2;
    c->witness[1] = HAM_NONE;
    c->lease_ttl_ms = 400;
    c->renew_ms = 100;
    c->ask_ms = 200;
    c->backoff_ms = 5; /* below a quantum */
    c->drift_ppm = 10000;
    c->margin_ms = 20;
}

/* Clocks that run apart as far as drift-ppm allows, both ways, and faults of every kind. */
static const struct world {
    const char *name;
    int deeper; /* than --depth: where fewer things can happen */
    struct model_limits limits;
} worlds[] = {
    {"delay, loss, freeze; A slow", 5, {.pace = {-1, 1, 1}}},
    {"a duplicate, a switchover; B slow",
     0,
     {.duplicates = 1, .switchovers = 1, .pace = {1, -1, 1}}},
    {"a crash; A slow", 3, {.crashes = 1, .pace = {-1, 1, 1}}},
    {"a crash and a lost store; A slow", 3, {.crashes = 1, .wipes = 1, .pace = {-1, 1, 1}}},
    {"a disk fault, a switchover", 1, {.disk_faults = 1, .switchovers = 1, .pace = {-1, 1, -1}}},
    {"no acknowledgement, a crash; A slow", 1, {.solos = 1, .crashes = 1, .pace = {-1, 1, 1}}},
    {"no acknowledgement, a disk fault, a duplicate",
     0,
     {.solos = 1, .disk_faults = 1, .duplicates = 1, .pace = {-1, 1, 1}}},
    {"a host is stopped in good order; A slow", 0, {.leaves = 1, .pace = {-1, 1, 1}}},
    {"two orderly stops, a crash; B slow", 0, {.leaves = 2, .crashes = 1, .pace = {1, -1, 1}}},
    {"an orderly stop, a lost store, a duplicate",
     0,
     {.leaves = 1, .crashes = 1, .wipes = 1, .duplicates = 1, .pace = {-1, 1, 1}}},
};

struct options {
    int depth, world, beginning; /* world, beginning 0: all */
    uint64_t states_max;
    bool expect_failure;
};

static bool read_options(int argc, char **argv, struct options *o)
{
    *o = (struct options){.depth = 10, .states_max = 8000000};
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--depth") && i + 1 < argc)
            o->depth = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--world") && i + 1 < argc)
            o->world = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--beginning") && i + 1 < argc)
            o->beginning = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--states") && i + 1 < argc)
            o->states_max = strtoull(argv[++i], NULL, 10);
        else if (!strcmp(argv[i], "--expect-failure"))
            o->expect_failure = true;
        else
            return fprintf(stderr, "%s: what is that?\n", argv[i]), false;
    }
    if (o->depth < 1 || o->depth > DEPTH_MAX - 5)
        return fprintf(stderr, "--depth is 1 to %d\n", DEPTH_MAX - 5), false;
    if (o->states_max < 1000 || o->states_max > UINT64_C(400000000))
        return fprintf(stderr, "--states is 1000 to 400000000 (32 bytes each)\n"), false;
    return true;
}

/* 1 as it must be, 0 a breach, -1 neither: the beginning cannot be reached, or not all was seen. */
static int search(struct search *s, const struct ham_conf *conf, const struct world *w,
                  const struct beginning *b, int depth)
{
    bool ok;

    memset(s->table, 0, (s->mask + 1) * sizeof *s->table);
    s->states = s->transitions = 0;
    s->full = false;
    s->depth = depth + w->deeper;
    if (!begin(&s->state[0], conf, &w->limits, b)) {
        printf("# model, %s; %s: cannot be reached\n", w->name, b->name);
        return -1;
    }
    ok = explore(s, 0);
    bool whole = ok && !s->full; /* what was not all seen is not proven */
    printf("%s - model, %s; %s: depth %d, %llu states, %llu moves%s\n", whole ? "ok" : "not ok",
           w->name, b->name, s->depth, (unsigned long long)s->states,
           (unsigned long long)s->transitions,
           s->full ? ", NOT ALL: the table is full, give it more --states" : "");
    fflush(stdout);
    return whole ? 1 : ok ? -1 : 0;
}

int main(int argc, char **argv)
{
    struct search *s = calloc(1, sizeof *s);
    int passed = 0, failed = 0;
    struct options o;
    struct ham_conf conf;
    struct ham_conf_fault fault;

    if (!s || !read_options(argc, argv, &o))
        return 2;
    timeouts(&conf);
    if (!ham_conf_check(&conf, &fault))
        return fprintf(stderr, "%s\n", fault.text), 2;
    s->states_max = o.states_max;
    for (s->mask = 1; s->mask < 2 * s->states_max; s->mask *= 2)
        ;
    s->table = calloc(s->mask--, sizeof *s->table);
    if (!s->table)
        return perror("calloc"), 2;
    for (int w = 0; w < (int)(sizeof worlds / sizeof worlds[0]); w++)
        for (size_t b = 0; b < sizeof beginnings / sizeof beginnings[0]; b++) {
            if ((o.world && o.world != w + 1) || (o.beginning && o.beginning != (int)b + 1) ||
                (o.expect_failure && failed))
                continue;
            int r = search(s, &conf, &worlds[w], &beginnings[b], o.depth);
            if (r > 0)
                passed++;
            else if (r == 0 || !o.expect_failure)
                failed++;
        }
    printf("%d passed, %d failed\n", passed, failed);
    free(s->table);
    free(s);
    return o.expect_failure ? failed == 0 : failed != 0;
}

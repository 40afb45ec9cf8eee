#include "tests/model/model.h"

#include <stdio.h>
#include <string.h>

#define QUANTUM_MS 100
#define QUANTA_MAX 40

static struct ham_conf conf; /* the same for every state of a run */

static void perform(struct model *m, uint8_t i, const struct ham_out *out,
                    struct model_coverage *coverage);
static void take(struct model *m, struct model_node *n);
static void check(struct model *m);
static bool sends(const struct model_node *n);

static bool is_host(uint8_t i)
{
    return i < 2;
}

static struct ham_conf conf_of(uint8_t i)
{
    struct ham_conf c = conf;
    c.self = i;
    return c;
}

/* What hamgr tells its lease before each step (ham.c: brief), for a host that is well. */
static void brief(struct model_node *n)
{
    n->lease.copy = n->at;
    uint8_t lent = vote_borrowed(&n->vote), loaned = vote_may_borrow(&n->vote);
    n->vote.borrowing = lease_own_record(&n->lease) && !n->leaving;
    n->lease.lent = lent == HAM_NONE ? 0 : 1u << lent;
    n->lease.loaned = loaned == HAM_NONE ? 0 : 1u << loaned;
    n->lease.loan = loan_number(&n->vote.pair, &n->vote.record, n->lease.self);
    n->lease.may_take = n->vote.record.known && !vote_lent(&n->vote) && !n->leaving;
    n->lease.known = n->vote.record.floor;
    n->lease.own = n->vote.record.holder == n->lease.self ? n->vote.record.epoch : 0;
    n->lease.held_until = vote_held_until(&n->vote, n->lease.self);
}

static mono_t wake_at(const struct model_node *n, uint8_t i)
{
    mono_t t = vote_deadline(&n->vote);
    return is_host(i) ? mono_min(t, lease_deadline(&n->lease)) : t;
}

/* Time first, then the event: the contract of every step. */
static void wake(struct model_node *n, uint8_t i, struct ham_out *out)
{
    vote_wake(&n->vote, n->clock, out);
    if (!is_host(i))
        return;
    brief(n);
    lease_wake(&n->lease, n->clock, out);
}

static void start(struct model *m, uint8_t i)
{
    struct model_node *n = &m->node[i];
    struct ham_conf c = conf_of(i);

    n->up = true;
    n->leaving = false;
    n->writing_id = 0;
    vote_init(&n->vote, &c, RIGHT_ROLE_0, &n->disk, n->clock);
    if (is_host(i))
        lease_init(&n->lease, &c, RIGHT_ROLE_0, (uint64_t)n->clock.ns + i, n->clock);
}

void model_init(struct model *m, const struct ham_conf *c, const struct model_limits *limits)
{
    memset(m, 0, sizeof *m);
    conf = *c;
    m->left = *limits;
    m->epoch_host = HAM_NONE;
    for (uint8_t i = 0; i < MODEL_NODES; i++) {
        m->node[i].clock = mono_add_ms(MONO_ZERO, 100000);
        vote_found(&m->node[i].disk, HAM_NONE, conf.lease_ttl_ms);
        start(m, i);
    }
}

/* The store of a host to which the other one's vote is lent, or was and has not come home, counts
 * for two. */
static bool is_double(const struct model *m, uint8_t i)
{
    if (!is_host(i))
        return false;
    uint64_t at_home = m->node[1 - i].disk.loan[1 - i];
    return at_home % 2 == 1 || m->node[i].disk.loan[1 - i] != at_home;
}

/* B has news of a lent vote, or A is there again and wants its own back. */
static bool worth_telling(const struct model *m, uint8_t a, uint8_t b)
{
    const struct model_node *from = &m->node[a], *to = &m->node[b];

    if (!from->up || !to->up || a == b || !from->vote.record.known)
        return false;
    for (int k = 0; k < m->messages; k++)
        if (m->message[k].to == b && m->message[k].msg.from == a &&
            m->message[k].msg.type == HAM_MSG_BEAT)
            return false; /* under way */
    for (int k = 0; k < 2; k++)
        if (from->vote.record.loan[k] > to->vote.record.loan[k])
            return true;
    return is_host(a) && is_host(b) && !from->leaving && to->vote.record.loan[a] % 2 == 1;
}

static int moves_of_loans(const struct model *m, struct model_move *moves)
{
    int n = 0;

    for (uint8_t i = 0; i < MODEL_NODES; i++) {
        const struct model_node *h = &m->node[i];
        for (uint8_t k = 0; k < MODEL_NODES; k++)
            if (worth_telling(m, i, k))
                moves[n++] = (struct model_move){MOVE_TELL, i, k};
        if (!h->up || !is_host(i))
            continue;
        if (m->left.leaves > 0 && !h->leaving && h->lease.state == LEASE_IDLE)
            moves[n++] = (struct model_move){MOVE_STOP, i, 0};
        if (h->leaving && (h->vote.state == VOTE_FREE || h->vote.state == VOTE_HELD) &&
            (h->vote.record.loan[i] % 2 == 0 || vote_borrowed(&h->vote) != HAM_NONE))
            moves[n++] = (struct model_move){MOVE_LEAVE, i, 0};
        if (h->leaving)
            moves[n++] = (struct model_move){MOVE_EXIT, i, 0};
    }
    return n;
}

int model_moves(const struct model *m, struct model_move *moves)
{
    int n = 0;
#define ADD(kind, a, b)                                                                            \
    moves[n++] = (struct model_move)                                                               \
    {                                                                                              \
        kind, (uint8_t)(a), (uint8_t)(b)                                                           \
    }
    for (int k = 0; k < m->messages; k++) {
        const struct model_message *g = &m->message[k];
        if (!m->node[g->to].up)
            continue;
        ADD(MOVE_DELIVER, k, g->to);
        if (m->left.duplicates > 0 && !g->copied)
            ADD(MOVE_DELIVER_COPY, k, g->to);
    }
    for (uint8_t i = 0; i < MODEL_NODES; i++) {
        const struct model_node *h = &m->node[i];
        if (!h->up) {
            ADD(MOVE_START, i, 0);
            if (m->left.wipes > 0 && h->disk.known && !is_double(m, i))
                ADD(MOVE_WIPE, i, 0);
            continue;
        }
        if (mono_due(wake_at(h, i), h->clock))
            ADD(MOVE_WAKE, i, 0);
        if (h->writing_id != 0) {
            ADD(MOVE_SAVED, i, 0);
            if (m->left.disk_faults > 0)
                ADD(MOVE_SAVE_FAILED, i, 0);
        }
        if (m->left.crashes > 0) {
            ADD(is_host(i) ? MOVE_KILL : MOVE_POWER_OFF, i, 0);
            if (h->writing_id != 0)
                ADD(MOVE_KILL_DONE, i, 0);
        }
        if (h->vote.state == VOTE_EMPTY || h->vote.state == VOTE_LEARNING)
            for (uint8_t k = 0; k < MODEL_NODES; k++)
                if (k != i && m->node[k].up && !(h->vote.taught & 1u << k))
                    ADD(MOVE_TEACH, i, k);
        if (!is_host(i))
            continue;
        if (m->left.switchovers > 0 && h->lease.state == LEASE_HOLDING)
            ADD(MOVE_SWITCHOVER, i, 0);
        if (h->lease.state == LEASE_YIELDING)
            ADD(MOVE_STOPPED, i, 0);
        if (m->left.solos > 0 && h->lease.state == LEASE_HOLDING && h->lease.solo.sequence == 0)
            ADD(MOVE_SOLO, i, 0);
        if (h->lease.state == LEASE_HOLDING && h->lease.solo.sequence != 0 && m->node[1 - i].up)
            ADD(MOVE_JOIN, i, 0);
    }
    n += moves_of_loans(m, moves + n);
    for (uint8_t i = 0; i < 2; i++)
        if (m->node[i].may_alone && sends(&m->node[i]) &&
            ham_copy_before(m->alone_from, m->node[i].alone_from))
            ADD(MOVE_ALONE, i, 0);
    if (m->quanta < QUANTA_MAX)
        ADD(MOVE_TIME, 0, 0);
#undef ADD
    return n;
}

static void deliver(struct model *m, uint8_t i, const struct ham_msg *g, struct ham_out *out)
{
    struct model_node *n = &m->node[i];

    wake(n, i, out);
    switch ((enum ham_msg_type)g->type) {
    case HAM_MSG_ASK: vote_asked(&n->vote, n->clock, g, out); break;
    case HAM_MSG_REPLY: lease_replied(&n->lease, n->clock, g, out); break;
    case HAM_MSG_RELEASE:
        vote_released(&n->vote, n->clock, g, out);
        if (is_host(i) && g->release.successor == i && g->from != i) {
            brief(n);
            lease_released(&n->lease, n->clock, g, out);
        }
        break;
    case HAM_MSG_BEAT:
        brief(n);
        vote_taught(&n->vote, n->clock, g->from, &g->beat.votes[RIGHT_ROLE_0], g->beat.leaving,
                    out);
        break;
    case HAM_MSG_HAND_OVER:
    case HAM_MSG_MAX: break;
    }
}

/* B has all that A has; what A sent alone is not lost with it any more. */
static void join(struct model *m, uint8_t i, struct ham_out *out)
{
    m->node[1 - i].at = m->node[i].at;
    m->alone_from = (struct ham_copy){0};
    wake(&m->node[i], i, out);
    lease_say(&m->node[i].lease, m->node[i].clock, (struct ham_copy){0}, out);
}

static void pass_time(struct model *m)
{
    m->quanta++;
    for (uint8_t i = 0; i < MODEL_NODES; i++) {
        int64_t ns = QUANTUM_MS * MONO_NS_PER_MS;
        m->node[i].clock.ns += ns + ns / 1000000 * conf.drift_ppm * m->left.pace[i];
    }
}

static void end_hamgr(struct model *m, uint8_t i, bool written, bool power_off)
{
    struct model_node *n = &m->node[i];

    m->left.crashes--;
    if (written)
        n->disk = n->writing;
    n->writing_id = 0;
    n->up = false;
    n->taken = 0;
    n->at = (struct ham_copy){0};
    if (power_off)
        n->send_until = MONO_ZERO;
}

static void tell(struct model_node *n, uint8_t i, uint8_t to, struct ham_out *out)
{
    struct ham_msg g = {.type = HAM_MSG_BEAT, .from = i};

    wake(n, i, out);
    g.beat.votes[RIGHT_ROLE_0] = n->vote.record;
    g.beat.leaving = n->leaving;
    ham_out_send(out, to, &g);
}

void model_apply(struct model *m, struct model_move move, struct model_coverage *coverage)
{
    struct model_node *n = &m->node[move.a % MODEL_NODES];
    uint8_t i = (uint8_t)(n - m->node);
    struct ham_out out;
    struct model_message g;

    out.n = out.fired_n = 0;
    switch ((enum model_kind)move.kind) {
    case MOVE_TIME: pass_time(m); break;
    case MOVE_WAKE: wake(n, i, &out); break;
    case MOVE_DELIVER:
    case MOVE_DELIVER_COPY:
        g = m->message[move.a];
        i = g.to;
        if (move.kind == MOVE_DELIVER_COPY) {
            m->left.duplicates--;
            m->message[move.a].copied = true;
        } else {
            m->messages--;
            memmove(&m->message[move.a], &m->message[move.a + 1],
                    (size_t)(m->messages - move.a) * sizeof g);
        }
        deliver(m, i, &g.msg, &out);
        break;
    case MOVE_SAVED:
    case MOVE_SAVE_FAILED:
        if (move.kind == MOVE_SAVED)
            n->disk = n->writing;
        else
            m->left.disk_faults--;
        wake(n, i, &out);
        vote_persisted(&n->vote, n->clock, n->writing_id, move.kind == MOVE_SAVED, &out);
        n->writing_id = 0;
        break;
    case MOVE_KILL: end_hamgr(m, i, false, false); break;
    case MOVE_KILL_DONE: end_hamgr(m, i, true, false); break;
    case MOVE_POWER_OFF: end_hamgr(m, i, false, true); break;
    case MOVE_WIPE:
        m->left.wipes--;
        n->disk = (struct vote_record){.holder = HAM_NONE};
        break;
    case MOVE_START: start(m, i); break;
    case MOVE_TEACH:
        wake(n, i, &out);
        vote_taught(&n->vote, n->clock, move.b, &m->node[move.b].vote.record, false, &out);
        break;
    case MOVE_SWITCHOVER:
        m->left.switchovers--;
        wake(n, i, &out);
        lease_yield(&n->lease, n->clock, (uint8_t)(1 - i), false, n->send_until, &out);
        break;
    case MOVE_STOPPED:
        n->send_until = MONO_ZERO;
        wake(n, i, &out);
        lease_stopped(&n->lease, n->clock, &out);
        break;
    case MOVE_SOLO:
        m->left.solos--;
        wake(n, i, &out);
        n->at.sequence++;
        lease_say(&n->lease, n->clock, n->at, &out);
        break;
    case MOVE_ALONE: m->alone_from = n->alone_from; break;
    case MOVE_JOIN: join(m, i, &out); break;
    case MOVE_STOP:
        m->left.leaves--;
        n->leaving = true;
        break;
    case MOVE_LEAVE:
        wake(n, i, &out);
        vote_leave(&n->vote, n->clock, true, &out);
        break;
    case MOVE_EXIT:
        m->left.crashes++;
        end_hamgr(m, i, false, true);
        break;
    case MOVE_TELL: tell(n, i, move.b, &out); break;
    }
    perform(m, i, &out, coverage);
    check(m);
}

/* Whoever takes over with a copy that lacks what was sent alone must know it.  From then on its
 * copy is the original. */
static void take(struct model *m, struct model_node *n)
{
    if (ham_copy_before(n->at, m->alone_from) && !n->lease.stale)
        m->wrong = "promoted with a stale copy, and does not know it";
    n->taken = n->lease.since;
    n->at = (struct ham_copy){.epoch = n->lease.since, .sequence = 1};
    m->alone_from = (struct ham_copy){0};
}

/* As ham.c does: our own voter is asked within the step; the order that follows from the lease goes
 * to the components at its end.  Output goes on until the last deadline ordered, or until the
 * components have said that it stopped (MOVE_STOPPED): no sooner because hamgr forgot about it. */
static void perform(struct model *m, uint8_t i, const struct ham_out *first,
                    struct model_coverage *coverage)
{
    struct model_node *n = &m->node[i];
    struct ham_out out = *first;

    for (uint32_t k = 0; k < out.n; k++) {
        struct ham_act a = out.act[k];
        if (a.type == ACT_PERSIST) {
            n->writing = a.persist.record;
            n->writing_id = a.persist.id;
        } else if (a.type == ACT_SEND && a.send.to == i) {
            deliver(m, i, &a.send.msg, &out);
        } else if (a.type == ACT_SEND && a.send.to < MODEL_NODES) {
            if (m->messages == MODEL_MESSAGES)
                memmove(&m->message[0], &m->message[1],
                        (size_t)--m->messages * sizeof m->message[0]);
            m->message[m->messages++] = (struct model_message){.msg = a.send.msg, .to = a.send.to};
        }
    }
    for (uint32_t k = 0; k < out.fired_n && coverage; k++) {
        if (out.fired[k].machine == MACHINE_VOTE)
            coverage->vote[out.fired[k].row]++;
        else
            coverage->lease[out.fired[k].row]++;
    }
    if (!is_host(i) || !n->up)
        return;
    if (n->lease.state == LEASE_HOLDING) {
        n->send_until = mono_max(n->send_until, n->lease.deadline);
        n->send_epoch = n->lease.epoch;
        n->may_alone = lease_alone(&n->lease);
        n->alone_from = n->may_alone ? n->lease.solo : (struct ham_copy){0};
        if (n->lease.since != n->taken)
            take(m, n);
    }
}

static bool sends(const struct model_node *n)
{
    return mono_before(n->clock, n->send_until);
}

static void check(struct model *m)
{
    bool both = sends(&m->node[0]) && sends(&m->node[1]);

    if (both)
        m->wrong = "two hosts of the site send";
    for (uint8_t i = 0; i < MODEL_NODES; i++) {
        const struct model_node *n = &m->node[i];
        if (n->up && (!vote_sane(&n->vote) || (is_host(i) && !lease_sane(&n->lease))))
            m->wrong = "a machine is not sane";
        if (!is_host(i) || !sends(n))
            continue;
        if (n->send_epoch < m->epoch_seen && m->epoch_host != i)
            m->wrong = "an epoch went back";
        if (n->send_epoch == m->epoch_seen && m->epoch_host != i)
            m->wrong = "two hosts served in one epoch";
        if (n->send_epoch >= m->epoch_seen) {
            m->epoch_seen = n->send_epoch;
            m->epoch_host = i;
        }
    }
}

/* ---- hashing: fields, not bytes, where a compound literal may leave padding undefined ---- */

static uint64_t mix(uint64_t h, uint64_t v)
{
    h ^= v + UINT64_C(0x9e3779b97f4a7c15) + (h << 6) + (h >> 2);
    h *= UINT64_C(0xff51afd7ed558ccd);
    return h ^ h >> 33;
}

static uint64_t mix_copy(uint64_t h, struct ham_copy c)
{
    return mix(mix(h, c.epoch), c.sequence);
}

static uint64_t mix_record(uint64_t h, const struct vote_record *r)
{
    h = mix(h, r->epoch);
    h = mix(h, r->floor);
    h = mix_copy(mix(h, r->solo_turn), r->solo);
    h = mix(mix(h, r->loan[0]), r->loan[1]);
    return mix(h, (uint64_t)r->ttl_ms << 16 | (uint64_t)r->holder << 8 | r->known);
}

static uint64_t hash_message(const struct ham_msg *g)
{
    uint64_t h = mix(g->type, (uint64_t)g->from << 8 | g->right);

    switch ((enum ham_msg_type)g->type) {
    case HAM_MSG_ASK:
        h = mix(mix(mix(h, g->ask.epoch), g->ask.seq), g->ask.released);
        h = mix_copy(mix_copy(mix(h, g->ask.solo_turn), g->ask.solo), g->ask.copy);
        h = mix(h, g->ask.loan);
        return mix(h, (uint64_t)g->ask.ttl_ms << 16 | (uint64_t)g->ask.kind << 8 | g->ask.holder);
    case HAM_MSG_REPLY:
        h = mix(mix(mix(h, g->reply.seq), g->reply.epoch), g->reply.left_ms);
        h = mix_copy(mix(h, g->reply.solo_turn << 1 | g->reply.stale), g->reply.solo);
        return mix(h, (uint64_t)g->reply.kind << 16 | (uint64_t)g->reply.reason << 8 |
                          g->reply.holder);
    case HAM_MSG_RELEASE:
        return mix(mix(h, g->release.epoch),
                   (uint64_t)g->release.successor << 8 | g->release.automatic);
    case HAM_MSG_BEAT: return mix(mix_record(h, &g->beat.votes[RIGHT_ROLE_0]), g->beat.leaving);
    case HAM_MSG_HAND_OVER:
    case HAM_MSG_MAX: break;
    }
    return h;
}

static uint64_t mix_vote(uint64_t h, const struct vote *v)
{
    h = mix_record(mix(h, v->state), &v->record);
    h = mix(mix(h, (uint64_t)v->until.ns),
            (uint64_t)v->taught << 8 | (uint64_t)v->loan_doubt << 1 | v->doubt);
    if (v->state == VOTE_SAVING) {
        h = mix(mix_record(h, &v->pending), (uint64_t)v->persist_id << 32 | v->promise_ms);
        h = mix(h, (uint64_t)v->before << 8 | v->reply_to);
        if (v->reply_to != HAM_NONE)
            h = mix(h, hash_message(&v->reply));
    }
    return v->state == VOTE_EMPTY || v->state == VOTE_LEARNING ? mix_record(h, &v->lesson) : h;
}

static uint64_t mix_lease(uint64_t h, const struct lease *l)
{
    h = mix(mix(mix(h, l->state), l->epoch), l->target);
    h = mix(mix(mix(h, l->seen), l->released), (uint64_t)l->deadline.ns);
    h = mix(mix(h, (uint64_t)l->stop_by.ns), (uint64_t)l->wake.ns);
    h = mix(h, (uint64_t)l->paused << 40 | (uint64_t)l->others_asked << 32 | l->would << 16 |
                   l->granted << 8 | l->refused);
    h = mix_copy(mix_copy(mix(h, l->solo_turn), l->solo), l->lacks);
    h = mix(mix(h, l->since),
            (uint64_t)l->recorded << 8 | (uint64_t)l->stale << 1 | l->stepped_back);
    h = mix(mix(h, l->left_ms), (uint64_t)l->last_reason << 16 | (uint64_t)l->successor << 8);
    for (int i = 0; i < LEASE_ASKS; i++)
        h = mix(mix(h, l->asks[i].seq), (uint64_t)l->asks[i].at.ns);
    for (int i = 0; i < MODEL_NODES; i++)
        h = mix(h, (uint64_t)l->base[i].ns);
    return h;
}

uint64_t model_hash(const struct model *m)
{
    uint64_t h = mix(m->quanta, m->epoch_seen), set = 0;

    h = mix(h, (uint64_t)m->left.crashes << 32 | (uint64_t)m->left.wipes << 24 |
                   (uint64_t)m->left.duplicates << 16 | (uint64_t)m->left.disk_faults << 8 |
                   m->left.switchovers);
    h = mix_copy(mix(h, (uint64_t)m->left.leaves << 8 | m->left.solos), m->alone_from);
    for (uint8_t i = 0; i < MODEL_NODES; i++) {
        const struct model_node *n = &m->node[i];
        h = mix_record(mix(h, (uint64_t)n->leaving << 1 | n->up), &n->disk);
        h = mix(mix(h, (uint64_t)n->send_until.ns), n->send_epoch);
        h = mix_copy(mix_copy(mix(h, n->may_alone), n->alone_from), n->at);
        if (n->writing_id != 0)
            h = mix_record(mix(h, n->writing_id), &n->writing);
        if (!n->up)
            continue;
        h = mix_vote(h, &n->vote);
        if (is_host(i))
            h = mix_lease(h, &n->lease);
    }
    for (int k = 0; k < m->messages; k++) /* in any order: it decides only which is displaced */
        set += mix(hash_message(&m->message[k].msg),
                   (uint64_t)m->message[k].to << 1 | m->message[k].copied);
    h = mix(h, set);
    return h ? h : 1;
}

/* ---- a state, for people ---- */

static const char *const kinds[] = {
    "time passes",
    "wakes",
    "is delivered",
    "is delivered, a copy remains",
    "write is done",
    "write fails",
    "hamgr killed",
    "hamgr killed, its write was done",
    "power off",
    "store lost",
    "starts",
    "hears a beat",
    "switchover",
    "output stopped",
    "wants to be alone",
    "sends alone",
    "the other host joins",
    "is to stop",
    "lends or gives back",
    "is gone, in good order",
    "sends a beat",
};
static const char *const vote_names[] = {
#define STATE(name, meaning) #name,
#include "hamgr/core/vote.tbl.h"
};
static const char *const lease_names[] = {
#define STATE(name, meaning) #name,
#include "hamgr/core/lease.tbl.h"
};

void model_print(const struct model *m, struct model_move move)
{
    static const char *const who[] = {"A", "B", "W"};
    bool by_message = move.kind == MOVE_DELIVER || move.kind == MOVE_DELIVER_COPY;
    const char *subject = move.kind == MOVE_TIME ? "" : who[(by_message ? move.b : move.a) % 3];

    printf("%5u ms  %-2s %-34s", m->quanta * QUANTUM_MS, subject, kinds[move.kind]);
    for (uint8_t i = 0; i < MODEL_NODES; i++) {
        const struct model_node *n = &m->node[i];
        if (!n->up)
            printf(" | %s down%s", who[i], sends(n) ? " SENDS" : "");
        else
            printf(" | %s %s %llu/%s%s%s", who[i], vote_names[n->vote.state],
                   (unsigned long long)n->vote.record.epoch,
                   n->vote.record.holder < MODEL_NODES ? who[n->vote.record.holder] : "-",
                   is_host(i) ? " " : "", is_host(i) ? lease_names[n->lease.state] : "");
        if (n->up && is_host(i) && sends(n))
            printf(" SENDS");
    }
    printf(" | %u under way%s%s\n", m->messages, m->wrong ? "  <== " : "",
           m->wrong ? m->wrong : "");
}

#include "hamgr/adapt/wire.h"

#include <errno.h>
#include <string.h>

static void beat_out(const struct ham_beat *b, uint8_t hosts, Sf__HostReport *report,
                     struct wire *w)
{
    sf__ham_beat__init(&w->beat);
    w->beat.role = b->role;
    w->beat.role_epoch = b->role_epoch;
    w->beat.health = b->health;
    w->beat.disk = b->disk;
    w->beat.ready = b->ready;
    w->beat.writer = b->writer;
    w->beat.ticket_epoch = b->ticket_epoch;
    w->beat.replica_epoch = b->copy.epoch;
    w->beat.replica_sequence = b->copy.sequence;
    w->beat.leaving = b->leaving;
    w->beat.last_resort = b->last_resort;
    w->beat.acknowledged_ms = b->acknowledged_ms;
    w->beat.takes_vote = b->takes_vote;
    for (unsigned i = 0; i < hosts; i++)
        w->ages[i] = b->age_ms[i];
    w->beat.n_age_ms = hosts;
    w->beat.age_ms = w->ages;
    for (unsigned i = 0; i < RIGHTS_MAX; i++) {
        sf__vote_record__init(&w->votes[i]);
        w->votes[i].known = b->votes[i].known;
        w->votes[i].epoch = b->votes[i].epoch;
        w->votes[i].floor = b->votes[i].floor;
        w->votes[i].ttl_ms = b->votes[i].ttl_ms;
        w->votes[i].holder = b->votes[i].holder;
        w->votes[i].solo_epoch = b->votes[i].solo.epoch;
        w->votes[i].solo_sequence = b->votes[i].solo.sequence;
        w->votes[i].solo_turn = b->votes[i].solo_turn;
        w->votes[i].loan_first = b->votes[i].loan[0];
        w->votes[i].loan_second = b->votes[i].loan[1];
        w->vote_pointers[i] = &w->votes[i];
    }
    w->beat.n_votes = RIGHTS_MAX;
    w->beat.votes = w->vote_pointers;
    w->beat.report = report;
    w->type = MESSAGE_HAM_BEAT;
    w->body = &w->beat;
}

void wire_out(const struct ham_msg *m, uint8_t hosts, Sf__HostReport *report, struct wire *w)
{
    switch ((enum ham_msg_type)m->type) {
    case HAM_MSG_ASK:
        sf__vote_request__init(&w->request);
        sf__config_pos__init(&w->pos);
        w->pos.ticket_epoch = m->ask.pos.ticket_epoch;
        w->pos.role_epoch = m->ask.pos.role_epoch;
        w->pos.txid = m->ask.pos.txid;
        w->request.right = m->right;
        w->request.kind = (Sf__AskKind)m->ask.kind;
        w->request.epoch = m->ask.epoch;
        w->request.seq = m->ask.seq;
        w->request.released = m->ask.released;
        w->request.ttl_ms = m->ask.ttl_ms;
        w->request.holder = m->ask.holder;
        w->request.pos = &w->pos;
        w->request.replica_epoch = m->ask.copy.epoch;
        w->request.replica_sequence = m->ask.copy.sequence;
        w->request.solo_epoch = m->ask.solo.epoch;
        w->request.solo_sequence = m->ask.solo.sequence;
        w->request.solo_turn = m->ask.solo_turn;
        w->request.loan = m->ask.loan;
        w->type = MESSAGE_VOTE_REQUEST;
        w->body = &w->request;
        return;
    case HAM_MSG_REPLY:
        sf__vote_reply__init(&w->reply);
        w->reply.right = m->right;
        w->reply.kind = (Sf__AskKind)m->reply.kind;
        w->reply.seq = m->reply.seq;
        w->reply.reason = m->reply.reason;
        w->reply.epoch = m->reply.epoch;
        w->reply.left_ms = m->reply.left_ms;
        w->reply.holder = m->reply.holder;
        w->reply.stale = m->reply.stale;
        w->reply.solo_epoch = m->reply.solo.epoch;
        w->reply.solo_sequence = m->reply.solo.sequence;
        w->reply.solo_turn = m->reply.solo_turn;
        w->type = MESSAGE_VOTE_REPLY;
        w->body = &w->reply;
        return;
    case HAM_MSG_RELEASE:
        sf__release__init(&w->release);
        w->release.right = m->right;
        w->release.epoch = m->release.epoch;
        w->release.successor = m->release.successor;
        w->release.automatic = m->release.automatic;
        w->type = MESSAGE_VOTE_RELEASE;
        w->body = &w->release;
        return;
    case HAM_MSG_HAND_OVER:
        sf__hand_over__init(&w->hand_over);
        w->hand_over.right = m->right;
        w->type = MESSAGE_HAND_OVER;
        w->body = &w->hand_over;
        return;
    case HAM_MSG_BEAT: beat_out(&m->beat, hosts, report, w); return;
    case HAM_MSG_MAX: break;
    }
    w->type = MESSAGE_NONE;
    w->body = NULL;
}

/* A number of the wire as the core's byte; what does not fit becomes 254, which no field allows. */
static uint8_t byte_of(uint32_t value)
{
    return value <= UINT8_MAX ? (uint8_t)value : UINT8_C(254);
}

static int beat_in(const Sf__HamBeat *from, uint8_t hosts, struct ham_beat *b)
{
    if (from->n_votes != RIGHTS_MAX || from->n_age_ms != hosts)
        return -EBADMSG;
    b->role = byte_of(from->role);
    b->role_epoch = from->role_epoch;
    b->health = byte_of(from->health);
    b->disk = from->disk < DISK_GRADES ? (uint8_t)from->disk : DISK_UNKNOWN; /* of a newer one */
    b->ready = from->ready;
    b->writer = from->writer;
    b->ticket_epoch = from->ticket_epoch;
    b->copy = (struct ham_copy){from->replica_epoch, from->replica_sequence};
    b->leaving = from->leaving;
    b->last_resort = from->last_resort;
    b->acknowledged_ms = from->acknowledged_ms;
    b->takes_vote = from->takes_vote;
    for (unsigned i = 0; i < hosts; i++)
        b->age_ms[i] = from->age_ms[i] < HAM_AGE_NEVER ? (uint16_t)from->age_ms[i] : HAM_AGE_NEVER;
    for (unsigned i = hosts; i < HAM_HOSTS_MAX; i++)
        b->age_ms[i] = HAM_AGE_NEVER;
    for (unsigned i = 0; i < RIGHTS_MAX; i++)
        b->votes[i] = (struct vote_record){
            .known = from->votes[i]->known,
            .epoch = from->votes[i]->epoch,
            .floor = from->votes[i]->floor,
            .solo = {from->votes[i]->solo_epoch, from->votes[i]->solo_sequence},
            .solo_turn = from->votes[i]->solo_turn,
            .loan = {from->votes[i]->loan_first, from->votes[i]->loan_second},
            .ttl_ms = from->votes[i]->ttl_ms,
            .holder = byte_of(from->votes[i]->holder)};
    return 0;
}

static void request_in(const Sf__VoteRequest *from, struct ham_msg *m)
{
    m->type = HAM_MSG_ASK;
    m->right = byte_of(from->right);
    m->ask.kind = byte_of((uint32_t)from->kind);
    m->ask.epoch = from->epoch;
    m->ask.seq = from->seq;
    m->ask.released = from->released;
    m->ask.ttl_ms = from->ttl_ms;
    m->ask.holder = byte_of(from->holder);
    m->ask.copy = (struct ham_copy){from->replica_epoch, from->replica_sequence};
    m->ask.solo = (struct ham_copy){from->solo_epoch, from->solo_sequence};
    m->ask.solo_turn = from->solo_turn;
    m->ask.loan = from->loan;
    if (from->pos != NULL)
        m->ask.pos =
            (struct ham_pos){from->pos->ticket_epoch, from->pos->role_epoch, from->pos->txid};
}

static void reply_in(const Sf__VoteReply *from, struct ham_msg *m)
{
    m->type = HAM_MSG_REPLY;
    m->right = byte_of(from->right);
    m->reply.kind = byte_of((uint32_t)from->kind);
    m->reply.seq = from->seq;
    m->reply.reason = byte_of(from->reason);
    m->reply.epoch = from->epoch;
    m->reply.left_ms = from->left_ms;
    m->reply.stale = from->stale;
    m->reply.solo = (struct ham_copy){from->solo_epoch, from->solo_sequence};
    m->reply.solo_turn = from->solo_turn;
    m->reply.holder = byte_of(from->holder);
}

static void release_in(const Sf__Release *from, struct ham_msg *m)
{
    m->type = HAM_MSG_RELEASE;
    m->right = byte_of(from->right);
    m->release.epoch = from->epoch;
    m->release.successor = byte_of(from->successor);
    m->release.automatic = from->automatic;
}

int wire_in(const struct codec_message *message, uint8_t from, uint8_t hosts, struct ham_msg *ret)
{
    struct ham_msg m;
    int r = 0;

    memset(&m, 0, sizeof(m));
    m.from = from;
    switch ((int)message->type) {
    case MESSAGE_VOTE_REQUEST: request_in(message->body, &m); break;
    case MESSAGE_VOTE_REPLY: reply_in(message->body, &m); break;
    case MESSAGE_VOTE_RELEASE: release_in(message->body, &m); break;
    case MESSAGE_HAND_OVER:
        m.type = HAM_MSG_HAND_OVER;
        m.right = byte_of(((const Sf__HandOver *)message->body)->right);
        break;
    case MESSAGE_HAM_BEAT:
        m.type = HAM_MSG_BEAT;
        r = beat_in(message->body, hosts, &m.beat);
        break;
    default: return -EBADMSG;
    }
    if (r < 0 || !ham_msg_valid(&m, hosts))
        return -EBADMSG;
    *ret = m;
    return 0;
}

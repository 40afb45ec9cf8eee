#include "sipserver/adapt/note.h"

#include <stdio.h>

#include "common/log.h"

static enum log_message message_of(enum sc_note_kind kind)
{
    switch (kind) {
    case SC_NOTE_MODE: return MSG_MODE;
    case SC_NOTE_TRUNK: return MSG_TRUNK;
    case SC_NOTE_DN: return MSG_DN;
    case SC_NOTE_AGENT: return MSG_AGENT;
    case SC_NOTE_CALL: return MSG_CALL;
    case SC_NOTE_FORWARD: return MSG_FORWARD;
    case SC_NOTE_CONF: return MSG_CONFIG;
    case SC_NOTE_OVERLOAD: return MSG_OVERLOAD;
    case SC_NOTE_REFUSED: return MSG_SIP;
    }
    return MSG_SIP;
}

static enum log_level level_of(enum sc_note_kind kind)
{
    switch (kind) {
    case SC_NOTE_MODE:
    case SC_NOTE_TRUNK:
    case SC_NOTE_AGENT: return LEVEL_NOTICE;
    case SC_NOTE_CONF:
    case SC_NOTE_OVERLOAD: return LEVEL_WARNING;
    case SC_NOTE_DN:
    case SC_NOTE_CALL:
    case SC_NOTE_FORWARD:
    case SC_NOTE_REFUSED: break;
    }
    return LEVEL_INFO;
}

void note(const struct sc_note *n, uint64_t epoch)
{
    log_event(level_of(n->kind), message_of(n->kind),
              LOG_FIELDS(.from = n->from, .to = n->to, .object = n->object, .epoch = epoch), "%s",
              n->reason);
}

void note_call(const struct sc_call_event *c)
{
    char wait[24], talk[24], cause[12];

    if (c->phase < SC_CALL_RELEASED || (c->phase == SC_CALL_FORWARDED && c->cause != 302))
        return; /* a call relayed to the peer goes on here */
    snprintf(wait, sizeof(wait), "%lld", (long long)c->wait_ms);
    snprintf(talk, sizeof(talk), "%lld", (long long)c->talk_ms);
    snprintf(cause, sizeof(cause), "%u", c->cause);
    log_event(LEVEL_INFO, MSG_CALL,
              LOG_FIELDS(.to = sc_call_phase_name(c->phase), .object = c->call,
                         .more = LOG_PAIRS({"CALLER", c->caller}, {"DN", c->dn},
                                           {"QUEUE", c->queue}, {"AGENT", c->agent},
                                           {"WAIT_MS", wait}, {"TALK_MS", talk}, {"CAUSE", cause})),
              "%s", c->reason);
}

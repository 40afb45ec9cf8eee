/* The gate's numbers in words. */
#include "desktop/core/gate.h"

const char *gate_state_name(enum gate_state state)
{
    switch (state) {
    case GATE_LOGGED_OUT: return "logged_out";
    case GATE_NOT_READY: return "not_ready";
    case GATE_READY: return "ready";
    case GATE_RESERVED: return "reserved";
    case GATE_BUSY: return "busy";
    case GATE_AFTER_CALL_WORK: return "after_call_work";
    }
    return "unknown";
}

const char *gate_phase_name(enum gate_call_phase phase)
{
    switch (phase) {
    case GATE_CALL_NONE: return "none";
    case GATE_CALL_RINGING: return "ringing";
    case GATE_CALL_ESTABLISHED: return "established";
    case GATE_CALL_DIALING: return "dialing";
    case GATE_CALL_ALERTING: return "alerting";
    case GATE_CALL_QUEUED: return "queued";
    case GATE_CALL_HELD: return "held";
    }
    return "unknown";
}

const char *gate_what_name(enum gate_what what)
{
    switch (what) {
    case GATE_WHAT_STATE:
    case GATE_WHAT_DN_IN_SERVICE:
    case GATE_WHAT_DN_OUT_OF_SERVICE:
    case GATE_WHAT_SNAPSHOT_END: return NULL;
    case GATE_WHAT_RINGING: return "ringing";
    case GATE_WHAT_ESTABLISHED: return "established";
    case GATE_WHAT_RELEASED: return "released";
    case GATE_WHAT_ABANDONED: return "abandoned";
    case GATE_WHAT_DIALING: return "dialing";
    case GATE_WHAT_ALERTING: return "alerting";
    case GATE_WHAT_QUEUED: return "queued";
    case GATE_WHAT_HELD: return "held";
    case GATE_WHAT_RETRIEVED: return "retrieved";
    case GATE_WHAT_DIVERTED: return "diverted";
    case GATE_WHAT_DATA: return "data";
    case GATE_WHAT_TRANSFERRED: return "transferred";
    }
    return NULL;
}

const char *session_state_name(enum session_state state)
{
    static const char *const names[] = {
#define STATE(name, meaning) #name,
#include "desktop/core/session.tbl.h"
    };

    return (unsigned)state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

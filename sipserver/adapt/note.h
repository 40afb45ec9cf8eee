/* note - the core's notes and the ends of calls as lines of the log. */
#ifndef SIPSERVER_ADAPT_NOTE_H
#define SIPSERVER_ADAPT_NOTE_H

#include "sipserver/core/core.h"

void note(const struct sc_note *n, uint64_t epoch);

/* note_call - one line for each call, when it is over. */
void note_call(const struct sc_call_event *c);

#endif

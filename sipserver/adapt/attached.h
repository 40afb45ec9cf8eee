/* attached - the data attached to a call, between the core's text (core/data.h) and messages. */
#ifndef SIPSERVER_ADAPT_ATTACHED_H
#define SIPSERVER_ADAPT_ATTACHED_H

#include "proto/agent.pb-c.h"
#include "sipserver/core/limits.h"

#define ATTACHED_MAX 64 /* the most that option data-max allows */

/* A list that a message may point to; it lives as long as this. */
struct attached {
    Sf__Attached pairs[ATTACHED_MAX];
    Sf__Attached *list[ATTACHED_MAX];
    size_t n;
    char text[SC_DATA_SIZE]; /* keys and values, each terminated; never longer than the core's text
                              */
};

/* attached_fill - the pairs of DATA, a text of the core. */
void attached_fill(struct attached *attached, const char *data);

/* attached_read - the text for N pairs.  0; -EINVAL a key or value may not be; -ENOSPC too much. */
int attached_read(Sf__Attached *const *pairs, size_t n, char data[SC_DATA_SIZE]);

#endif

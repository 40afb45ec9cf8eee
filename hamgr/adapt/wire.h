/* wire - struct ham_msg to and from the protobuf messages of proto/lease.proto, field by field. */
#ifndef HAMGR_ADAPT_WIRE_H
#define HAMGR_ADAPT_WIRE_H

#include "hamgr/core/msg.h"
#include "proto/codec.h"

/* A message ready to be encoded: BODY points into this struct. */
struct wire {
    enum message_type type;
    const void *body;
    union {
        Sf__VoteRequest request;
        Sf__VoteReply reply;
        Sf__Release release;
        Sf__HamBeat beat;
        Sf__HandOver hand_over;
    };
    Sf__ConfigPos pos;
    Sf__VoteRecord votes[RIGHTS_MAX];
    Sf__VoteRecord *vote_pointers[RIGHTS_MAX];
    uint32_t ages[HAM_HOSTS_MAX];
};

/* wire_out - M as protobuf in W.  REPORT (borrowed, may be NULL) goes with a beat; HOSTS is how
 * many are configured. */
void wire_out(const struct ham_msg *m, uint8_t hosts, Sf__HostReport *report, struct wire *w);

/* wire_in - a decoded message from host FROM as *RET.  Returns: 0; -EBADMSG when a field is outside
 * its limits. */
int wire_in(const struct codec_message *message, uint8_t from, uint8_t hosts, struct ham_msg *ret);

#endif

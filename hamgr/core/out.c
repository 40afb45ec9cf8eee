#include "hamgr/core/out.h"

#include <assert.h>

struct ham_act *ham_out_add(struct ham_out *out, enum ham_act_type type)
{
    assert(out->n < HAM_ACTS_MAX);
    struct ham_act *a = &out->act[out->n++];
    a->type = (uint8_t)type;
    return a;
}

void ham_out_send(struct ham_out *out, uint8_t to, const struct ham_msg *msg)
{
    struct ham_act *a = ham_out_add(out, ACT_SEND);
    a->send.msg = *msg;
    a->send.to = to;
}

void ham_out_fired(struct ham_out *out, uint8_t row, const struct ham_note *note)
{
    assert(out->fired_n < HAM_FIRED_MAX);
    out->fired[out->fired_n].machine = note->machine;
    out->fired[out->fired_n].row = row;
    out->fired_n++;
    if (note->from != note->to)
        ham_out_add(out, ACT_NOTE)->note = *note;
}

/* deploy - the deployment that the unit tests of hamgr's core share: hosts 0 and 1 are site 0,
 * hosts 2 and 3 site 1, host 4 the arbiter and witness of both. */
#ifndef TEST_HAMGR_DEPLOY_H
#define TEST_HAMGR_DEPLOY_H

#include <string.h>

#include "hamgr/core/conf.h"
#include "hamgr/core/out.h"

static inline struct ham_conf deploy(uint8_t self)
{
    struct ham_conf c;
    memset(&c, 0, sizeof c);
    ham_conf_defaults(&c);
    c.hosts = 5;
    c.self = self;
    c.arbiter = 4;
    for (uint8_t i = 0; i < 5; i++)
        c.site_of[i] = i == 4 ? HAM_NONE : i / 2;
    c.witness[0] = c.witness[1] = 4;
    c.preferred[0] = 0;
    c.preferred[1] = 2;
    c.auto_promote = true;
    c.components = self == 4 ? 0 : 1;
    return c;
}

static inline mono_t at_ms(int64_t ms)
{
    return mono_add_ms((mono_t){1000 * MONO_NS_PER_MS}, ms);
}

/* The first action of TYPE in OUT, or NULL. */
static inline const struct ham_act *find(const struct ham_out *out, enum ham_act_type type)
{
    for (uint32_t i = 0; i < out->n; i++)
        if (out->act[i].type == type)
            return &out->act[i];
    return NULL;
}

static inline void clear(struct ham_out *out)
{
    out->n = out->fired_n = 0;
}

#endif

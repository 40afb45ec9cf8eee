/* fence_inner - between hamgr (fence.c) and its fence process (fence_kernel.c).  For nobody else.
 */
#ifndef HAMGR_ADAPT_FENCE_INNER_H
#define HAMGR_ADAPT_FENCE_INNER_H

#include "common/bootstrap.h"
#include "common/mono.h"

enum fence_order {
    FENCE_SET_UP, /* the tables, with nothing in the sets */
    FENCE_EXTEND, /* the address speaks until DEADLINE */
    FENCE_SHUT,
    FENCE_TAKE_DOWN,
};

/* The newest request stands for all before it. */
struct fence_request {
    uint64_t number;
    mono_t deadline;
    enum fence_order order;
};

struct fence_reply {
    uint64_t number; /* of the newest request that it answers */
    bool done;
    bool up;         /* the kernel fences the address */
    char error[200]; /* what the kernel said */
};

/* What the fence process works on. */
struct fence_subject {
    char table[2 * BOOTSTRAP_NAME_SIZE + 16];
    char address[CONF_ADDRESS_SIZE];
    bool v6;
};

/* fence_process - answer the requests that come on FD until it is closed; never returns. */
void fence_process(const struct fence_subject *subject, int fd) __attribute__((noreturn));

#endif

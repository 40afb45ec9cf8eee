/* fence - the kernel itself keeps the site address silent once the lease is over (H-4).
 *
 *   table inet standfast_<cluster>_<site>   IP output from the site address (ND is sent from it,
 * too) table arp  standfast_<cluster>_<site>   ARP that names it as the sender
 *       ... pass only while the address is an element of the set, whose timeout is the lease
 *
 * The element runs out by itself: nothing of this host has to run for that.  Each renewal adds the
 * time anew, before the components are told of it.
 *
 *   hamgr  --deadline-->  fence process  --one nftables transaction-->  kernel
 *          <--outcome---
 *
 * The transaction is made by a process of its own, as the kernel lets a change of its rules wait
 * for every other one (a firewall that loads): hamgr waits FENCE_WAIT_MS at most, then goes on, and
 * the fence follows.  A fence that is late shuts too early, never too late.  The process ends with
 * hamgr; without it, hamgr ends.
 *
 * Not fenced: what a program sends by packet socket; hamgr's own announcements look at the clock.
 *
 * Where the kernel has no nftables or does not permit it, the host serves without a fence; the
 * reason is shown (fence: auto) or an alarm (fence: on).
 */
#ifndef HAMGR_ADAPT_FENCE_H
#define HAMGR_ADAPT_FENCE_H

#include "common/bootstrap.h"
#include "common/loop.h"

#define FENCE_WAIT_MS 20   /* hamgr waits no longer than this for a renewal */
#define FENCE_SLOW_US 5000 /* a renewal that took longer counts as slow */

struct fence;

/* What is shown of a fence. */
struct fence_view {
    int mode;   /* enum bootstrap_fence */
    bool up;    /* the kernel fences the address */
    bool alarm; /* it should and does not */
    char why_not[200];
    uint64_t renewals;
    uint64_t slow;   /* took longer than FENCE_SLOW_US */
    uint64_t late;   /* took longer than FENCE_WAIT_MS: hamgr went on without the answer */
    uint64_t failed; /* the kernel refused */
    uint64_t slowest_us;
};

/* fence_new - start the fence process; to be called before anything else is opened, as it inherits
 * what is open.  In loopback mode there is none, and all functions below do nothing.
 * Returns: 0 or a negative errno (no process). */
int fence_new(const struct bootstrap *bootstrap, struct fence **ret_fence);

/* fence_set_up - put the fence up, shut; an older one of this site is replaced.  To be called once
 * it is known that no other hamgr runs on this host.  An end of the fence process ends LOOP. */
int fence_set_up(struct fence *fence, struct loop *loop);

/* fence_extend - let the address speak until DEADLINE.  A deadline that is not later than the last
 * one changes nothing. */
void fence_extend(struct fence *fence, mono_t deadline);

/* fence_shut - the address is silent from now on. */
void fence_shut(struct fence *fence);

/* fence_destroy - take the fence down, and end the fence process. */
void fence_destroy(struct fence **fence);

void fence_look(const struct fence *fence, struct fence_view *ret_view); /* FENCE may be NULL */

#endif

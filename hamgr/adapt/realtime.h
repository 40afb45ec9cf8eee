/* realtime - hamgr ahead of whatever else the host computes: SCHED_RR (sched(7)).
 *
 * On a host whose cores are taken, a process of the normal class may wait for longer than a lease
 * lasts, although the host is well.  Renewals cost little, and are what the others judge it by.
 * Only hamgr, its ZeroMQ threads and its fence process are moved: processes and threads that they
 * start begin in the normal class.  A thread that computes for REALTIME_TURN_MS without waiting is
 * wedged, and its process is ended by the kernel (RLIMIT_RTTIME), so no core is lost to it.
 */
#ifndef HAMGR_ADAPT_REALTIME_H
#define HAMGR_ADAPT_REALTIME_H

#include <stddef.h>
#include <stdint.h>

#define REALTIME_TURN_MS 2000

/* realtime_set - give the calling thread PRIORITY; 0: leave all as it is.
 * Returns: 0; -EPERM the user may not; another negative errno. */
int realtime_set(uint32_t priority);

/* realtime_end - back to the normal class. */
void realtime_end(void);

/* realtime_refused - what ERROR of realtime_set means and what to do about it, in TEXT. */
void realtime_refused(uint32_t priority, int error, char *text, size_t size);

#endif

/* loop - the one event loop of a process: epoll with timers, signals, descriptors, child processes
 * and ZeroMQ sockets.  It alone reads the clock.
 *
 * A turn: wait; run the ready handlers, each once, in order of priority; then the turn-end handlers.
 * What becomes ready meanwhile is of the next turn.  A turn costs one system call of the loop's own
 * (sd_event, which it replaced, made three or four).
 *
 * Adapters flush their outgoing work in a turn-end handler and the beat to hamgr is sent from the last
 * one, so a beat proves a whole turn through the work path.
 *
 * Errors: 0 or a negative errno.  Handlers return nothing; a handler that cannot go on calls
 * loop_exit.  Handles are freed with their _destroy function, which nulls the pointer and accepts NULL;
 * it may be called from the handle's own handler.
 */
#ifndef COMMON_LOOP_H
#define COMMON_LOOP_H

#include "common/mono.h"
#include <stdint.h>
#include <sys/types.h>

struct loop;
struct loop_timer;
struct loop_io;
struct loop_child;

enum loop_priority {
    LOOP_LEASE = -100,   /* roles and leases first */
    LOOP_SIP = 0,        /* then the work */
    LOOP_STATISTICS = 100 /* statistics and pages last */
};

typedef void loop_timer_fn(void *arg, mono_t now);
typedef void loop_io_fn(void *arg, uint32_t events); /* EPOLLIN, EPOLLOUT, ... */
typedef void loop_turn_fn(void *arg, mono_t now);
typedef void loop_signal_fn(void *arg, int signal);
typedef void loop_child_fn(void *arg, pid_t pid, int status); /* status as waitpid(2) gives it */
#define LOOP_CHILD_LOST 255 /* exit status of a child that was reaped elsewhere: its own is unknown */

int loop_new(struct loop **ret_loop);
void loop_destroy(struct loop **loop);

/* loop_run - run until loop_exit.  Returns: the code given to loop_exit, or a negative errno. */
int loop_run(struct loop *loop);
void loop_exit(struct loop *loop, int code);

/* loop_now - the moment this turn began (CLOCK_BOOTTIME); the same value during a whole turn. */
mono_t loop_now(const struct loop *loop);
/* loop_now_exact - read the clock now; for the check of a deadline right before a send. */
mono_t loop_now_exact(void);
/* loop_wall_ms - wall clock in Unix milliseconds, for records and displays only. */
int64_t loop_wall_ms(void);

/* loop_timer_new - a timer, disarmed; FN is called at most once per arming. */
int loop_timer_new(struct loop *loop, enum loop_priority priority, loop_timer_fn *fn, void *arg,
                   struct loop_timer **ret_timer);
void loop_timer_set(struct loop_timer *timer, mono_t at); /* MONO_NEVER disarms */
void loop_timer_destroy(struct loop_timer **timer);

int loop_io_new(struct loop *loop, int fd, uint32_t events, enum loop_priority priority, loop_io_fn *fn,
                void *arg, struct loop_io **ret_io);
int loop_io_set_events(struct loop_io *io, uint32_t events);
void loop_io_destroy(struct loop_io **io); /* does not close the descriptor */

/* loop_zmq_new - watch a ZeroMQ socket (a void * of libzmq) for input; FN drains a bounded number of
 * messages and is called again as long as some are left. */
int loop_zmq_new(struct loop *loop, void *zmq_socket, enum loop_priority priority, loop_io_fn *fn, void *arg,
                 struct loop_io **ret_io);

/* loop_zmq_used - IO's socket was sent to, received from or asked anything outside its handler.  To be
 * called each time: any use of the socket may take the sign of new input away (ZMQ_FD is
 * edge-triggered).  NULL: nothing. */
void loop_zmq_used(struct loop_io *io);

int loop_signal(struct loop *loop, int signal, loop_signal_fn *fn, void *arg);

/* loop_child_new - call FN once when PID, a child of this process, ends (pidfd). */
int loop_child_new(struct loop *loop, pid_t pid, loop_child_fn *fn, void *arg, struct loop_child **ret_child);
void loop_child_destroy(struct loop_child **child);

/* loop_turn_end - call FN at the end of every turn, in the order of ORDER (lower first). */
int loop_turn_end(struct loop *loop, int order, loop_turn_fn *fn, void *arg);

#endif

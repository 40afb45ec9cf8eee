/* spawn - the components of this host as children of hamgr (`hamgr run --supervise`): posix_spawn,
 * pidfd, and a notify socket with the contract of systemd (READY=1, STATUS=).  There is no
 * watchdog: the beat over the bus says the same, with its state.
 *
 * It starts, signals and reports; when to restart is decided in hamgr/core/supervise.
 */
#ifndef HAMGR_ADAPT_SPAWN_H
#define HAMGR_ADAPT_SPAWN_H

#include "common/bootstrap.h"
#include "common/loop.h"
#include "proto/codec.h"

struct spawn;

enum spawn_event {
    SPAWN_READY,  /* the child said READY=1 */
    SPAWN_EXITED, /* the child has ended; TEXT says how */
};

typedef void spawn_fn(void *arg, enum process process, enum spawn_event event, const char *text);

struct spawn_conf {
    const char *bin_dir;    /* where the programs are */
    const char *config;     /* path of the bootstrap file, handed on with --config */
    const char *self;       /* the host's name, handed on with --self */
    const char *run_dir;    /* the notify socket is made here */
    uint32_t stop_grace_ms; /* SIGTERM to SIGKILL */
};

/* spawn_new - open the notify socket.  Strings of CONF must outlive the object.
 * Returns 0 or a negative errno (logged). */
int spawn_new(struct loop *loop, const struct spawn_conf *conf, spawn_fn *fn, void *arg,
              struct spawn **ret_spawn);

/* spawn_destroy - kill what still runs (SIGKILL), wait for it, free. */
void spawn_destroy(struct spawn **spawn);

/* spawn_start - start PROCESS.  Returns 0; -EALREADY it runs; another negative errno: it could not
 * be started, logged with the path; SPAWN_EXITED is not reported then. */
int spawn_start(struct spawn *spawn, enum process process);

/* spawn_stop - SIGTERM now, SIGKILL after stop_grace_ms. */
void spawn_stop(struct spawn *spawn, enum process process);

/* spawn_kill - SIGKILL now. */
void spawn_kill(struct spawn *spawn, enum process process);

bool spawn_running(const struct spawn *spawn, enum process process);
pid_t spawn_pid(const struct spawn *spawn, enum process process); /* 0 when it does not run */

#endif

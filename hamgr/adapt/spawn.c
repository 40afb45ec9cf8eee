#include "hamgr/adapt/spawn.h"

#include "common/log.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES 8 /* above the highest number in processes.tbl.h that is a component */

struct child {
    struct spawn *spawn;
    enum process process;
    pid_t pid;
    struct loop_child *watch;
    struct loop_timer *grace;
};

struct spawn {
    struct loop *loop;
    struct spawn_conf conf;
    spawn_fn *fn;
    void *arg;
    int notify_fd;
    struct loop_io *notify_io;
    char notify_path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    struct child children[PROCESSES];
};

extern char **environ;

static void on_notify(void *arg, uint32_t events);
static void on_exit_of_child(void *arg, pid_t pid, int status);
static void on_grace(void *arg, mono_t now);
static int open_notify(struct spawn *s);
static int launch(struct spawn *s, const char *program, pid_t *ret_pid);
static void forget(struct child *c);

int spawn_new(struct loop *loop, const struct spawn_conf *conf, spawn_fn *fn, void *arg,
              struct spawn **ret_spawn)
{
    struct spawn *s = calloc(1, sizeof(*s));
    int r;

    if (s == NULL)
        return -ENOMEM;
    s->loop = loop;
    s->conf = *conf;
    s->fn = fn;
    s->arg = arg;
    s->notify_fd = -1;
    for (unsigned i = 0; i < PROCESSES; i++) {
        s->children[i].spawn = s;
        s->children[i].process = (enum process)i;
    }
    r = open_notify(s);
    if (r < 0) {
        spawn_destroy(&s);
        return r;
    }
    *ret_spawn = s;
    return 0;
}

void spawn_destroy(struct spawn **spawn)
{
    struct spawn *s = *spawn;

    if (s == NULL)
        return;
    for (unsigned i = 0; i < PROCESSES; i++) {
        struct child *c = &s->children[i];

        if (c->pid == 0)
            continue;
        kill(c->pid, SIGKILL);
        loop_child_destroy(&c->watch);
        waitpid(c->pid, NULL, 0);
        forget(c);
    }
    loop_io_destroy(&s->notify_io);
    if (s->notify_fd >= 0) {
        close(s->notify_fd);
        unlink(s->notify_path);
    }
    free(s);
    *spawn = NULL;
}

int spawn_start(struct spawn *s, enum process process)
{
    struct child *c = &s->children[process];
    int r;

    if (c->pid != 0)
        return -EALREADY;
    r = launch(s, process_program(process), &c->pid);
    if (r < 0) {
        c->pid = 0;
        return r;
    }
    r = loop_child_new(s->loop, c->pid, on_exit_of_child, c, &c->watch);
    if (r < 0) {
        kill(c->pid, SIGKILL);
        waitpid(c->pid, NULL, 0);
        forget(c);
        return r;
    }
    return 0;
}

void spawn_stop(struct spawn *s, enum process process)
{
    struct child *c = &s->children[process];

    if (c->pid == 0)
        return;
    kill(c->pid, SIGTERM);
    if (c->grace == NULL && loop_timer_new(s->loop, LOOP_LEASE, on_grace, c, &c->grace) == 0)
        loop_timer_set(c->grace, mono_add_ms(loop_now(s->loop), s->conf.stop_grace_ms));
}

void spawn_kill(struct spawn *s, enum process process)
{
    if (s->children[process].pid != 0)
        kill(s->children[process].pid, SIGKILL);
}

bool spawn_running(const struct spawn *s, enum process process)
{
    return s->children[process].pid != 0;
}

pid_t spawn_pid(const struct spawn *s, enum process process)
{
    return s->children[process].pid;
}

static int open_notify(struct spawn *s)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int on = 1;
    int n = snprintf(s->notify_path, sizeof(s->notify_path), "%s/notify.sock", s->conf.run_dir);

    if (n < 0 || (size_t)n >= sizeof(s->notify_path)) {
        log_event(LEVEL_ERR, MSG_START, NULL,
                  "run-dir %s is too long for a socket path; choose one of at most %d characters",
                  s->conf.run_dir, BOOTSTRAP_RUN_DIR_MAX);
        return -ENAMETOOLONG;
    }
    memcpy(address.sun_path, s->notify_path, sizeof(address.sun_path));
    unlink(s->notify_path); /* of a killed predecessor; a living one holds the control socket */
    s->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->notify_fd < 0 ||
        setsockopt(s->notify_fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
        bind(s->notify_fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        int r = -errno;

        log_event(LEVEL_ERR, MSG_START, NULL, "cannot open %s: %s; is run-dir writable?",
                  s->notify_path, strerror(-r));
        return r;
    }
    return loop_io_new(s->loop, s->notify_fd, EPOLLIN, LOOP_LEASE, on_notify, s, &s->notify_io);
}

/* The environment of a child: ours, with NOTIFY_SOCKET and the parent's pid set, without a
 * watchdog. */
static char **child_environment(const struct spawn *s, char notify[], size_t notify_size,
                                char parent[], size_t parent_size)
{
    size_t n = 0, count = 0;
    char **env;

    while (environ[count] != NULL)
        count++;
    env = calloc(count + 3, sizeof(*env));
    if (env == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (strncmp(environ[i], "NOTIFY_SOCKET=", 14) == 0 ||
            strncmp(environ[i], "WATCHDOG_", 9) == 0 ||
            strncmp(environ[i], "STANDFAST_PARENT=", 17) == 0)
            continue;
        env[n++] = environ[i];
    }
    snprintf(notify, notify_size, "NOTIFY_SOCKET=%s", s->notify_path);
    snprintf(parent, parent_size, "STANDFAST_PARENT=%d", (int)getpid());
    env[n++] = notify;
    env[n++] = parent;
    return env;
}

static int launch(struct spawn *s, const char *program, pid_t *ret_pid)
{
    char path[512], notify[160], parent[64];
    char *argv[] = {
        path, (char *)"--config", (char *)s->conf.config, (char *)"--self", (char *)s->conf.self,
        NULL};
    char **env = child_environment(s, notify, sizeof(notify), parent, sizeof(parent));
    posix_spawnattr_t attributes;
    sigset_t none, all;
    pid_t pid;
    int r;

    if (env == NULL)
        return -ENOMEM;
    snprintf(path, sizeof(path), "%s/%s", s->conf.bin_dir, program);
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attributes);
    /* A process group of its own: Ctrl-C at a terminal reaches hamgr, which stops its children in
     * order. */
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    r = posix_spawn(&pid, path, NULL, &attributes, argv, env);
    posix_spawnattr_destroy(&attributes);
    free(env);
    if (r != 0) {
        log_event(LEVEL_ERR, MSG_COMPONENT, LOG_FIELDS(.object = program),
                  "cannot start %s: %s; is the installation whole?", path, strerror(r));
        return -r;
    }
    *ret_pid = pid;
    return 0;
}

static struct child *child_of(struct spawn *s, pid_t pid)
{
    for (unsigned i = 0; i < PROCESSES; i++)
        if (s->children[i].pid == pid && pid != 0)
            return &s->children[i];
    return NULL;
}

static void told(struct spawn *s, const struct child *c, const char *text)
{
    if (strncmp(text, "READY=1", 7) == 0)
        s->fn(s->arg, c->process, SPAWN_READY, "");
}

static void on_notify(void *arg, uint32_t events)
{
    struct spawn *s = arg;

    (void)events;
    for (int i = 0; i < 64; i++) {
        char text[1024], control[CMSG_SPACE(sizeof(struct ucred))];
        struct iovec io = {text, sizeof(text) - 1};
        struct msghdr message = {.msg_iov = &io,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof(control)};
        ssize_t n = recvmsg(s->notify_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        const struct cmsghdr *head;
        struct ucred sender;
        const struct child *c;

        if (n < 0)
            return;
        head = CMSG_FIRSTHDR(&message);
        if (head == NULL || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_CREDENTIALS)
            continue;
        memcpy(&sender, CMSG_DATA(head), sizeof(sender));
        c = child_of(s, sender.pid);
        if (c == NULL)
            continue; /* not a child of ours, or one that has just ended */
        text[n] = '\0';
        for (char *save = NULL, *line = strtok_r(text, "\n", &save); line != NULL;
             line = strtok_r(NULL, "\n", &save))
            told(s, c, line);
    }
}

static void forget(struct child *c)
{
    c->pid = 0;
    loop_child_destroy(&c->watch);
    loop_timer_destroy(&c->grace);
}

static void on_exit_of_child(void *arg, pid_t pid, int status)
{
    struct child *c = arg;
    char text[96];

    if (WIFSIGNALED(status))
        snprintf(text, sizeof(text), "pid %d killed by signal %d (%s)", (int)pid, WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(text, sizeof(text), "pid %d ended with status %d", (int)pid, WEXITSTATUS(status));
    forget(c);
    c->spawn->fn(c->spawn->arg, c->process, SPAWN_EXITED, text);
}

static void on_grace(void *arg, mono_t now)
{
    struct child *c = arg;

    (void)now;
    if (c->pid != 0)
        kill(c->pid, SIGKILL);
}

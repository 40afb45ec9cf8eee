/* wedge PID - stops the main thread of a process and no other: its work stands still, while its
 * other threads answer on (H-11).
 *
 * The thread stays stopped until the process is killed, or until this program ends: it is traced
 * (ptrace(2)).  Prints "wedged" when it has stopped.  Exit status: 0 when the process has ended, 1
 * with the reason on stderr else.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/wait.h>

static int fail(const char *what)
{
    fprintf(stderr, "wedge: %s: %s\n", what, strerror(errno));
    return 1;
}

int main(int argc, char **argv)
{
    pid_t pid = argc == 2 ? (pid_t)strtol(argv[1], NULL, 10) : 0;
    int status;

    if (pid <= 0) {
        fprintf(stderr, "usage: wedge PID\n");
        return 1;
    }
    if (ptrace(PTRACE_SEIZE, pid, 0L, 0L) != 0)
        return fail("ptrace: who may stop a thread of this process? root may");
    if (ptrace(PTRACE_INTERRUPT, pid, 0L, 0L) != 0)
        return fail("ptrace interrupt");
    if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
        return fail("the thread did not stop");
    printf("wedged\n");
    fflush(stdout);
    /* A signal to the process may still end it; nothing else makes the thread run again. */
    while (waitpid(pid, &status, __WALL) == pid)
        if (WIFEXITED(status) || WIFSIGNALED(status))
            return 0;
    return fail("waitpid");
}

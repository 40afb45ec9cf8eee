/* A component that does what $SPAWN_CHILD says: for the test of hamgr/adapt/spawn. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

int main(void)
{
    const char *what = getenv("SPAWN_CHILD");

    if (what == NULL || getenv("WATCHDOG_USEC") != NULL)
        return 9;
    if (strcmp(what, "exits") == 0)
        return 3;
    if (strcmp(what, "deaf") == 0)
        signal(SIGTERM, SIG_IGN);
    sd_notify(0, "READY=1\nSTATUS=here");
    for (;;)
        pause();
}

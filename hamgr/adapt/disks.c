/* disks - what the components and the writer of the votes say of the disk, told to the core and to
 * people. */
#include "hamgr/adapt/daemon.h"

#include "common/log.h"
#include "hamgr/adapt/history.h"
#include <stdio.h>
#include <string.h>

static const char *name_of(const struct daemon *d, unsigned of)
{
    return of == HAM_OWN_DISK ? "votes" : process_name(d->components[of].process);
}

void disks_why(const struct daemon *d, char *text, size_t size)
{
    text[0] = '\0';
    for (unsigned i = 0; i <= HAM_OWN_DISK && d->ham.disk > DISK_GOOD; i++) {
        if (d->ham.disk_of[i] != d->ham.disk)
            continue;
        (void)snprintf(text, size, "%s: %s", name_of(d, i), d->disk_why[i]);
        return;
    }
}

void disks_tell(struct daemon *d)
{
    const char *from = disk_grade_name((enum disk_grade)d->disk_told);
    const char *to = disk_grade_name((enum disk_grade)d->ham.disk);
    char why[256];

    if (d->ham.disk == d->disk_told)
        return;
    disks_why(d, why, sizeof(why));
    log_event(d->ham.disk > DISK_GOOD ? LEVEL_WARNING : LEVEL_NOTICE, MSG_STORE,
              LOG_FIELDS(.from = from, .to = to, .event = "DISK"),
              "the disk of this host is %s%s%s", to, why[0] != '\0' ? ": " : "", why);
    history_add(d->history,
                json_pack("{s:I,s:s,s:s,s:s,s:s,s:s,s:I}", "at_ms", (json_int_t)loop_wall_ms(),
                          "machine", "disk", "object", bootstrap_self(&d->bootstrap)->name, "from",
                          from, "to", to, "why", why, "epoch", (json_int_t)0));
    d->disk_told = d->ham.disk;
    d->view_due = true;
}

void disks_say(struct daemon *d, unsigned of, enum disk_grade grade, const char *why)
{
    struct ham_ev ev = {.type = HAM_EV_DISK};

    if (grade >= DISK_GRADES)
        return; /* of a newer version */
    (void)snprintf(d->disk_why[of], sizeof(d->disk_why[of]), "%s", why);
    if (d->ham.disk_of[of] != grade) {
        ev.disk.of = (uint8_t)of;
        ev.disk.grade = (uint8_t)grade;
        daemon_step(d, &ev);
    }
    disks_tell(d);
}

void disks_look(struct daemon *d)
{
    char why[DISK_WHY_SIZE];
    enum disk_grade grade = votes_disk(d->votes, loop_now_exact(), why);

    disks_say(d, HAM_OWN_DISK, grade, why);
}

#include "common/disk.h"

#include <stdio.h>

void disk_begin(struct disk *d, mono_t now)
{
    d->begun = now;
}

void disk_end(struct disk *d, mono_t now, const char *error)
{
    int64_t took_ms = mono_diff_ms(now, d->begun);

    d->begun = MONO_ZERO;
    d->grade = error[0] != '\0' ? DISK_FAILING : took_ms >= DISK_SLOW_MS ? DISK_SLOW : DISK_GOOD;
    d->bad_until = mono_add_ms(now, DISK_HOLD_MS);
    if (d->grade == DISK_FAILING)
        (void)snprintf(d->why, sizeof d->why, "%s", error);
    else
        (void)snprintf(d->why, sizeof d->why, "the last write took %lld ms", (long long)took_ms);
}

enum disk_grade disk_look(const struct disk *d, mono_t now, char *ret_why)
{
    int64_t waits_ms = d->begun.ns == 0 ? 0 : mono_diff_ms(now, d->begun);
    enum disk_grade grade = (enum disk_grade)d->grade;

    ret_why[0] = '\0';
    if (grade == DISK_FAILING && mono_before(now, d->bad_until)) {
        (void)snprintf(ret_why, DISK_WHY_SIZE, "%s", d->why);
        return DISK_FAILING;
    }
    if (waits_ms >= DISK_SLOW_MS) {
        (void)snprintf(ret_why, DISK_WHY_SIZE, "a write has waited for %lld ms",
                       (long long)waits_ms);
        return DISK_SLOW;
    }
    if (grade == DISK_SLOW && mono_before(now, d->bad_until)) {
        (void)snprintf(ret_why, DISK_WHY_SIZE, "%s", d->why);
        return DISK_SLOW;
    }
    return grade == DISK_UNKNOWN ? DISK_UNKNOWN : DISK_GOOD;
}

const char *disk_grade_name(enum disk_grade grade)
{
    static const char *const names[DISK_GRADES] = {"", "good", "slow", "failing"};

    return grade < DISK_GRADES ? names[grade] : "?";
}

/* disk - how the writes of a store go: a value that its writer keeps, and others read.
 *
 * A write that takes DISK_SLOW_MS or more, ended or not, makes the disk slow; one that ends with an
 * error makes it failing.  Either lasts until a write goes well and quickly, or DISK_HOLD_MS
 * without another one: then nothing is known against the disk.
 *
 * No I/O, no clock: NOW is an argument.  Not safe between threads: its owner locks.
 */
#ifndef COMMON_DISK_H
#define COMMON_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/mono.h"

#define DISK_SLOW_MS  1000
#define DISK_HOLD_MS  10000
#define DISK_WHY_SIZE 160

/* Higher is worse.  The numbers are those of the wire. */
enum disk_grade { DISK_UNKNOWN, DISK_GOOD, DISK_SLOW, DISK_FAILING, DISK_GRADES };

struct disk {
    mono_t begun;     /* the write under way; MONO_ZERO: none */
    mono_t bad_until; /* GRADE counts until then */
    uint8_t grade;    /* of the last write: enum disk_grade */
    char why[DISK_WHY_SIZE];
};

/* disk_begin, disk_end - a write begins; has ended, with ERROR ("": none). */
void disk_begin(struct disk *d, mono_t now);
void disk_end(struct disk *d, mono_t now, const char *error);

/* disk_look - the grade at NOW; RET_WHY (DISK_WHY_SIZE bytes) says why when it is above good. */
enum disk_grade disk_look(const struct disk *d, mono_t now, char *ret_why);

/* disk_grade_name - for people. */
const char *disk_grade_name(enum disk_grade grade);

#endif

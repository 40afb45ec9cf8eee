/* How the writes of a store go, by what its writer says of them. */
#include "common/disk.h"

#include <criterion/criterion.h>
#include <string.h>

static char why[DISK_WHY_SIZE];

static mono_t at(int64_t ms)
{
    return mono_add_ms((mono_t){MONO_NS_PER_MS}, ms);
}

Test(disk, nothing_is_known_before_the_first_write)
{
    struct disk d = {0};

    cr_assert_eq(disk_look(&d, at(0), why), DISK_UNKNOWN);
    disk_begin(&d, at(0));
    disk_end(&d, at(DISK_SLOW_MS - 1), "");
    cr_assert_eq(disk_look(&d, at(DISK_SLOW_MS - 1), why), DISK_GOOD);
    cr_assert_str_empty(why);
}

Test(disk, a_write_that_waits_makes_it_slow_before_it_ends)
{
    struct disk d = {0};

    disk_begin(&d, at(0));
    cr_assert_eq(disk_look(&d, at(DISK_SLOW_MS - 1), why), DISK_UNKNOWN);
    cr_assert_eq(disk_look(&d, at(DISK_SLOW_MS), why), DISK_SLOW);
    cr_assert_not_null(strstr(why, "1000 ms"), "%s", why);
    disk_end(&d, at(3000), "");
    cr_assert_eq(disk_look(&d, at(3001), why), DISK_SLOW, "between two slow writes it is slow");
    cr_assert_not_null(strstr(why, "3000 ms"), "%s", why);
    disk_begin(&d, at(4000));
    disk_end(&d, at(4010), "");
    cr_assert_eq(disk_look(&d, at(4010), why), DISK_GOOD);
}

Test(disk, an_error_makes_it_failing_until_a_write_goes_well_or_nobody_writes)
{
    struct disk d = {0};

    disk_begin(&d, at(0));
    disk_end(&d, at(1), "Read-only file system");
    cr_assert_eq(disk_look(&d, at(2), why), DISK_FAILING);
    cr_assert_str_eq(why, "Read-only file system");
    disk_begin(&d, at(1000));
    cr_assert_eq(disk_look(&d, at(1000 + DISK_SLOW_MS), why), DISK_FAILING, "the worse counts");
    cr_assert_eq(disk_look(&d, at(1 + DISK_HOLD_MS), why), DISK_SLOW, "the write still waits");
    disk_end(&d, at(12000), "");
    disk_begin(&d, at(12000));
    disk_end(&d, at(12001), "");
    cr_assert_eq(disk_look(&d, at(12001), why), DISK_GOOD);
    disk_begin(&d, at(13000));
    disk_end(&d, at(13001), "no space");
    cr_assert_eq(disk_look(&d, at(13001 + DISK_HOLD_MS - 1), why), DISK_FAILING);
    cr_assert_eq(disk_look(&d, at(13001 + DISK_HOLD_MS), why), DISK_GOOD);
}

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "hamgr/core/upgrade.h"

static struct upgrade_host hosts[5];
static struct upgrade_verdict v;

/* Hosts 0 and 1 are site 0, which writes, 2 and 3 site 1, 4 the arbiter; all of WIRE. */
static void whole(uint32_t wire)
{
    for (uint8_t i = 0; i < 5; i++) {
        hosts[i] = (struct upgrade_host){.site = i == 4 ? HAM_NONE : i / 2,
                                         .alive = true,
                                         .primary = i == 0 || i == 2,
                                         .writer = i == 0,
                                         .ready = i == 1 || i == 3,
                                         .well = true};
        for (unsigned p = 0; p < (i == 4 ? 1 : UPGRADE_PROCESSES); p++)
            hosts[i].wire[p] = wire;
    }
}

static void says(uint8_t host, uint32_t wire)
{
    for (unsigned p = 0; p < UPGRADE_PROCESSES; p++)
        hosts[host].wire[p] = wire;
}

static void refused(uint8_t host, enum upgrade_reason reason)
{
    upgrade_judge(hosts, 5, &v);
    cr_assert_eq(v.steps, 0);
    for (unsigned i = 0; i < v.findings; i++)
        if (v.finding[i].host == host && v.finding[i].reason == reason)
            return;
    cr_assert_fail("host %d: not refused because it %s", host, upgrade_text(reason));
}

static void steps(const char *expected)
{
    char text[128] = "";

    upgrade_judge(hosts, 5, &v);
    for (unsigned i = 0; i < v.steps; i++) {
        size_t n = strlen(text);
        (void)snprintf(text + n, sizeof text - n, "%s%u ", v.step[i].switchover ? "to" : "",
                       v.step[i].host);
    }
    cr_assert_str_eq(text, expected);
}

Test(upgrade, backup_first_then_the_role_then_the_other_and_the_writers_site_and_the_arbiter_last)
{
    whole(2);
    steps("3 to3 2 1 to1 0 4 ");
}

Test(upgrade, under_way_what_is_left)
{
    whole(2);
    says(3, 3);
    steps("to3 2 1 to1 0 4 ");
    hosts[3].primary = true;
    hosts[2].primary = false;
    hosts[2].ready = true;
    steps("2 1 to1 0 4 ");
    says(2, 3);
    says(1, 3);
    says(0, 3);
    steps("4 ");
}

Test(upgrade, refused_with_each_reason)
{
    whole(2);
    hosts[3].alive = false;
    refused(3, UPGRADE_SILENT);
    whole(2);
    hosts[4].alive = false;
    refused(4, UPGRADE_SILENT);
    whole(2);
    hosts[1].site = HAM_NONE;
    refused(0, UPGRADE_ALONE);
    whole(2);
    hosts[2].primary = false;
    refused(3, UPGRADE_NO_PRIMARY);
    whole(2);
    hosts[0].paused = true;
    refused(0, UPGRADE_PAUSED);
    whole(2);
    hosts[2].well = false;
    refused(2, UPGRADE_UNWELL);
    whole(2);
    hosts[1].ready = false;
    refused(1, UPGRADE_UNREADY);
    whole(2);
    hosts[1].wire[3] = 0;
    refused(1, UPGRADE_PROCESS);
    whole(3);
    hosts[1].wire[2] = 1;
    refused(1, UPGRADE_APART);
}

Test(upgrade, host_that_says_nothing_speaks_version_1)
{
    whole(2);
    says(0, 0);
    says(2, 0);
    steps("to3 2 to1 0 ");
    whole(3);
    says(0, 0);
    refused(0, UPGRADE_APART);
}

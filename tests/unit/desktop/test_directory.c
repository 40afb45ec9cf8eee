/* The gateway's directory of agents: full, it leaves out those beyond, and takes again when there
 * is room. */
#include "desktop/adapt/directory.h"

#include <assert.h>
#include <criterion/criterion.h>
#include <stdio.h>

static_assert(DIRECTORY_AGENTS_MAX == 20000, "the names below");

static struct directory *directory;

static void change(unsigned number, bool deleted)
{
    Sf__ConfChange c = SF__CONF_CHANGE__INIT;
    Sf__ConfObject object = SF__CONF_OBJECT__INIT;
    Sf__Agent agent = SF__AGENT__INIT;
    char id[16];

    snprintf(id, sizeof(id), "a%u", number);
    agent.id = id;
    object.object_case = SF__CONF_OBJECT__OBJECT_AGENT;
    object.agent = &agent;
    c.object = &object;
    c.deleted = deleted;
    directory_change(directory, &c);
}

Test(directory, full_it_leaves_out_those_beyond_and_takes_them_when_there_is_room)
{
    cr_assert_eq(directory_new(&directory), 0);
    for (unsigned i = 0; i <= 20000; i++)
        change(i, false);
    cr_assert_not_null(directory_find(directory, "a0"));
    cr_assert_null(directory_find(directory, "a20000"));
    change(0, true);
    cr_assert_null(directory_find(directory, "a0"));
    change(20000, false);
    cr_assert_not_null(directory_find(directory, "a20000"));
    directory_destroy(&directory);
}

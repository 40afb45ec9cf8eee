/* Promises on disk. */
#include "hamgr/adapt/votes.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char dir[] = "/tmp/votes-XXXXXX";

static void make_dir(void)
{
    cr_assert_not_null(mkdtemp(dir));
}

static void remove_dir(void)
{
    char command[64];

    snprintf(command, sizeof(command), "rm -r %s", dir);
    cr_assert_eq(system(command), 0);
}

Test(votes, an_empty_store_knows_nothing_of_any_right, .init = make_dir, .fini = remove_dir)
{
    struct vote_record records[RIGHTS_MAX];
    struct votes *votes;

    cr_assert_eq(votes_open(dir, &votes), 0);
    cr_assert_eq(votes_load(votes, records), 0);
    for (int i = 0; i < RIGHTS_MAX; i++)
        cr_assert_not(records[i].known);
    votes_close(&votes);
    cr_assert_null(votes);
}

Test(votes, what_was_saved_is_there_after_a_restart_and_rights_do_not_mix, .init = make_dir,
     .fini = remove_dir)
{
    const struct vote_record role = {.known = true,
                                     .epoch = UINT64_MAX - 1,
                                     .floor = UINT64_MAX,
                                     .solo = {UINT64_MAX, UINT64_MAX - 2},
                                     .solo_turn = UINT64_MAX,
                                     .ttl_ms = UINT32_MAX,
                                     .holder = 3};
    const struct vote_record ticket = {
        .known = true, .epoch = 2, .floor = 2, .ttl_ms = 100, .holder = HAM_NONE};
    struct vote_record records[RIGHTS_MAX];
    struct votes *votes;

    cr_assert_eq(votes_open(dir, &votes), 0);
    cr_assert_eq(votes_save(votes, RIGHT_ROLE_1, &ticket), 0);
    cr_assert_eq(votes_save(votes, RIGHT_ROLE_1, &role), 0);
    cr_assert_eq(votes_save(votes, RIGHT_TICKET, &ticket), 0);
    votes_close(&votes);
    cr_assert_eq(votes_open(dir, &votes), 0);
    cr_assert_eq(votes_load(votes, records), 0);
    cr_assert_not(records[RIGHT_ROLE_0].known);
    cr_assert(records[RIGHT_ROLE_1].known);
    cr_assert_eq(records[RIGHT_ROLE_1].epoch, role.epoch);
    cr_assert_eq(records[RIGHT_ROLE_1].floor, role.floor);
    cr_assert_eq(records[RIGHT_ROLE_1].ttl_ms, role.ttl_ms);
    cr_assert_eq(records[RIGHT_ROLE_1].holder, role.holder);
    cr_assert_eq(records[RIGHT_ROLE_1].solo.epoch, role.solo.epoch);
    cr_assert_eq(records[RIGHT_ROLE_1].solo.sequence, role.solo.sequence);
    cr_assert_eq(records[RIGHT_ROLE_1].solo_turn, role.solo_turn);
    cr_assert_eq(records[RIGHT_TICKET].solo.sequence, 0);
    cr_assert_eq(records[RIGHT_TICKET].holder, HAM_NONE);
    votes_close(&votes);
}

Test(votes, moves_are_there_after_a_restart_and_can_be_forgotten, .init = make_dir,
     .fini = remove_dir)
{
    int64_t moves[HAM_MOVES_MAX] = {1, INT64_MAX, 3, 4, 5, 6, 7, 8}, back[HAM_MOVES_MAX];
    struct vote_record records[RIGHTS_MAX];
    struct votes *votes;
    unsigned n = 99;

    cr_assert_eq(votes_open(dir, &votes), 0);
    cr_assert_eq(votes_load_moves(votes, back, &n), 0);
    cr_assert_eq(n, 0);
    cr_assert_eq(votes_save_moves(votes, moves, HAM_MOVES_MAX), 0);
    votes_close(&votes);
    cr_assert_eq(votes_open(dir, &votes), 0);
    cr_assert_eq(votes_load_moves(votes, back, &n), 0);
    cr_assert_eq(n, HAM_MOVES_MAX);
    cr_assert_eq(memcmp(back, moves, sizeof(moves)), 0);
    cr_assert_eq(votes_load(votes, records), 0);
    cr_assert_not(records[RIGHT_ROLE_0].known);
    cr_assert_eq(votes_save_moves(votes, moves, 0), 0);
    cr_assert_eq(votes_load_moves(votes, back, &n), 0);
    cr_assert_eq(n, 0);
    votes_close(&votes);
}

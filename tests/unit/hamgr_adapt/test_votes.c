/* Promises on disk. */
#include "hamgr/adapt/votes.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

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

/* ---- a disk that takes its time: LMDB's fdatasync waits for the test ---- */

static atomic_bool slow, refuses;
static pthread_mutex_t disk = PTHREAD_MUTEX_INITIALIZER;

int fdatasync(int fd)
{
    if (atomic_load(&slow)) {
        pthread_mutex_lock(&disk);
        pthread_mutex_unlock(&disk);
    }
    if (atomic_load(&refuses)) {
        errno = EROFS;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

struct writing {
    struct loop *loop;
    uint32_t ids[4];
    bool ok[4];
    unsigned n;
    struct votes *votes;
    char why[DISK_WHY_SIZE];
    unsigned turns; /* of a timer, while the disk stands still */
    struct loop_timer *timer;
};

static void on_written(void *arg, uint32_t id, bool ok)
{
    struct writing *w = arg;

    w->ids[w->n] = id;
    w->ok[w->n++] = ok;
    if (w->n == 2)
        loop_exit(w->loop, 0);
}

static void on_timer(void *arg, mono_t now)
{
    struct writing *w = arg;

    if (++w->turns == 5) {
        cr_assert_eq(w->n, 0, "the disk has not answered");
        cr_assert_eq(votes_disk(w->votes, mono_add_ms(now, DISK_SLOW_MS), w->why), DISK_SLOW);
        pthread_mutex_unlock(&disk);
        return;
    }
    loop_timer_set(w->timer, mono_add_ms(now, 5));
}

Test(votes, slow_disk_holds_up_no_turn_of_the_loop_h12, .init = make_dir, .fini = remove_dir,
     .timeout = 20)
{
    struct vote_record record = {.known = true, .epoch = 7, .floor = 7, .ttl_ms = 1, .holder = 1};
    struct vote_record records[RIGHTS_MAX];
    struct writing w = {0};
    struct votes *votes;

    cr_assert_eq(loop_new(&w.loop), 0);
    cr_assert_eq(votes_open(dir, &votes), 0);
    cr_assert_eq(votes_start(votes, w.loop, 60000, on_written, &w), 0);
    w.votes = votes;
    cr_assert_eq(loop_timer_new(w.loop, LOOP_LEASE, on_timer, &w, &w.timer), 0);
    loop_timer_set(w.timer, loop_now_exact());
    pthread_mutex_lock(&disk);
    atomic_store(&slow, true);
    cr_assert(votes_write(votes, RIGHT_ROLE_0, &record, 11));
    record.epoch = record.floor = 8;
    cr_assert(votes_write(votes, RIGHT_ROLE_0, &record, 12));
    for (int i = 0; i < 16; i++)
        if (!votes_write_moves(votes, (int64_t[]){1}, 1))
            break;
        else
            cr_assert_lt(i, 8, "what waits is bounded");
    cr_assert_eq(loop_run(w.loop), 0);
    cr_assert_eq(w.turns, 5);
    cr_assert_eq(w.ids[0], 11);
    cr_assert_eq(w.ids[1], 12);
    cr_assert(w.ok[0] && w.ok[1]);
    votes_close(&votes);
    loop_timer_destroy(&w.timer);
    loop_destroy(&w.loop);
    cr_assert_eq(votes_open(dir, &votes), 0);
    cr_assert_eq(votes_load(votes, records), 0);
    cr_assert_eq(records[RIGHT_ROLE_0].epoch, 8, "in the order of entry");
    votes_close(&votes);
}

Test(votes, what_was_entered_is_written_before_the_store_closes, .init = make_dir,
     .fini = remove_dir)
{
    struct vote_record record = {.known = true, .epoch = 9, .floor = 9, .ttl_ms = 1, .holder = 1};
    struct vote_record records[RIGHTS_MAX];
    struct writing w = {0};
    struct votes *votes;

    cr_assert_eq(loop_new(&w.loop), 0);
    cr_assert_eq(votes_open(dir, &votes), 0);
    cr_assert_eq(votes_start(votes, w.loop, 60000, on_written, &w), 0);
    cr_assert(votes_write(votes, RIGHT_ROLE_1, &record, 1));
    votes_close(&votes);
    loop_destroy(&w.loop);
    cr_assert_eq(votes_open(dir, &votes), 0);
    cr_assert_eq(votes_load(votes, records), 0);
    cr_assert_eq(records[RIGHT_ROLE_1].epoch, 9);
    votes_close(&votes);
}

/* Until votes_disk says GRADE; each second of the writer's own checks is waited for. */
static bool becomes(struct votes *votes, enum disk_grade grade, char *why)
{
    mono_t end = mono_add_ms(loop_now_exact(), 10000);

    while (votes_disk(votes, loop_now_exact(), why) != grade)
        if (mono_due(end, loop_now_exact()))
            return false;
        else
            sched_yield();
    return true;
}

Test(votes, without_a_write_the_disk_is_looked_at_and_comes_back_h12, .init = make_dir,
     .fini = remove_dir, .timeout = 30)
{
    struct writing w = {0};
    struct votes *votes;

    cr_assert_eq(loop_new(&w.loop), 0);
    cr_assert_eq(votes_open(dir, &votes), 0);
    cr_assert_eq(votes_start(votes, w.loop, 100, on_written, &w), 0);
    cr_assert(becomes(votes, DISK_GOOD, w.why));
    atomic_store(&refuses, true);
    cr_assert(becomes(votes, DISK_FAILING, w.why));
    cr_assert_str_not_empty(w.why);
    atomic_store(&refuses, false);
    cr_assert(becomes(votes, DISK_GOOD, w.why), "a write went well");
    cr_assert_eq(w.n, 0, "nobody asked for a write");
    votes_close(&votes);
    loop_destroy(&w.loop);
}

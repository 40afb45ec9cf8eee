/* The copy on disk: transactions are whole or absent, the epoch never goes back, a full disk stops
 * writes and not reads, what is not in the history is kept as a conflict. */
#include "common/store.h"
#include "confproxy/adapt/message.h"
#include "confproxy/adapt/objects.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];
static struct objects *o;

static struct objects *open_copy(size_t map_max)
{
    char error[STORE_ERROR_MAX] = "";
    struct objects *opened = NULL;
    cr_assert_eq(objects_open(folder, map_max, &opened, error), 0, "%s", error);
    return opened;
}

static void make_folder(void)
{
    strcpy(folder, "/tmp/confproxy-objects-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static void setup(void)
{
    make_folder();
    o = open_copy(0);
}

static void teardown(void)
{
    char command[128];
    objects_close(&o);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(objects, .init = setup, .fini = teardown);

static Sf__ConfChange *queue(const char *number, uint32_t size_max, bool deleted)
{
    Sf__ConfChange *change = malloc(sizeof *change);
    sf__conf_change__init(change);
    change->deleted = deleted;
    change->object = message_new(CFG_DN);
    message_set_text(change->object, FIELD_DN_NUMBER, number);
    message_set_number(change->object, FIELD_DN_TYPE, CFG_DN_ACD_QUEUE);
    message_set_number(change->object, FIELD_DN_QUEUE_SIZE_MAX, size_max);
    return change;
}

static int apply_to(struct objects *to, uint64_t epoch, uint64_t txid, Sf__ConfChange *change,
                    const char *checksum)
{
    struct objects_entry entry = {.position = {epoch, txid},
                                  .changes = &change,
                                  .count = change != NULL,
                                  .checksum = checksum,
                                  .log_max = 5};
    int r = objects_apply(to, &entry);
    if (change != NULL)
        sf__conf_change__free_unpacked(change, NULL);
    return r;
}

static int put(uint64_t epoch, uint64_t txid, const char *number, uint32_t size_max)
{
    return apply_to(o, epoch, txid, queue(number, size_max, false), NULL);
}

static void copy_checksum(char *to)
{
    strcpy(to, objects_state(o)->checksum);
}

Test(objects, a_new_copy_is_empty_and_not_loaded)
{
    cr_assert_not(objects_state(o)->loaded);
    cr_assert_eq(objects_state(o)->held.txid, 0);
    cr_assert_eq(apply_to(o, 5, 1, NULL, NULL), 0, "an opening transaction");
    cr_assert_not(objects_state(o)->loaded, "it loads nothing");
}

Test(objects, what_was_applied_is_there_after_a_restart)
{
    char checksum[OBJECTS_CHECKSUM_SIZE];
    cr_assert_eq(put(5, 1, "8000", 1), 0);
    cr_assert_eq(put(6, 2, "8001", 1), 0);
    copy_checksum(checksum);
    objects_close(&o);
    o = open_copy(0);
    const struct objects_state *s = objects_state(o);
    cr_assert_eq(s->held.epoch, 6);
    cr_assert_eq(s->held.txid, 2);
    cr_assert_eq(s->count, 2);
    cr_assert(s->loaded);
    cr_assert_str_eq(s->checksum, checksum);
    cr_assert_eq(objects_history(o)->count, 2);
}

Test(objects, the_checksum_depends_on_the_objects_and_not_on_the_way)
{
    char empty[OBJECTS_CHECKSUM_SIZE], one[OBJECTS_CHECKSUM_SIZE], two[OBJECTS_CHECKSUM_SIZE];
    copy_checksum(empty);
    put(1, 1, "8000", 1);
    copy_checksum(one);
    put(1, 2, "8001", 1);
    put(1, 3, "8000", 2);
    copy_checksum(two);
    cr_assert_str_neq(one, two);
    put(1, 4, "8000", 1);
    cr_assert_eq(apply_to(o, 1, 5, queue("8001", 1, true), NULL), 0);
    cr_assert_str_eq(objects_state(o)->checksum, one);
    cr_assert_eq(apply_to(o, 1, 6, queue("8000", 1, true), NULL), 0);
    cr_assert_str_eq(objects_state(o)->checksum, empty);
    cr_assert_eq(objects_state(o)->count, 0);
}

Test(objects, a_transaction_out_of_order_or_of_an_old_epoch_changes_nothing)
{
    char checksum[OBJECTS_CHECKSUM_SIZE];
    put(5, 1, "8000", 1);
    copy_checksum(checksum);
    cr_assert_eq(put(5, 1, "8001", 1), -ESTALE);
    cr_assert_eq(put(5, 3, "8001", 1), -ESTALE);
    cr_assert_eq(put(4, 2, "8001", 1), -ESTALE);
    cr_assert_str_eq(objects_state(o)->checksum, checksum);
    cr_assert_eq(put(5, 2, "8001", 1), 0);
}

Test(objects, a_follower_refuses_what_does_not_give_the_promised_checksum)
{
    char right[OBJECTS_CHECKSUM_SIZE], before[OBJECTS_CHECKSUM_SIZE];
    copy_checksum(before);
    cr_assert_eq(apply_to(o, 1, 1, queue("8000", 1, false), before), -EBADMSG);
    cr_assert_eq(objects_state(o)->held.txid, 0);
    cr_assert_str_eq(objects_state(o)->checksum, before);
    put(1, 1, "8000", 1);
    copy_checksum(right);
    put(1, 2, "8000", 2);
    cr_assert_eq(apply_to(o, 1, 3, queue("8000", 1, false), right), 0);
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

static bool once(void *arg)
{
    return (*(int *)arg)++ == 0;
}

Test(objects, the_right_to_write_is_checked_inside_the_transaction_before_and_after)
{
    int asked = 0;
    struct objects_entry entry = {.position = {1, 1}, .may = never, .log_max = 5};
    cr_assert_eq(objects_apply(o, &entry), -EPERM);
    entry.may = once; /* it runs out while the transaction is being made */
    entry.may_arg = &asked;
    cr_assert_eq(objects_apply(o, &entry), -EPERM);
    cr_assert_eq(asked, 2);
    cr_assert_eq(objects_state(o)->held.txid, 0);
    cr_assert(strstr(objects_error(o), "right to write") != NULL);
}

static int count_entry(void *arg, const Sf__LogEntry *entry)
{
    (void)entry;
    ++*(int *)arg;
    return 0;
}

Test(objects, the_log_is_bounded)
{
    char checksum[OBJECTS_CHECKSUM_SIZE];
    int entries = 0;
    for (uint64_t t = 1; t <= 12; t++)
        cr_assert_eq(put(1, t, "8000", (uint32_t)t), 0);
    cr_assert_eq(objects_log_each(o, 0, count_entry, &entries), 0);
    cr_assert_eq(entries, 5);
    cr_assert_eq(objects_state(o)->log_first, 8);
    cr_assert_eq(objects_checksum_at(o, 7, checksum), -ENOENT);
    cr_assert_eq(objects_checksum_at(o, 8, checksum), 0);
    cr_assert_eq(objects_checksum_at(o, 12, checksum), 0);
    cr_assert_str_eq(checksum, objects_state(o)->checksum);
}

static int count_object(void *arg, const Sf__ConfObject *object)
{
    (void)object;
    ++*(int *)arg;
    return 0;
}

Test(objects, reads_find_one_those_of_a_type_or_all)
{
    int n = 0;
    put(1, 1, "8000", 1);
    put(1, 2, "80001", 1);
    cr_assert_eq(objects_each(o, "dn", "8000", count_object, &n), 0);
    cr_assert_eq(n, 1, "80001 begins like it");
    n = 0;
    objects_each(o, "dn", "", count_object, &n);
    cr_assert_eq(n, 2);
    n = 0;
    objects_each(o, "agent", "", count_object, &n);
    cr_assert_eq(n, 0);
    objects_each(o, "", "", count_object, &n);
    cr_assert_eq(n, 2);
}

static int first_conflict(void *arg, const Sf__LogEntry *entry)
{
    *(struct copy_position *)arg = (struct copy_position){entry->epoch, entry->txid};
    return 1;
}

/* East wrote 1..3 in epoch 5, west took over at 2 with epoch 6: east's 3 is a conflict. */
Test(objects, what_is_not_in_the_history_that_holds_becomes_a_conflict_record)
{
    struct copy_history west = {.count = 2, .epochs = {{5, 2}, {6, 3}}};
    struct copy_position conflict = {0};
    char checksum[OBJECTS_CHECKSUM_SIZE];
    put(5, 1, "8000", 1);
    copy_checksum(checksum);
    put(5, 2, "8001", 1);
    put(5, 3, "8002", 1);
    Sf__ConfChange *kept = queue("8000", 1, false);
    struct objects_snapshot s = {.position = {6, 3},
                                 .objects = &kept->object,
                                 .count = 1,
                                 .checksum = objects_state(o)->checksum,
                                 .loaded = true,
                                 .common_txid = 2,
                                 .history = &west};
    cr_assert_eq(objects_replace(o, &s), -EBADMSG, "the checksum is not that of one object");
    cr_assert_eq(objects_state(o)->count, 3, "nothing has changed");
    s.checksum = checksum;
    cr_assert_eq(objects_replace(o, &s), 0, "%s", objects_error(o));
    cr_assert_eq(objects_state(o)->conflicts, 1);
    cr_assert_eq(objects_conflict_each(o, first_conflict, &conflict), 1);
    cr_assert_eq(conflict.epoch, 5);
    cr_assert_eq(conflict.txid, 3);
    cr_assert_eq(objects_state(o)->held.epoch, 6);
    cr_assert_eq(objects_state(o)->count, 1);
    cr_assert_str_eq(objects_state(o)->checksum, checksum);
    s.position = (struct copy_position){5, 9};
    cr_assert_eq(objects_replace(o, &s), -ESTALE, "the epoch never goes back");
    cr_assert_eq(put(6, 4, "8003", 1), 0, "the log goes on");
    sf__conf_change__free_unpacked(kept, NULL);
}

/* A few dozen fill the map: each transaction waits for the disk. */
static Sf__ConfChange *bulky(const char *number)
{
    static const char filler[] = "0123456789012345678901234567890123456789012345678901234567890123";
    Sf__ConfChange *change = queue(number, 1, false);
    for (int i = 0; i < 200; i++)
        message_add_text(change->object, FIELD_DN_SITES, filler);
    return change;
}

Test(objects, a_full_map_stops_writes_and_not_reads_and_recovers)
{
    int n = 0, r = 0;
    uint64_t t = 0;
    objects_close(&o);
    o = open_copy(1 << 20);
    while (r == 0 && t < 20000) {
        char number[16];
        snprintf(number, sizeof number, "%llu", (unsigned long long)t + 1);
        r = apply_to(o, 1, t + 1, bulky(number), NULL);
        t += r == 0;
    }
    cr_assert_eq(r, -ENOSPC, "%d after %llu", r, (unsigned long long)t);
    cr_assert_neq(objects_error(o)[0], '\0');
    cr_assert_eq(objects_state(o)->held.txid, t);
    cr_assert_eq(objects_each(o, "", "", count_object, &n), 0);
    cr_assert_eq(n, (int)t);
    objects_close(&o);
    o = open_copy(8 << 20); /* there is room again */
    cr_assert_eq(put(1, t + 1, "1", 2), 0, "%s", objects_error(o));
}

/* The child writes and tells each transaction that is on disk; it is killed at some moment. */
static void write_until_killed(int told)
{
    for (uint64_t t = objects_state(o)->held.txid + 1;; t++) {
        char number[16];
        snprintf(number, sizeof number, "%llu", (unsigned long long)(8000 + t % 50));
        if (put(objects_state(o)->held.epoch + (t % 7 == 0), t, number, (uint32_t)t) != 0 ||
            write(told, &t, sizeof t) != sizeof t)
            _exit(1);
    }
}

Test(objects, killed_at_any_moment_it_keeps_what_it_confirmed_and_nothing_torn)
{
    uint64_t epoch = 0;
    objects_close(&o);
    for (int round = 0; round < 12; round++) {
        int pipe_ends[2];
        uint64_t told = 0, last = 0;
        cr_assert_eq(pipe(pipe_ends), 0);
        pid_t child = fork();
        if (child == 0) {
            close(pipe_ends[0]);
            o = open_copy(0);
            write_until_killed(pipe_ends[1]);
        }
        close(pipe_ends[1]);
        for (int i = 0; i < 5 + round * 3; i++)
            if (read(pipe_ends[0], &told, sizeof told) == sizeof told)
                last = told;
        usleep((useconds_t)(round * 137 % 900));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        while (read(pipe_ends[0], &told, sizeof told) == sizeof told)
            last = told;
        close(pipe_ends[0]);

        o = open_copy(0);
        const struct objects_state *s = objects_state(o);
        cr_assert_geq(s->held.txid, last, "a confirmed transaction is lost");
        cr_assert_geq(s->held.epoch, epoch, "the epoch went back");
        cr_assert_gt(s->held.txid, 0);
        epoch = s->held.epoch;
        /* the same objects, written to another copy, have the same checksum */
        int n = 0;
        objects_each(o, "", "", count_object, &n);
        cr_assert_eq((uint64_t)n, s->count);
        char at[OBJECTS_CHECKSUM_SIZE];
        cr_assert_eq(objects_log_each(o, s->held.txid, count_entry, &n), 0);
        cr_assert_eq((uint64_t)n, s->count + 1, "the last transaction is in the log");
        cr_assert_eq(objects_checksum_at(o, s->held.txid - 1, at), 0);
        objects_close(&o);
    }
}

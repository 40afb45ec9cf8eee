#include "common/list.h"

#include <criterion/criterion.h>

struct item {
    int number;
    struct list_link link;
};

static int number_at(const struct list_link *link)
{
    return CONTAINER_OF(link, struct item, link)->number;
}

Test(list, keeps_order_of_append_and_prepend)
{
    struct item items[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    struct list list;
    int expected = 0;

    list_init(&list);
    cr_assert(list_empty(&list));
    cr_assert_null(list_first(&list));
    cr_assert_null(list_last(&list));
    list_append(&list, &items[1].link);
    list_append(&list, &items[2].link);
    list_prepend(&list, &items[0].link);
    cr_assert_eq(list_count(&list), 3);
    LIST_EACH(l, &list)
    cr_assert_eq(number_at(l), expected++);
    cr_assert_eq(expected, 3);
    cr_assert_eq(number_at(list_first(&list)), 0);
    cr_assert_eq(number_at(list_last(&list)), 2);
    cr_assert_eq(list_next(&list, &items[1].link), &items[2].link);
    cr_assert_null(list_next(&list, &items[2].link));
}

Test(list, member_may_be_removed_while_walking_and_twice)
{
    struct item items[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
    struct list list;

    list_init(&list);
    for (int i = 0; i < 4; i++)
        list_append(&list, &items[i].link);
    LIST_EACH(l, &list)
    {
        if (number_at(l) % 2 == 0)
            list_remove(l);
    }
    cr_assert_eq(list_count(&list), 2);
    cr_assert_not(list_linked(&items[0].link));
    list_remove(&items[0].link);
    cr_assert_eq(list_count(&list), 2);
    cr_assert_eq(number_at(list_pop(&list)), 1);
    cr_assert_eq(number_at(list_pop(&list)), 3);
    cr_assert_null(list_pop(&list));
}

Test(list, insert_before_a_member)
{
    struct item items[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    struct list list;

    list_init(&list);
    list_append(&list, &items[0].link);
    list_append(&list, &items[2].link);
    list_insert_before(&items[2].link, &items[1].link);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(number_at(list_pop(&list)), i);
}

/* list - an intrusive, circular, doubly linked list.
 *
 * The link lives inside the object, so putting an object on a list allocates nothing and cannot
 * fail. An object has one link per list that it may be on.  A link that is on no list points to
 * itself, so removing twice is harmless.
 *
 *     struct call { struct list_link in_queue; ... };
 *     struct list waiting;
 *     list_init(&waiting);
 *     list_append(&waiting, &call->in_queue);
 *     LIST_EACH (link, &waiting) { struct call *c = CONTAINER_OF(link, struct call, in_queue); ...
 * }
 *
 * Owns:   nothing; an object must leave its lists before its memory is reused.
 * Errors: none.
 */
#ifndef COMMON_LIST_H
#define COMMON_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_link {
    struct list_link *next;
    struct list_link *prev;
};

struct list {
    struct list_link head; /* next = first, prev = last */
};

/* CONTAINER_OF - the object of type TYPE whose MEMBER is at LINK; LINK must not be NULL. */
#ifndef CONTAINER_OF
#define CONTAINER_OF(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))
#endif

/* LIST_EACH - walk in order; the loop body may remove LINK itself, but no other member. */
#define LIST_EACH(link, list)                                                                      \
    for (struct list_link *link = (list)->head.next, *link##_next = link->next;                    \
         link != &(list)->head; link = link##_next, link##_next = link->next)

static inline void list_link_init(struct list_link *link)
{
    link->next = link->prev = link;
}

static inline void list_init(struct list *list)
{
    list_link_init(&list->head);
}

static inline bool list_empty(const struct list *list)
{
    return list->head.next == &list->head;
}

/* list_linked - true while LINK (once initialised) is on some list. */
static inline bool list_linked(const struct list_link *link)
{
    return link->next != link;
}

/* list_insert_before - put LINK, which is on no list, in front of PLACE. */
static inline void list_insert_before(struct list_link *place, struct list_link *link)
{
    link->prev = place->prev;
    link->next = place;
    place->prev->next = link;
    place->prev = link;
}

static inline void list_append(struct list *list, struct list_link *link)
{
    list_insert_before(&list->head, link);
}

static inline void list_prepend(struct list *list, struct list_link *link)
{
    list_insert_before(list->head.next, link);
}

/* list_remove - take LINK off whichever list it is on; nothing happens when it is on none. */
static inline void list_remove(struct list_link *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_link_init(link);
}

/* list_first - the first link, or NULL when the list is empty. */
static inline struct list_link *list_first(const struct list *list)
{
    return list_empty(list) ? NULL : list->head.next;
}

static inline struct list_link *list_last(const struct list *list)
{
    return list_empty(list) ? NULL : list->head.prev;
}

/* list_next - the link after LINK, or NULL at the end. */
static inline struct list_link *list_next(const struct list *list, const struct list_link *link)
{
    return link->next == &list->head ? NULL : link->next;
}

/* list_pop - remove and return the first link, or NULL when the list is empty. */
static inline struct list_link *list_pop(struct list *list)
{
    struct list_link *first = list_first(list);

    if (first != NULL)
        list_remove(first);
    return first;
}

/* list_count - walks the whole list. */
static inline size_t list_count(const struct list *list)
{
    size_t n = 0;

    for (const struct list_link *l = list->head.next; l != &list->head; l = l->next)
        n++;
    return n;
}

#endif

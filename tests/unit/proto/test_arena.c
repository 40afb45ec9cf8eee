/* Pieces of an arena are apart from one another, aligned, and stay while it grows. */
#include "proto/arena.h"

#include <criterion/criterion.h>
#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#define PIECES 2000

Test(arena, pieces_are_apart_and_stay_while_it_grows)
{
    struct arena *a = arena_new(64);
    unsigned char *pieces[PIECES];

    for (size_t i = 0; i < PIECES; i++) {
        pieces[i] = arena_take(a, 1 + i % 97);
        cr_assert_eq((uintptr_t)pieces[i] % alignof(max_align_t), 0);
        memset(pieces[i], (int)(i % 251), 1 + i % 97);
    }
    for (size_t i = 0; i < PIECES; i++)
        for (size_t n = 0; n < 1 + i % 97; n++)
            cr_assert_eq(pieces[i][n], i % 251);
    arena_destroy(&a);
    cr_assert_null(a);
    arena_destroy(&a);
}

Test(arena, a_piece_larger_than_all_expected_has_its_place)
{
    struct arena *a = arena_new(16);
    ProtobufCAllocator *of_protobuf = arena_allocator(a);
    char *small = of_protobuf->alloc(of_protobuf->allocator_data, 8);
    char *large = of_protobuf->alloc(of_protobuf->allocator_data, 1 << 20);

    memset(large, 1, 1 << 20);
    memset(small, 2, 8);
    of_protobuf->free(of_protobuf->allocator_data, large);
    cr_assert_eq(large[0], 1, "all go together");
    arena_destroy(&a);
}

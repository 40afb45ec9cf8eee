/* Patterns of dialled numbers: what they say, which numbers fit, which of two is more specific. */
#include "common/pattern.h"

#include <criterion/criterion.h>
#include <string.h>

static struct pattern of(const char *text)
{
    struct pattern p;
    const char *fault = pattern_parse(text, &p);
    cr_assert_null(fault, "%s %s", text, fault);
    return p;
}

static bool fits(const char *text, const char *number)
{
    struct pattern p = of(text);
    return pattern_fits(&p, number, strlen(number));
}

Test(pattern, each_place_allows_what_it_says)
{
    cr_assert(fits("X", "0") && fits("X", "9") && !fits("X", "*"));
    cr_assert(fits("Z", "1") && !fits("Z", "0"));
    cr_assert(fits("N", "2") && !fits("N", "1"));
    cr_assert(fits("[13-5]", "1") && fits("[13-5]", "4") && !fits("[13-5]", "2"));
    cr_assert(fits("[0-9]", "0") && fits("[0-9]", "9") && fits("[*#]", "#"));
    cr_assert(fits("+49*#", "+49*#") && !fits("+49*#", "+49*"));
}

Test(pattern, the_tail_says_how_much_may_follow)
{
    cr_assert(!fits("00", "001") && fits("00", "00"));
    cr_assert(fits("00.", "001") && fits("00.", "00123456789") && !fits("00.", "00"));
    cr_assert(fits("00!", "00") && fits("00!", "001"));
    cr_assert(fits(".", "1") && !fits(".", "") && fits("!", ""));
}

Test(pattern, a_prefix_goes_on_by_itself)
{
    struct pattern p, same = of("90!");
    cr_assert_null(pattern_prefix("90", &p));
    cr_assert(pattern_same(&p, &same));
    cr_assert_not_null(pattern_prefix("90.", &p));
}

Test(pattern, what_is_none_is_refused)
{
    static const char *const wrong[] = {"",    "a",     "0.1", "0!.",
                                        "[",   "[]",    "[1",  "[5-3]",
                                        "[a]", "[1-*]", "1 2", "012345678901234567890123456789012"};
    struct pattern p = {.n = 7};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_not_null(pattern_parse(wrong[i], &p), "'%s'", wrong[i]);
    cr_assert_eq(p.n, 7, "the result is left alone");
}

static int order(const char *a, const char *b)
{
    struct pattern pa = of(a), pb = of(b);
    int one = pattern_compare(&pa, &pb), other = pattern_compare(&pb, &pa);
    cr_assert((one < 0) == (other > 0) && (one == 0) == (other == 0), "%s %s", a, b);
    return one;
}

Test(pattern, the_more_specific_one_comes_first)
{
    static const char *const sorted[] = {"0301", "030[12]", "030NX", "030ZX", "030XX", "030.",
                                         "030!", "0Z.",     "0.",    "X.",    "."};
    for (size_t i = 0; i < sizeof sorted / sizeof *sorted; i++)
        for (size_t k = i + 1; k < sizeof sorted / sizeof *sorted; k++)
            cr_assert_lt(order(sorted[i], sorted[k]), 0, "%s before %s", sorted[i], sorted[k]);
    cr_assert_eq(order("[12]X", "[34]X"), 0);
    cr_assert_eq(order("0X", "0[0-9]"), 0);
}

Test(pattern, one_number_alone_is_told)
{
    char text[PATTERN_SIZE];
    struct pattern p = of("[1]23*");
    cr_assert(pattern_number(&p, text));
    cr_assert_str_eq(text, "123*");
    p = of("12X");
    cr_assert_not(pattern_number(&p, text));
    p = of("12!");
    cr_assert_not(pattern_number(&p, text));
}

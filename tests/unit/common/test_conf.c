#include "common/conf.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct part {
    char id[16];
    uint32_t weight;
};

struct target {
    char name[8];
    uint8_t small;
    uint64_t big;
    bool flag;
    uint32_t wait;
    int colour;
    char address[CONF_ADDRESS_SIZE];
    uint16_t port;
    char words[3][8];
    uint32_t word_count;
    struct {
        uint32_t inner;
    } group;
    struct part list[2];
    uint32_t list_count;
    struct part *map;
    uint32_t map_count;
};

/* clang-format off */
static const struct conf_field part_fields[] = {
    {.name = "weight", .type = CONF_UINT, .min = 1, .max = 9, .fallback = "5", CONF_AT(struct part, weight), .doc = "Weight."},
    {0}
};
static const struct conf_field keyed_fields[] = {
    {.name = "id", .type = CONF_KEY, .choices = "a-z0-9.", CONF_AT(struct part, id), .doc = "Key."},
    {.name = "weight", .type = CONF_UINT, .required = true, CONF_AT(struct part, weight), .doc = "How heavy it is."},
    {0}
};
static const struct conf_field inner_fields[] = {
    {.name = "inner", .type = CONF_UINT, .fallback = "7", .offset = 0, .size = 4, .doc = "Inner."},
    {0}
};
static const struct conf_field schema[] = {
    {.name = "name", .type = CONF_TEXT, .required = true, .min = 2, .choices = "a-z-", CONF_AT(struct target, name), .doc = "The name."},
    {.name = "small", .type = CONF_UINT, .fallback = "3", CONF_AT(struct target, small), .doc = "A small one."},
    {.name = "big", .type = CONF_UINT, CONF_AT(struct target, big), .doc = "A big one."},
    {.name = "flag", .type = CONF_BOOL, .fallback = "true", CONF_AT(struct target, flag), .doc = "A flag."},
    {.name = "wait", .type = CONF_DURATION, .min = 50, .max = 60000, .fallback = "1s", CONF_AT(struct target, wait), .doc = "A wait."},
    {.name = "colour", .type = CONF_ENUM, .choices = "red green blue", .fallback = "green", CONF_AT(struct target, colour), .doc = "A colour."},
    {.name = "address", .type = CONF_ADDRESS, CONF_AT(struct target, address), .doc = "An address."},
    {.name = "port", .type = CONF_PORT, .fallback = "5060", CONF_AT(struct target, port), .doc = "A port."},
    {.name = "words", .type = CONF_TEXTS, CONF_LIST_AT(struct target, words, word_count), .doc = "Words."},
    {.name = "group", .type = CONF_OBJECT, .fields = inner_fields, CONF_AT(struct target, group), .doc = "A group."},
    {.name = "list", .type = CONF_OBJECTS, .fields = part_fields, CONF_LIST_AT(struct target, list, list_count), .doc = "Parts."},
    {.name = "map", .type = CONF_MAP, .fields = keyed_fields, CONF_ALLOC_AT(struct target, map, map_count), .doc = "Parts by key."},
    {0}
};
/* clang-format on */

static struct target target;
static struct conf_errors errors;

static int read_text(const char *text)
{
    conf_errors_init(&errors, "f.yaml");
    return conf_read_text("f.yaml", text, strlen(text), schema, &target, sizeof target, NULL,
                          &errors);
}

/* refused - TEXT is refused with exactly the lines EXPECTED. */
static void refused(const char *text, const char *expected)
{
    char *printed = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&printed, &size);
    int r = read_text(text);

    conf_errors_print(&errors, out);
    fclose(out);
    cr_assert_eq(r, -EINVAL, "accepted:\n%s", text);
    cr_assert_str_eq(printed, expected);
    free(printed);
}

Test(conf, schemas_are_sound_and_a_wrong_one_is_found)
{
    struct conf_field wrong[] = {{.name = "w",
                                  .type = CONF_DURATION,
                                  .min = 50,
                                  .fallback = "1ms",
                                  CONF_AT(struct target, wait),
                                  .doc = "W."},
                                 {0}};
    char fault[200];

    cr_assert(conf_schema_sound(schema, fault, sizeof fault), "%s", fault);
    cr_assert_not(conf_schema_sound(wrong, fault, sizeof fault));
    cr_assert_not_null(strstr(fault, "1ms is too short"), "%s", fault);
    wrong[0].fallback = NULL;
    wrong[0].doc = NULL;
    cr_assert_not(conf_schema_sound(wrong, fault, sizeof fault));
    wrong[0] = (struct conf_field){
        .name = "w", .type = CONF_PORT, CONF_AT(struct target, wait), .doc = "W."};
    cr_assert_not(conf_schema_sound(wrong, fault, sizeof fault));
    cr_assert_str_eq(fault, "w: does not fit its member");
}

Test(conf, what_is_left_out_gets_its_default)
{
    cr_assert_eq(read_text("name: abc\n"), 0);
    cr_assert_str_eq(target.name, "abc");
    cr_assert_eq(target.small, 3);
    cr_assert_eq(target.big, 0);
    cr_assert_eq(target.flag, true);
    cr_assert_eq(target.wait, 1000);
    cr_assert_eq(target.colour, 1);
    cr_assert_str_eq(target.address, "");
    cr_assert_eq(target.port, 5060);
    cr_assert_eq(target.word_count, 0);
    cr_assert_eq(target.group.inner, 7);
    cr_assert_eq(target.list_count, 0);
    cr_assert_eq(target.map_count, 0);
    cr_assert_null(target.map);
}

Test(conf, every_type_is_read)
{
    cr_assert_eq(read_text("# a comment\n"
                           "name: \"a-b\"\n"
                           "small: 255\n"
                           "big: 18446744073709551600\n"
                           "flag: false\n"
                           "wait: 1min\n"
                           "colour: blue\n"
                           "address: 2001:DB8:0::1\n"
                           "port: 65535\n"
                           "words: [one, two]\n"
                           "group: {inner: 8}\n"
                           "list:\n"
                           "  - weight: 1\n"
                           "  - {}\n"
                           "map:\n"
                           "  a.b: {weight: 4294967295}\n"
                           "  '77': {weight: 2}\n"),
                 0, "%s", errors.list[0].text);
    cr_assert_str_eq(target.name, "a-b");
    cr_assert_eq(target.small, 255);
    cr_assert_eq(target.big, UINT64_C(18446744073709551600));
    cr_assert_eq(target.flag, false);
    cr_assert_eq(target.wait, 60000);
    cr_assert_eq(target.colour, 2);
    cr_assert_str_eq(target.address, "2001:db8::1", "written as everyone writes it");
    cr_assert_eq(target.port, 65535);
    cr_assert_eq(target.word_count, 2);
    cr_assert_str_eq(target.words[1], "two");
    cr_assert_eq(target.group.inner, 8);
    cr_assert_eq(target.list_count, 2);
    cr_assert_eq(target.list[0].weight, 1);
    cr_assert_eq(target.list[1].weight, 5);
    cr_assert_eq(target.map_count, 2);
    cr_assert_str_eq(target.map[0].id, "a.b");
    cr_assert_eq(target.map[0].weight, UINT32_MAX);
    cr_assert_str_eq(target.map[1].id, "77");
    conf_free(schema, &target);
    cr_assert_null(target.map);
}

Test(conf, every_fault_is_found_in_one_run_with_line_field_and_mend)
{
    refused(
        "name: Abc\n"
        "smal: 1\n"
        "small: 256\n"
        "flag: yes\n"
        "wait: 100\n"
        "colour: pink\n"
        "address: 10.0.0.256\n"
        "port: 0\n"
        "words: [waytoolong, '']\n"
        "group: 5\n"
        "list:\n"
        "  - weight: ten\n"
        "  - {weight: 3, height: 4}\n"
        "map:\n"
        "  ABC: {weight: 1}\n"
        "  abc: {}\n",
        "f.yaml:1: field 'name': 'Abc' has a 'A' in it; only a-z- may be used\n"
        "f.yaml:2: field 'smal': is unknown; did you mean 'small'?\n"
        "f.yaml:3: field 'small': 256 is too large; write 0..255\n"
        "f.yaml:4: field 'flag': 'yes' is neither true nor false; write true or false\n"
        "f.yaml:5: field 'wait': '100' has no unit; write 100ms, 100s, 100min or 100h\n"
        "f.yaml:6: field 'colour': 'pink' is not a choice; write red, green or blue\n"
        "f.yaml:7: field 'address': '10.0.0.256' is not an IPv4 or IPv6 address; write one like "
        "192.0.2.1 or 2001:db8::1\n"
        "f.yaml:8: field 'port': 0 is too small; write 1..65535\n"
        "f.yaml:9: field 'words[0]': 'waytoolong' has 10 bytes, 7 is the most; shorten it\n"
        "f.yaml:9: field 'words[1]': '' has 0 bytes, 1 is the least; lengthen it\n"
        "f.yaml:10: field 'group': is not a group of fields; write 'name: value' lines\n"
        "f.yaml:12: field 'list[0].weight': 'ten' is not a whole number; write 1..9\n"
        "f.yaml:13: field 'list[1].height': is unknown; did you mean 'weight'?\n"
        "f.yaml:15: field 'map.ABC': 'ABC' has a 'A' in it; only a-z0-9. may be used\n"
        "f.yaml:16: field 'map.abc.weight': is missing; add it: How heavy it is.\n");
}

Test(conf, ranges_and_counts)
{
    refused(
        "name: a\nwait: 49ms\nbig: 99999999999999999999\nlist: [{}, {}, {}]\nquite-other: 1\n",
        "f.yaml:1: field 'name': 'a' has 1 bytes, 2 is the least; lengthen it\n"
        "f.yaml:2: field 'wait': 49ms is too short; write 50ms..1min\n"
        "f.yaml:3: field 'big': '99999999999999999999' is not a whole number; write "
        "0..18446744073709551615\n"
        "f.yaml:4: field 'list': has 3 items, 2 is the most; take some away\n"
        "f.yaml:5: field 'quite-other': is unknown; the fields here are name, small, big, flag, "
        "wait, colour, address, port, words, group, list, map\n");
    refused("name: ab\nwait: 2h\nlist: {}\nwords: abc\nsmall:\nport: [1]\nmap: []\n",
            "f.yaml:2: field 'wait': 2h is too long; write 50ms..1min\n"
            "f.yaml:3: field 'list': is not a list; write one '- name: value' group a line\n"
            "f.yaml:4: field 'words': is not a list; write [a, b] or one '- a' a line\n"
            "f.yaml:5: field 'small': has no value; give it one or remove the line\n"
            "f.yaml:6: field 'port': is a list, but one value is wanted; write 'port: value'\n"
            "f.yaml:7: field 'map': is not a group; write 'key: {name: value, ...}', one a line\n");
}

Test(conf, missing_and_double)
{
    refused("small: 1\n", "f.yaml:1: field 'name': is missing; add it: The name.\n");
    refused("name: ab\nmap:\n  x: {weight: 1}\n  y: {weight: 1}\n  x: {weight: 2}\nname: cd\n",
            "f.yaml:5: field 'map.x': is there twice, first in line 3; remove one of them\n"
            "f.yaml:6: field 'name': is there twice, first in line 1; remove one of them\n");
}

Test(conf, what_is_not_yaml_is_located_by_line_and_column)
{
    refused("name: ab\nlist:\n  - weight: [1\n  - weight: 2\n",
            "f.yaml:5:1: not YAML: flow sequence without a closing bracket; look at the "
            "indentation, the "
            "colons and the quotes before here\n");
    read_text("name: \"ab\nsmall: 1\n");
    cr_assert_eq(errors.total, 1);
    cr_assert_not_null(strstr(errors.list[0].text, "double-quoted scalar"));
}

Test(conf, yaml_that_means_more_than_it_shows_is_refused)
{
    refused("", "f.yaml: nothing is in it; write 'name: value' lines\n");
    refused("# only a comment\n", "f.yaml: nothing is in it; write 'name: value' lines\n");
    refused("- a\n", "f.yaml:1: it is not a group of fields; write 'name: value' lines\n");
    refused("name: &x ab\n",
            "f.yaml:1: an anchor (&name) is not allowed here; write the value itself\n");
    refused("name: !!str ab\n",
            "f.yaml:1: a tag (!name) is not allowed here; write the value itself\n");
    refused("name: ab\nsmall: *x\n",
            "f.yaml:2: an alias (*name) is not allowed here; write the value itself\n");
    refused("name: ab\n---\nname: cd\n",
            "f.yaml:2: a second document begins ('---'); keep one per file\n");
    refused("name: \"a\\0b\"\n", "f.yaml:1: field 'name': has the control character 0x00 in it; "
                                 "write one line without it\n");
    refused("? [a, b]\n: c\n", "f.yaml:1: a list or group stands where a field's name is wanted; "
                               "write 'name: value'\n");
}

Test(conf, endless_nesting_is_refused)
{
    char text[4096];
    size_t n = (size_t)snprintf(text, sizeof text, "name: ");

    memset(text + n, '[', 1000);
    strcpy(text + n + 1000, "\n");
    cr_assert_eq(read_text(text), -EINVAL);
    cr_assert_str_eq(errors.list[0].text, "more than 16 levels deep; flatten it");
}

Test(conf, many_faults_are_counted_beyond_what_is_kept)
{
    char text[4096] = "name: ab\n", *printed = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&printed, &size);

    for (int i = 0; i < 40; i++)
        sprintf(text + strlen(text), "unknown-field-%d: 1\n", i);
    cr_assert_eq(read_text(text), -EINVAL);
    cr_assert_eq(errors.count, CONF_ERRORS_MAX);
    cr_assert_eq(errors.total, 40);
    conf_errors_print(&errors, out);
    fclose(out);
    cr_assert_not_null(strstr(printed, "\nf.yaml: and 8 more\n"));
    free(printed);
}

Test(conf, lines_are_found_by_path)
{
    const char *text = "name: ab\nlist:\n  - {}\n  - weight: 1\nmap:\n  a.b:\n    weight: 3\n";
    struct conf_tree *tree = NULL;

    conf_errors_init(&errors, "f.yaml");
    cr_assert_eq(conf_tree_parse("f.yaml", text, strlen(text), &tree, &errors), 0);
    cr_assert_eq(conf_line(tree, "name"), 1);
    cr_assert_eq(conf_line(tree, "list[0]"), 3);
    cr_assert_eq(conf_line(tree, "list[1].weight"), 4);
    cr_assert_eq(conf_line(tree, "map.a.b.weight"), 7);
    cr_assert_eq(conf_line(tree, "list[2]"), 0);
    cr_assert_eq(conf_line(tree, "map.a"), 0);
    cr_assert(conf_given(tree, "map.a.b"));
    cr_assert_not(conf_given(tree, "small"));
    conf_error_add(&errors, tree, "map.a.b.height", "contradicts %s; remove it", "weight");
    conf_error_add(&errors, tree, NULL, "about the file");
    cr_assert_eq(errors.list[0].line, 6, "the nearest that is there");
    cr_assert_str_eq(errors.list[0].text, "field 'map.a.b.height': contradicts weight; remove it");
    cr_assert_eq(errors.list[1].line, 0);
    conf_tree_destroy(&tree);
    cr_assert_null(tree);
}

Test(conf, a_file_that_cannot_be_read_says_why)
{
    char line[400];

    cr_assert_eq(conf_read("/nonexistent/f.yaml", schema, &target, sizeof target, NULL, &errors),
                 -EINVAL);
    conf_errors_line(&errors, 0, line, sizeof line);
    cr_assert_str_eq(line, "/nonexistent/f.yaml: cannot be read: No such file or directory; check "
                           "the name and the permissions");
    cr_assert_eq(conf_read("/", schema, &target, sizeof target, NULL, &errors), -EINVAL);
    conf_errors_line(&errors, 0, line, sizeof line);
    cr_assert_str_eq(line, "/: cannot be read: Is a directory; check the name and the permissions");
}

Test(conf, reads_a_file)
{
    char path[] = "/tmp/test-conf-XXXXXX";
    int fd = mkstemp(path);

    cr_assert_eq(write(fd, "name: from-file\n", 16), 16);
    close(fd);
    cr_assert_eq(conf_read(path, schema, &target, sizeof target, NULL, &errors), -EINVAL);
    cr_assert_eq(truncate(path, 11), 0);
    cr_assert_eq(conf_read(path, schema, &target, sizeof target, NULL, &errors), 0);
    cr_assert_str_eq(target.name, "from-");
    unlink(path);
}

Test(conf, prints_its_own_documentation)
{
    char *printed = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&printed, &size);

    conf_print_doc(schema, CONF_DOC_TEXT, out);
    conf_print_doc(schema, CONF_DOC_MAN, out);
    conf_print_doc(schema, CONF_DOC_MARKDOWN, out);
    fclose(out);
    cr_assert_not_null(strstr(printed, "wait (time, 50ms..1min, default 1s)\n    A wait.\n"));
    cr_assert_not_null(strstr(printed, "list[].weight (number, 1..9, default 5)\n"));
    cr_assert_not_null(strstr(printed, "map.KEY.weight (number, required)\n"));
    cr_assert_not_null(
        strstr(printed, ".TP\n\\fBcolour\\fR (choice: red green blue, default green)\n"));
    cr_assert_not_null(strstr(printed, "- **`port`** (port, default 5060)  \n  A port.\n"));
    free(printed);
}

/* bytes_refused - SIZE bytes of TEXT are refused with exactly one error, EXPECTED. */
static void bytes_refused(const char *text, size_t size, const char *expected)
{
    char line[sizeof errors.file + CONF_TEXT_MAX + 32];

    conf_errors_init(&errors, "f.yaml");
    cr_assert_eq(
        conf_read_text("f.yaml", text, size, schema, &target, sizeof target, NULL, &errors),
        -EINVAL, "accepted, wanted: %s", expected);
    conf_errors_line(&errors, 0, line, sizeof line);
    cr_assert_str_eq(line, expected);
    cr_assert_eq(errors.total, 1);
}

#define BYTES_REFUSED(text, expected) bytes_refused(text, sizeof(text) - 1, expected)

Test(conf, a_nul_byte_is_refused_wherever_it_stands)
{
    static const char wanted[] =
        "f.yaml:2: a NUL byte; remove it, and see whether the file is whole";

    BYTES_REFUSED("name: abc\n\0small: 4\n", wanted);
    BYTES_REFUSED("name: abc\nsmall: 4\0", wanted);
    BYTES_REFUSED("name: abc\n# a comment \0\nsmall: 4\n", wanted);
    BYTES_REFUSED("name: abc\n\0", wanted);
}

Test(conf, what_is_not_utf8_is_refused_wherever_it_stands)
{
#define NOT_UTF8(byte) "f.yaml:2: the byte " byte " is not UTF-8; save the file as UTF-8"
    BYTES_REFUSED("name: abc\n\xff\xfe", NOT_UTF8("0xff"));
    BYTES_REFUSED("name: abc\n# \xc0\xaf\n", NOT_UTF8("0xc0"));
    BYTES_REFUSED("name: abc\n# \xe0\x80\xaf\n", NOT_UTF8("0xe0"));
    BYTES_REFUSED("name: abc\n# \xed\xa0\x80\n", NOT_UTF8("0xed"));
    BYTES_REFUSED("name: abc\n# \xf4\x90\x80\x80\n", NOT_UTF8("0xf4"));
    BYTES_REFUSED("name: abc\n# \xe2\x82", NOT_UTF8("0xe2"));
    cr_assert_eq(read_text("name: abc\n# \xc3\xa9 \xe2\x82\xac \xf0\x9f\x93\x9e\n"), 0, "%s",
                 errors.list[0].text);
}

Test(conf, control_characters_are_refused_with_line_and_field)
{
    refused("name: \"ab\\r\\nc\"\n",
            "f.yaml:1: field 'name': has the control character 0x0d in it; "
            "write one line without it\n");
    refused(
        "name: abc\nlist:\n  - {weight: \"\\e1\"}\n",
        "f.yaml:3: field 'list[0].weight': has the control character 0x1b in it; write one line "
        "without it\n");
    refused("name: |\n  abc\n", "f.yaml:2: field 'name': has the control character 0x0a in it; "
                                "write one line without it\n");
}

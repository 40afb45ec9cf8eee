/* fuzz_conf - any bytes as a YAML file, as the bootstrap file and as a configuration file.
 *
 * Checked: a file is either taken or refused with reasons that can be printed; and a configuration
 * that is taken, written and read again is the same configuration.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/bootstrap.h"
#include "common/conf.h"
#include "confproxy/adapt/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libfyaml 0.7.12 keeps buffers of its own when a file has certain syntax errors (corpus:
 * library_keeps); whoever reads a file so refuses it and ends.  That we free what it gives us is
 * held by test_conf, without this. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so\n";
}

/* A file in memory, for the readers that want a path. */
static char path[64];
static int fd = -1;

static void write_file(const void *data, size_t size)
{
    ssize_t n;

    if (fd < 0) {
        fd = memfd_create("fuzz_conf", 0);
        assert(fd >= 0);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    }
    n = ftruncate(fd, 0) == 0 ? pwrite(fd, data, size, 0) : -1;
    assert(n == (ssize_t)size);
    (void)n;
}

/* R came with ERRORS: they say so both. */
static void check(int r, struct conf_errors *errors)
{
    FILE *out = fopen("/dev/null", "w");

    assert(r == 0 || r == -EINVAL);
    assert((r == 0) == (errors->total == 0));
    assert(errors->count <= CONF_ERRORS_MAX && errors->count <= errors->total);
    conf_errors_print(errors, out);
    fclose(out);
}

static void as_tree(const uint8_t *data, size_t size)
{
    static const char *const paths[] = {"sites[0].hosts[1].address", "dns.7001.type", "", "a.b[",
                                        "x[99999999999999999999]"};
    struct conf_tree *tree = NULL;
    struct conf_errors errors;
    int r;

    conf_errors_init(&errors, "f.yaml");
    r = conf_tree_parse("f.yaml", (const char *)data, size, &tree, &errors);
    check(r, &errors);
    for (size_t i = 0; r == 0 && i < sizeof(paths) / sizeof(paths[0]); i++)
        assert(conf_line(tree, paths[i]) > 0 || !conf_given(tree, paths[i]));
    conf_tree_destroy(&tree);
}

static void as_bootstrap(void)
{
    static struct bootstrap b;
    struct conf_errors errors;

    check(bootstrap_read(path, "east.1", &b, &errors), &errors);
}

static void render(const struct client_changes *changes, char **ret_text, size_t *ret_size)
{
    Sf__ConfObject **objects = calloc(changes->count + 1, sizeof(*objects));
    FILE *out = open_memstream(ret_text, ret_size);

    for (size_t i = 0; i < changes->count; i++)
        objects[i] = changes->changes[i]->object;
    client_render(objects, changes->count, out);
    fclose(out);
    free(objects);
}

static void as_configuration(void)
{
    struct bootstrap b = {.cluster = "demo", .site_count = 2};
    struct client_changes first = {0}, second = {0};
    struct conf_errors errors;
    char *text = NULL, *again = NULL;
    size_t size, again_size;
    int r;

    strcpy(b.sites[0].name, "east");
    strcpy(b.sites[1].name, "west");
    r = client_parse(path, &b, &first, &errors);
    check(r, &errors);
    if (r != 0)
        return;
    render(&first, &text, &size);
    write_file(text, size);
    r = client_parse(path, &b, &second, &errors);
    check(r, &errors);
    assert(r == 0 && second.count == first.count);
    render(&second, &again, &again_size);
    assert(again_size == size && memcmp(again, text, size) == 0);
    free(text);
    free(again);
    client_changes_free(&first);
    client_changes_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    as_tree(data, size);
    write_file(data, size);
    as_bootstrap();
    as_configuration();
    return 0;
}

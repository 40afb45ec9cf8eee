/* Keys as files: made, found, refused. */
#include "deployment.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

TestSuite(keys, .init = deployment_setup, .fini = deployment_teardown);

static struct bootstrap b;
static struct keys_error error;
static char path[300];

static const char *path_of(const char *name)
{
    b = bootstrap_of(EAST1);
    (void)snprintf(path, sizeof path, "%s/%s", b.keys_dir, name);
    return path;
}

static void overwrite(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");

    cr_assert_not_null(file);
    cr_assert_geq(fputs(text, file), 0);
    cr_assert_eq(fclose(file), 0);
}

static mode_t mode_of(const char *name)
{
    struct stat st;

    cr_assert_eq(stat(path_of(name), &st), 0);
    return st.st_mode & 0777;
}

Test(keys, secrets_are_for_their_owner_alone_and_not_replaced)
{
    cr_assert_eq(mode_of("east.1.secret"), 0600);
    cr_assert_eq(mode_of("east.1.key"), 0644);
    cr_assert_eq(mode_of(""), 0700);
    cr_assert_eq(keys_generate(b.keys_dir, "east.1", false, &error), -EEXIST);
    cr_assert_eq(keys_generate(b.keys_dir, "east.1", true, &error), 0);
    cr_assert_eq(keys_generate("/proc/nowhere", "east.1", false, &error), -ENOENT);
    cr_assert_eq(strncmp(error.text, "/proc/nowhere: ", 15), 0, "%s", error.text);
}

Test(keys, load_knows_the_owner_of_each_key)
{
    struct keys keys;
    uint8_t key[32] = {0};

    b = bootstrap_of(EAST1);
    cr_assert_eq(unlink(path_of("west.2.key")), 0);
    cr_assert_eq(keys_load(&b, &keys, &error), 0, "%s", error.text);
    cr_assert_str_eq(keys.hosts[EAST1], keys.public_key);
    cr_assert_str_eq(keys.hosts[WEST2], "");
    cr_assert_eq(keys_host_of(&keys, key), BOOTSTRAP_NONE);
    cr_assert_not_null(zmq_z85_decode(key, keys.hosts[ARBITER]));
    cr_assert_eq(keys_host_of(&keys, key), ARBITER);
    keys_forget(&keys);
    cr_assert_eq(keys.secret_key[0], '\0');
}

Test(keys, unusable_files_are_refused_with_the_mend)
{
    struct keys keys;

    b = bootstrap_of(EAST1);
    overwrite("east.1.key", "nonsense\n");
    cr_assert_eq(keys_load(&b, &keys, &error), 0, "the secret's file holds both");
    cr_assert_str_eq(keys.hosts[EAST1], "");
    overwrite("east.1.secret", "curve\n    public-key = \"short\"\n");
    cr_assert_eq(keys_load(&b, &keys, &error), -EINVAL);
    cr_assert_not_null(strstr(error.text, "holds no key pair; copy it again"));
    cr_assert_eq(chmod(path_of("east.1.secret"), 0604), 0);
    cr_assert_eq(keys_load(&b, &keys, &error), -EPERM);
}

Test(keys, the_pair_must_belong_together)
{
    struct keys keys;
    char from[300];

    b = bootstrap_of(EAST1);
    (void)snprintf(from, sizeof from, "%s", path_of("east.2.key"));
    cr_assert_eq(rename(from, path_of("east.1.key")), 0);
    cr_assert_eq(keys_load(&b, &keys, &error), -EINVAL);
    cr_assert_not_null(strstr(error.text, "of different pairs"), "%s", error.text);
}

Test(keys, the_cluster_secret)
{
    uint8_t one[KEYS_SECRET_SIZE], two[KEYS_SECRET_SIZE];

    b = bootstrap_of(EAST1);
    cr_assert_eq(keys_cluster_secret(b.keys_dir, one, &error), -ENOENT);
    cr_assert_eq(keys_generate_cluster(b.keys_dir, false, &error), 0, "%s", error.text);
    cr_assert_eq(keys_generate_cluster(b.keys_dir, false, &error), -EEXIST);
    cr_assert_eq(keys_cluster_secret(b.keys_dir, one, &error), 0, "%s", error.text);
    cr_assert_eq(keys_cluster_secret(b.keys_dir, two, &error), 0);
    cr_assert_eq(memcmp(one, two, sizeof one), 0);
    cr_assert_eq(keys_generate_cluster(b.keys_dir, true, &error), 0);
    cr_assert_eq(keys_cluster_secret(b.keys_dir, two, &error), 0);
    cr_assert_neq(memcmp(one, two, sizeof one), 0);
    cr_assert_eq(mode_of("cluster.secret"), 0600);
    overwrite("cluster.secret", "0123");
    cr_assert_eq(keys_cluster_secret(b.keys_dir, two, &error), -EINVAL);
}

Test(keys, list)
{
    struct keys_entry entries[BOOTSTRAP_HOSTS_MAX];

    cr_assert_eq(unlink(path_of("west.1.secret")), 0);
    cr_assert_eq(unlink(path_of("west.2.key")), 0);
    keys_list(&b, entries);
    cr_assert_str_eq(entries[EAST1].host, "east.1");
    cr_assert(entries[EAST1].present && entries[EAST1].secret_present);
    cr_assert_eq(strlen(entries[EAST1].fingerprint), KEYS_FINGERPRINT_SIZE - 1);
    cr_assert_str_neq(entries[EAST1].fingerprint, entries[EAST2].fingerprint);
    cr_assert_leq(loop_wall_ms() - entries[EAST1].made_ms, 60000);
    cr_assert(entries[WEST1].present && !entries[WEST1].secret_present);
    cr_assert(!entries[WEST2].present && entries[WEST2].secret_present);
}

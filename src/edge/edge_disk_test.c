/* edge_disk_test.c: what is sealed opens again, here and nowhere else; what cannot be written waits. */
#include "edge/edge_disk.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop *loop;
static char folder[64];
static struct edge_disk *disk;

static void open_disk(void) {
    struct why why = {0};
    assert_int_equal(edge_disk_open(loop, folder, NULL, &disk, &why), STATUS_OK);
}

static void close_disk(void) {
    edge_disk_close(&disk);
    (void)uv_run(loop_uv(loop), UV_RUN_NOWAIT);
}

static int start(void **state) {
    (void)state;
    memcpy(folder, "/tmp/edge-disk-XXXXXX", sizeof("/tmp/edge-disk-XXXXXX"));
    assert_non_null(mkdtemp(folder));
    loop = loop_new(clock_system(), random_system());
    open_disk();
    return 0;
}

static int stop(void **state) {
    char command[128];
    (void)state;
    edge_disk_close(&disk);
    loop_free(&loop);
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static void wait_idle(void) {
    while (!edge_disk_is_idle(disk)) {
        (void)uv_run(loop_uv(loop), UV_RUN_ONCE);
    }
}

static void write_path(const char *file, char out[128]) {
    (void)snprintf(out, 128, "%s/%s", folder, file);
}

static void expect(const char *name, const char *text) {
    struct buf read;
    struct why why = {0};
    buf_init(&read, 1024);
    assert_int_equal(edge_disk_read(disk, name, &read, &why), STATUS_OK);
    assert_true(str_eq(buf_str(&read), str_from(text)));
    buf_fini(&read);
}

static void expect_refused(const char *name, enum status status, const char *slug) {
    struct buf read;
    struct why why = {0};
    buf_init(&read, 1024);
    assert_int_equal(edge_disk_read(disk, name, &read, &why), status);
    assert_string_equal(why.slug, slug);
    assert_int_equal(buf_len(&read), 0);
    buf_fini(&read);
}

static void what_is_put_is_there_after_a_restart(void **state) {
    char path[128];
    char bytes[256];
    struct stat file;
    (void)state;
    edge_disk_put(disk, "one", STR("first"));
    edge_disk_put(disk, "one", STR("the text of one"));
    edge_disk_put(disk, "two", STR(""));
    wait_idle();
    close_disk();
    open_disk();
    expect("one", "the text of one");
    expect("two", "");
    write_path("one.sealed", path);
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
    int fd = open(path, O_RDONLY);
    ssize_t len = read(fd, bytes, sizeof(bytes));
    (void)close(fd);
    for (ssize_t i = 0; i + 4 <= len; i++) {
        assert_memory_not_equal(bytes + i, "text", 4);
    }
    edge_disk_remove(disk, "one");
    wait_idle();
    expect_refused("one", STATUS_NOT_FOUND, "not_found");
    expect_refused("never", STATUS_NOT_FOUND, "not_found");
}

/* What waits when it ends is written then. */
static void closing_loses_nothing(void **state) {
    (void)state;
    for (int i = 0; i < 200; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "n-%d", i);
        edge_disk_put(disk, name, str_from(name));
    }
    close_disk();
    open_disk();
    for (int i = 0; i < 200; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "n-%d", i);
        expect(name, name);
    }
}

static void change_byte(const char *file, long at) {
    char path[128];
    write_path(file, path);
    FILE *stream = fopen(path, "r+b");
    assert_non_null(stream);
    assert_int_equal(fseek(stream, at, at < 0 ? SEEK_END : SEEK_SET), 0);
    int byte = fgetc(stream);
    assert_int_equal(fseek(stream, at, at < 0 ? SEEK_END : SEEK_SET), 0);
    (void)fputc(byte ^ 1, stream);
    (void)fclose(stream);
}

static void what_was_changed_does_not_open(void **state) {
    char path[128];
    char other[128];
    (void)state;
    edge_disk_put(disk, "one", STR("the text of one"));
    edge_disk_put(disk, "two", STR("the text of two"));
    wait_idle();
    change_byte("one.sealed", -1);
    expect_refused("one", STATUS_INVALID, "state_foreign");
    change_byte("one.sealed", -1);
    expect("one", "the text of one");
    change_byte("one.sealed", 0);
    expect_refused("one", STATUS_INVALID, "state_malformed");
    /* under another name it is not what it says */
    write_path("two.sealed", path);
    write_path("three.sealed", other);
    assert_int_equal(rename(path, other), 0);
    expect_refused("three", STATUS_INVALID, "state_foreign");
    assert_int_equal(truncate(other, 40), 0);
    expect_refused("three", STATUS_INVALID, "state_malformed");
    assert_int_equal(truncate(other, 60), 0);
    expect_refused("three", STATUS_INVALID, "state_foreign");
}

static void another_key_opens_nothing(void **state) {
    struct secret key;
    struct why why = {0};
    char path[128];
    (void)state;
    edge_disk_put(disk, "one", STR("the text of one"));
    wait_idle();
    close_disk();
    secret_init(&key);
    assert_int_equal(secret_set(&key, STR("a key from elsewhere")), STATUS_OK);
    assert_int_equal(edge_disk_open(loop, folder, &key, &disk, &why), STATUS_OK);
    expect_refused("one", STATUS_INVALID, "state_foreign");
    edge_disk_put(disk, "two", STR("the text of two"));
    wait_idle();
    expect("two", "the text of two");
    close_disk();
    secret_fini(&key);
    /* without its own key the folder is not taken for a new one */
    write_path("seal.key", path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(edge_disk_open(loop, folder, NULL, &disk, &why), STATUS_DENIED);
    assert_string_equal(why.slug, "seal_key_missing");
}

static void a_key_that_others_may_read_is_none(void **state) {
    struct why why = {0};
    char path[128];
    (void)state;
    close_disk();
    write_path("seal.key", path);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(edge_disk_open(loop, folder, NULL, &disk, &why), STATUS_DENIED);
    assert_string_equal(why.slug, "seal_key_open");
}

static void one_process_has_it(void **state) {
    struct edge_disk *second = NULL;
    struct why why = {0};
    (void)state;
    assert_int_equal(edge_disk_open(loop, folder, NULL, &second, &why), STATUS_CONFLICT);
    assert_string_equal(why.slug, "data_in_use");
    assert_null(second);
}

/* A folder in the file's place: nothing can be written there, until it is gone. */
static void what_cannot_be_written_waits(void **state) {
    char path[128];
    (void)state;
    write_path("one.sealed.new", path);
    assert_int_equal(mkdir(path, 0700), 0);
    edge_disk_put(disk, "one", STR("older"));
    edge_disk_put(disk, "one", STR("newer"));
    while (edge_disk_is_idle(disk)) {
        (void)uv_run(loop_uv(loop), UV_RUN_ONCE);
    }
    expect_refused("one", STATUS_NOT_FOUND, "not_found");
    assert_int_equal(rmdir(path), 0);
    wait_idle();
    expect("one", "newer");
}

static void count_name(void *context, const char *name) {
    (void)name;
    ++*(int *)context;
}

static void files_are_listed(void **state) {
    int count = 0;
    (void)state;
    edge_disk_put(disk, "env_1", STR("x"));
    edge_disk_put(disk, "host-1", STR("x"));
    wait_idle();
    close_disk();
    open_disk();
    edge_disk_put(disk, "env_2", STR("x"));
    edge_disk_each(disk, "env_", count_name, &count);
    assert_int_equal(count, 2);
    edge_disk_remove(disk, "env_1");
    edge_disk_each(disk, "env_", count_name, &count);
    assert_int_equal(count, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_is_put_is_there_after_a_restart), TEST(closing_loses_nothing),
        TEST(what_was_changed_does_not_open),       TEST(another_key_opens_nothing),
        TEST(a_key_that_others_may_read_is_none),   TEST(one_process_has_it),
        TEST(what_cannot_be_written_waits),         TEST(files_are_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

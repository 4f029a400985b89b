#include "store/store_sync.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define THREADS 8
#define COMMITS 50

struct kit {
    struct store_sync sync;
    pthread_mutex_t writer_lock;
    unsigned late_count; /* waits that ended before their ticket was synced */
    pthread_mutex_t lock;
};

static int make_file(void) {
    char path[] = "/tmp/store-sync-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    return fd;
}

static void *write_many(void *context) {
    struct kit *kit = context;
    struct why why;
    for (int i = 0; i < COMMITS; i++) {
        pthread_mutex_lock(&kit->writer_lock);
        bool has_written = write(kit->sync.fd, "x", 1) == 1;
        uint64_t ticket = store_sync_ticket(&kit->sync);
        pthread_mutex_unlock(&kit->writer_lock);
        enum status status = store_sync_wait(&kit->sync, ticket, &why);
        pthread_mutex_lock(&kit->sync.lock);
        bool is_synced = kit->sync.synced >= ticket;
        pthread_mutex_unlock(&kit->sync.lock);
        pthread_mutex_lock(&kit->lock);
        kit->late_count += !has_written || status != STATUS_OK || !is_synced;
        pthread_mutex_unlock(&kit->lock);
    }
    return NULL;
}

static void test_everybody_is_synced(void **state) {
    struct kit kit = {.late_count = 0};
    pthread_t threads[THREADS];
    (void)state;
    store_sync_init(&kit.sync);
    store_sync_use(&kit.sync, make_file());
    pthread_mutex_init(&kit.writer_lock, NULL);
    pthread_mutex_init(&kit.lock, NULL);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &kit), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(kit.late_count, 0);
    assert_int_equal(kit.sync.given, THREADS * COMMITS);
    assert_int_equal(kit.sync.synced, THREADS * COMMITS);
    pthread_mutex_destroy(&kit.lock);
    pthread_mutex_destroy(&kit.writer_lock);
    store_sync_fini(&kit.sync);
}

static void test_nothing_to_wait_for(void **state) {
    struct store_sync sync;
    struct why why;
    (void)state;
    store_sync_init(&sync);
    assert_int_equal(store_sync_wait(&sync, store_sync_ticket(&sync), &why), STATUS_OK);
    store_sync_fini(&sync);
}

/* A pipe cannot be synced. */
static void test_a_failure_is_for_good(void **state) {
    struct store_sync sync;
    struct why why;
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    close(ends[1]);
    store_sync_init(&sync);
    store_sync_use(&sync, make_file());
    uint64_t first = store_sync_ticket(&sync);
    assert_int_equal(store_sync_wait(&sync, first, &why), STATUS_OK);
    store_sync_use(&sync, ends[0]);
    assert_int_equal(store_sync_wait(&sync, store_sync_ticket(&sync), &why), STATUS_FAILED);
    assert_string_equal(why.slug, "store_failed");
    store_sync_use(&sync, make_file());
    assert_int_equal(store_sync_wait(&sync, store_sync_ticket(&sync), &why), STATUS_FAILED);
    assert_int_equal(store_sync_wait(&sync, first, &why),
                     STATUS_OK); /* what was lasting stays so */
    store_sync_fini(&sync);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everybody_is_synced),
        cmocka_unit_test(test_nothing_to_wait_for),
        cmocka_unit_test(test_a_failure_is_for_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

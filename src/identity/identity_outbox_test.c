/* identity_outbox_test.c: what is put is sent once it is committed, tried again when it cannot be, and given up in time. */
#include "identity/identity_outbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store_test_kit.h"

struct world {
    struct fixture f;
    char folder[40];
    struct identity_outbox *outbox;
    struct id organization;
};

static void open_outbox(struct world *w, const char *url) {
    struct identity_outbox_config config = {.store = w->f.store};
    const struct identity_transport_config transport = {.url = url};
    assert_int_equal(identity_transport_new(&transport, &config.transport, &w->f.why), STATUS_OK);
    assert_int_equal(
        identity_mail_parse_address(STR("M <noreply@example.com>"), &config.from, NULL), STATUS_OK);
    identity_outbox_new(&config, &w->outbox);
}

static int setup(void **state) {
    struct world *w = calloc(1, sizeof(*w));
    fixture_make(&w->f);
    assert_int_equal(fixture_open(&w->f), STATUS_OK);
    memcpy(w->folder, "/tmp/outbox-test-XXXXXX", sizeof("/tmp/outbox-test-XXXXXX"));
    assert_non_null(mkdtemp(w->folder));
    fixture_begin(&w->f, STORE_WRITE);
    w->organization = fixture_organization(&w->f, "A");
    fixture_commit(&w->f);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    struct world *w = *state;
    identity_outbox_free(&w->outbox);
    store_close(&w->f.store);
    fixture_remove(&w->f);
    assert_int_equal(rmdir(w->folder), 0);
    free(w);
    return 0;
}

static struct id put(struct world *w) {
    struct identity_letter letter = {
        .organization = w->organization,
        .subject = STR("Hello"),
        .text = STR("text"),
        .html = STR("html"),
        .expires_at_ms = w->f.now_ms + 3600 * 1000,
    };
    struct id id;
    assert_int_equal(identity_mail_parse_address(STR("ada@example.net"), &letter.to, NULL),
                     STATUS_OK);
    assert_int_equal(identity_outbox_put(w->outbox, w->f.tx, &letter, &id), STATUS_OK);
    return id;
}

/* Whether there is a file of this mail; it is gone afterwards. */
static bool take_file(struct world *w, const struct id *id) {
    char path[128];
    snprintf(path, sizeof(path), "%s/%s.eml", w->folder, id->text);
    return unlink(path) == 0;
}

static struct store_mail look(struct world *w, const struct id *id, enum status expected) {
    struct store_mail row = {.attempts = 0};
    fixture_begin(&w->f, STORE_READ);
    assert_int_equal(store_outbox_get(w->f.tx, &w->organization, id, &w->f.arena, &row), expected);
    store_tx_rollback(&w->f.tx);
    return row;
}

static void test_sent_once_it_is_committed(void **state) {
    struct world *w = *state;
    int64_t next_ms = 1;
    char url[64];
    snprintf(url, sizeof(url), "file:%s", w->folder);
    open_outbox(w, url);
    assert_true(identity_outbox_is_open(w->outbox));
    fixture_begin(&w->f, STORE_WRITE);
    struct id dropped = put(w);
    store_tx_rollback(&w->f.tx);
    fixture_begin(&w->f, STORE_WRITE);
    struct id kept = put(w);
    fixture_commit(&w->f);
    assert_int_equal(identity_outbox_run(w->outbox, &next_ms, &w->f.why), STATUS_OK);
    assert_int_equal(next_ms, 0);
    assert_false(take_file(w, &dropped));
    assert_true(take_file(w, &kept));
    look(w, &kept, STATUS_NOT_FOUND);
    assert_int_equal(identity_outbox_run(w->outbox, &next_ms, &w->f.why), STATUS_OK);
    assert_false(take_file(w, &kept));
}

static void test_tried_again_and_given_up(void **state) {
    struct world *w = *state;
    int64_t next_ms = 0;
    open_outbox(w, "smtp://127.0.0.1:1");
    fixture_begin(&w->f, STORE_WRITE);
    struct id id = put(w);
    fixture_commit(&w->f);
    assert_int_equal(identity_outbox_run(w->outbox, &next_ms, &w->f.why), STATUS_OK);
    assert_int_equal(next_ms, w->f.now_ms + IDENTITY_OUTBOX_RETRY_FIRST_MS);
    struct store_mail row = look(w, &id, STATUS_OK);
    assert_int_equal(row.attempts, 1);
    assert_true(row.last_error.len > 0);
    /* Not before it is time. */
    assert_int_equal(identity_outbox_run(w->outbox, &next_ms, &w->f.why), STATUS_OK);
    assert_int_equal(look(w, &id, STATUS_OK).attempts, 1);
    w->f.now_ms = next_ms;
    assert_int_equal(identity_outbox_run(w->outbox, &next_ms, &w->f.why), STATUS_OK);
    assert_int_equal(next_ms, w->f.now_ms + 2 * IDENTITY_OUTBOX_RETRY_FIRST_MS);
    for (int i = 0; i < 30 && next_ms != 0; i++) {
        w->f.now_ms = next_ms;
        assert_int_equal(identity_outbox_run(w->outbox, &next_ms, &w->f.why), STATUS_OK);
    }
    row = look(w, &id, STATUS_OK);
    assert_int_equal(next_ms, 0);
    assert_int_not_equal(row.failed_at_ms, 0);
    assert_int_equal(row.message.len, 0);
}

/* Taken by one that died: another sends it when the lease is over. */
static void test_what_somebody_was_at(void **state) {
    struct world *w = *state;
    struct store_mail *rows = NULL;
    size_t count = 0;
    int64_t next_ms = 0;
    char url[64];
    snprintf(url, sizeof(url), "file:%s", w->folder);
    open_outbox(w, url);
    fixture_begin(&w->f, STORE_WRITE);
    struct id id = put(w);
    assert_int_equal(store_outbox_due_any(w->f.tx, 1, &w->f.arena, &rows, &count), STATUS_OK);
    rows[0].next_at_ms = w->f.now_ms + IDENTITY_OUTBOX_LEASE_MS;
    assert_int_equal(store_outbox_update(w->f.tx, &rows[0]), STATUS_OK);
    fixture_commit(&w->f);
    assert_int_equal(identity_outbox_run(w->outbox, &next_ms, &w->f.why), STATUS_OK);
    assert_false(take_file(w, &id));
    w->f.now_ms = next_ms;
    assert_int_equal(identity_outbox_run(w->outbox, &next_ms, &w->f.why), STATUS_OK);
    assert_true(take_file(w, &id));
}

static void test_the_thread(void **state) {
    struct world *w = *state;
    char url[64];
    snprintf(url, sizeof(url), "file:%s", w->folder);
    open_outbox(w, url);
    assert_int_equal(identity_outbox_start(w->outbox, &w->f.why), STATUS_OK);
    fixture_begin(&w->f, STORE_WRITE);
    struct id id = put(w);
    fixture_commit(&w->f);
    bool is_sent = false;
    for (int i = 0; i < 2000 && !is_sent; i++) {
        usleep(5000);
        is_sent = take_file(w, &id);
    }
    assert_true(is_sent);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sent_once_it_is_committed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tried_again_and_given_up, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_somebody_was_at, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_thread, setup, teardown),
    };
    return store_test_database_run(tests);
}

#include "store/store_postgres_link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "store/store_test_kit.h"

static void test_urls(void **state) {
    (void)state;
    assert_true(store_postgres_link_knows("postgres://u@h/d"));
    assert_true(store_postgres_link_knows("postgresql:///d"));
    assert_false(store_postgres_link_knows("host=h dbname=d"));
    assert_false(store_postgres_link_knows("mysql://u@h/d"));
    assert_false(store_postgres_link_knows(""));
}

/* Whatever is wrong with it, and whatever the server says: the password is not in it. */
static void test_refusals_do_not_tell_the_password(void **state) {
    (void)state;
    static const struct {
        const char *place;
        enum status status;
        const char *slug;
    } cases[] = {
        {"postgres://u:hush-hush@[::1/d", STATUS_INVALID, "database_url"},
        {"postgres://u:hush-hush@h/d?nonsense=hush-hush", STATUS_INVALID, "database_url"},
        {"postgres://u:hush-hush%zz@h/d", STATUS_INVALID, "database_url"},
        {"postgres://u:hush-hush@h:65x/d", STATUS_UNAVAILABLE, "storage_unavailable"},
        {"postgres://u:hush-hush@127.0.0.1:1/d", STATUS_UNAVAILABLE, "storage_unavailable"},
        {"postgres://u:hush-hush@127.0.0.1:1/d?sslmode=hm", STATUS_UNAVAILABLE,
         "storage_unavailable"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct store_postgres_link link;
        struct why why = {0};
        store_postgres_link_init(&link, cases[i].place);
        assert_int_equal(store_postgres_link_open(&link, &why), cases[i].status);
        assert_string_equal(why.slug, cases[i].slug);
        assert_null(strstr(why.text, "hush"));
        assert_null(strchr(why.text, '\n'));
        store_postgres_link_fini(&link);
    }
}

static void test_wrong_password(void **state) {
    (void)state;
    struct store_postgres_link link;
    struct why why = {0};
    char url[512];
    const char *host = strchr(store_test_database_server, '@');
    assert_non_null(host);
    snprintf(url, sizeof(url), "postgres://mezusphere:hush-hush%s", host);
    store_postgres_link_init(&link, url);
    assert_int_equal(store_postgres_link_open(&link, &why), STATUS_UNAVAILABLE);
    assert_non_null(strstr(why.text, "password authentication failed"));
    assert_null(strstr(why.text, "hush"));
    store_postgres_link_fini(&link);
}

static void test_no_schema(void **state) {
    (void)state;
    struct store_postgres_link link;
    struct why why = {0};
    char url[512];
    snprintf(url, sizeof(url), "%s?options=-csearch_path%%3Dnowhere", store_test_database_server);
    store_postgres_link_init(&link, url);
    assert_int_equal(store_postgres_link_open(&link, &why), STATUS_DENIED);
    assert_string_equal(why.slug, "data_not_writable");
    store_postgres_link_fini(&link);
}

/* Nobody answers: it takes as long as the URL says, and the callers behind are told at once. */
static void test_silence(void **state) {
    (void)state;
    struct store_postgres_link link;
    struct why why = {0};
    char url[128];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    snprintf(url, sizeof(url), "postgres://u@127.0.0.1:%u/d?connect_timeout=2",
             ntohs(address.sin_port));
    store_postgres_link_init(&link, url);
    int64_t began_ms = clock_mono_ms(clock_system());
    assert_int_equal(store_postgres_link_open(&link, &why), STATUS_UNAVAILABLE);
    int64_t ended_ms = clock_mono_ms(clock_system());
    assert_in_range(ended_ms - began_ms, 900, 10000);
    assert_int_equal(store_postgres_link_open(&link, &why), STATUS_UNAVAILABLE);
    assert_true(clock_mono_ms(clock_system()) - ended_ms < STORE_POSTGRES_LINK_RETRY_MS);
    close(listener);
    store_postgres_link_fini(&link);
}

/* A server that hangs costs the connection, and no more time than was granted. */
static void test_a_limit_on_every_wait(void **state) {
    (void)state;
    struct store_postgres_link link;
    struct why why = {0};
    store_postgres_link_init(&link, store_test_database_server);
    assert_int_equal(store_postgres_link_open(&link, &why), STATUS_OK);
    assert_int_equal(store_postgres_link_run(&link, "SELECT pg_sleep(60)", 100, NULL, &why),
                     STATUS_UNAVAILABLE);
    assert_string_equal(why.slug, "storage_unavailable");
    assert_null(link.conn);
    assert_int_equal(store_postgres_link_open(&link, &why), STATUS_OK);
    assert_int_equal(link.generation, 2);
    assert_int_equal(store_postgres_link_run(&link, "SELECT 1", 5000, NULL, &why), STATUS_OK);
    store_postgres_link_fini(&link);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_refusals_do_not_tell_the_password),
        cmocka_unit_test(test_wrong_password),
        cmocka_unit_test(test_no_schema),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_a_limit_on_every_wait),
    };
    return store_test_database_run_server(tests);
}

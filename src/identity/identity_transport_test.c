/* identity_transport_test.c: what --mail may say, files, and a server that is not there. SMTP itself: tests/scenario/test_mail.py. */
#include "identity/identity_transport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static enum status open_url(const char *url, struct identity_transport **transport,
                            struct why *why) {
    const struct identity_transport_config config = {.url = url};
    return identity_transport_new(&config, transport, why);
}

static void test_urls(void **state) {
    static const char *const right[] = {"smtp://mail.example.com", "smtp://127.0.0.1:2525",
                                        "smtps://[::1]:465", "file:/tmp"};
    static const char *const wrong[] = {"",
                                        "mail.example.com",
                                        "http://mail.example.com",
                                        "smtp://",
                                        "smtp://user@mail.example.com",
                                        "smtp://mail.example.com/x",
                                        "smtp://a b",
                                        "file:",
                                        "file:/tmp/there/is/none"};
    struct identity_transport *transport = NULL;
    struct why why;
    (void)state;
    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        assert_int_equal(open_url(right[i], &transport, &why), STATUS_OK);
        identity_transport_free(&transport);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(open_url(wrong[i], &transport, &why), STATUS_INVALID);
        assert_string_equal(why.slug, "mail_url");
        assert_null(transport);
    }
    const struct identity_transport_config config = {.url = "smtp://mail.example.com",
                                                     .ca_file = "/tmp/there/is/none"};
    assert_int_equal(identity_transport_new(&config, &transport, &why), STATUS_INVALID);
    assert_string_equal(why.slug, "mail_ca_file");
}

static enum status send(struct identity_transport *transport, struct why *why) {
    struct identity_email ada;
    assert_int_equal(identity_email_parse(STR("ada@example.com"), &ada, NULL), STATUS_OK);
    return identity_transport_send(transport, "mail_1", &ada, &ada, STR("Subject: x\r\n\r\nbody"),
                                   NULL, why);
}

static void test_files(void **state) {
    char folder[] = "/tmp/transport-test-XXXXXX";
    char url[64];
    char path[64];
    char text[64] = "";
    struct identity_transport *transport = NULL;
    struct why why;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(url, sizeof(url), "file:%s", folder);
    snprintf(path, sizeof(path), "%s/mail_1.eml", folder);
    assert_int_equal(open_url(url, &transport, &why), STATUS_OK);
    assert_int_equal(send(transport, &why), STATUS_OK);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fread(text, 1, sizeof(text) - 1, file), 18);
    fclose(file);
    assert_string_equal(text, "Subject: x\r\n\r\nbody");
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(send(transport, &why), STATUS_UNAVAILABLE);
    identity_transport_free(&transport);
}

static void test_no_server(void **state) {
    struct identity_transport *transport = NULL;
    struct why why;
    (void)state;
    assert_int_equal(open_url("smtp://127.0.0.1:1", &transport, &why), STATUS_OK);
    assert_int_equal(send(transport, &why), STATUS_UNAVAILABLE);
    assert_string_equal(why.slug, "mail_unreachable");
    identity_transport_free(&transport);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_no_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* api_exchange_test.c: exchanges over a stream that only keeps what it is given, with a loop that really runs. */
#include "control/control_test_kit.h"

#include <string.h>

#include "base/memory.h"
#include "control/api_exchange.h"

struct fake_stream {
    struct http_stream stream;
    struct arena arena;
    struct buf body;
    unsigned status;
    size_t consumed;
    char retry_after[8];
    char allow[32];
    bool is_over; /* the answer is complete */
    bool is_released;
};

static void keep_field(const struct http_head *head, const char *name, char *out, size_t size) {
    const struct http_field *field = http_fields_get(&head->fields, str_from(name));
    if (field != NULL) {
        snprintf(out, size, "%.*s", STR_ARG(field->value));
    }
}

static void take_head(struct http_stream *stream, const struct http_head *head, bool is_end) {
    struct fake_stream *fake = CONTAINER_OF(stream, struct fake_stream, stream);
    fake->status = head->status;
    fake->is_over = is_end;
    keep_field(head, "retry-after", fake->retry_after, sizeof(fake->retry_after));
    keep_field(head, "allow", fake->allow, sizeof(fake->allow));
}

static void take_bytes(struct http_stream *stream, const uint8_t *bytes, size_t len) {
    struct fake_stream *fake = CONTAINER_OF(stream, struct fake_stream, stream);
    assert_int_equal(buf_append(&fake->body, bytes, len), STATUS_OK);
}

static void take_end(struct http_stream *stream, const struct http_fields *trailers) {
    (void)trailers;
    CONTAINER_OF(stream, struct fake_stream, stream)->is_over = true;
}

static void take_consumed(struct http_stream *stream, size_t len) {
    CONTAINER_OF(stream, struct fake_stream, stream)->consumed += len;
}

static void take_release(struct http_stream *stream) {
    CONTAINER_OF(stream, struct fake_stream, stream)->is_released = true;
}

static const struct http_stream_ops fake_ops = {
    .send_head = take_head,
    .send = take_bytes,
    .end = take_end,
    .consumed = take_consumed,
    .release = take_release,
};

/* With this Host and this token; NULL: without one. */
static void begin_as(struct kit *kit, struct fake_stream *fake, const char *method,
                     const char *path, const char *expect, const char *host, const char *token) {
    static const struct api_peer peer = {.ip_address = "192.0.2.7"};
    struct http_head head = {
        .method = str_from(method), .path = str_from(path), .authority = str_from(host)};
    *fake = (struct fake_stream){.stream = {.ops = &fake_ops}};
    arena_init(&fake->arena);
    buf_init(&fake->body, 1 << 20);
    fake->stream.arena = &fake->arena;
    if (token != NULL) {
        struct str bearer = arena_printf(&fake->arena, "Bearer %s", token);
        http_fields_add(&head.fields, &fake->arena, STR("authorization"), bearer);
    }
    http_fields_add(&head.fields, &fake->arena, STR("content-type"), STR("application/json"));
    if (expect != NULL) {
        http_fields_add(&head.fields, &fake->arena, STR("expect"), str_from(expect));
    }
    api_exchange_begin(kit->control, &api_router_public, &peer, &fake->stream, &head);
}

static void begin(struct kit *kit, struct fake_stream *fake, const char *method, const char *path,
                  const char *expect) {
    begin_as(kit, fake, method, path, expect, "api." KIT_DOMAIN ":8443", kit->token);
}

static void send_body(struct fake_stream *fake, const char *text, size_t len) {
    fake->stream.events->on_data(fake->stream.owner, (const uint8_t *)text, len);
}

static void end_request(struct fake_stream *fake) {
    fake->stream.events->on_end(fake->stream.owner, NULL);
}

static void close_stream(struct fake_stream *fake, enum http_close reason) {
    fake->stream.events->on_closed(fake->stream.owner, reason);
}

static void fini(struct fake_stream *fake) {
    buf_fini(&fake->body);
    arena_fini(&fake->arena);
}

static void stop_loop(struct loop_timer *timer) {
    loop_stop(timer->loop);
}

static void free_timer(struct loop_timer *timer) {
    memory_free(timer);
}

static void run_for(struct kit *kit, int64_t ms) {
    struct loop_timer *timer = MEMORY_NEW(struct loop_timer);
    loop_timer_init(timer, kit->loop, stop_loop, NULL);
    loop_timer_set(timer, ms);
    loop_run(kit->loop);
    loop_timer_close(timer, free_timer);
}

/* Until no thread works for it any more. */
static void run_idle(struct kit *kit) {
    for (int i = 0; i < 1000 && kit->control->work_count > 0; i++) {
        run_for(kit, 5);
    }
    assert_int_equal(kit->control->work_count, 0);
}

static bool holds(const struct fake_stream *fake, const char *text) {
    struct str body = buf_str(&fake->body);
    size_t len = strlen(text);
    for (size_t i = 0; i + len <= body.len; i++) {
        if (memcmp(body.at + i, text, len) == 0) {
            return true;
        }
    }
    return false;
}

static void test_a_call(void **state) {
    struct kit *kit = *state;
    struct fake_stream fake;
    begin(kit, &fake, "GET", "/v1/me", NULL);
    assert_int_equal(fake.status, 0);
    end_request(&fake);
    assert_int_equal(kit->control->work_count, 1);
    run_idle(kit);
    assert_int_equal(fake.status, 200);
    assert_true(fake.is_over);
    assert_true(holds(&fake, "admin@" KIT_DOMAIN));
    close_stream(&fake, HTTP_CLOSE_DONE);
    assert_true(list_is_empty(&kit->control->exchanges));
    fini(&fake);
}

static void test_head_has_no_body(void **state) {
    struct kit *kit = *state;
    struct fake_stream fake;
    begin(kit, &fake, "HEAD", "/v1/openapi.json", NULL);
    end_request(&fake);
    run_idle(kit);
    assert_int_equal(fake.status, 200);
    assert_true(fake.is_over);
    assert_int_equal(buf_len(&fake.body), 0);
    close_stream(&fake, HTTP_CLOSE_DONE);
    fini(&fake);
}

static void test_the_client_goes_while_we_work(void **state) {
    struct kit *kit = *state;
    struct fake_stream fake;
    begin(kit, &fake, "POST", kit_path("organizations", &kit->organization, "/projects"), NULL);
    send_body(&fake, "{\"name\":", 8);
    send_body(&fake, "\"gone\"}", 7);
    assert_int_equal(fake.consumed, 15);
    end_request(&fake);
    close_stream(&fake, HTTP_CLOSE_CANCELLED);
    run_idle(kit);
    assert_int_equal(fake.status, 0);
    assert_true(list_is_empty(&kit->control->exchanges));
    fini(&fake);
}

static void test_the_client_goes_before_the_end(void **state) {
    struct kit *kit = *state;
    struct fake_stream fake;
    begin(kit, &fake, "POST", "/v1/sessions", NULL);
    send_body(&fake, "{", 1);
    close_stream(&fake, HTTP_CLOSE_LOST);
    assert_int_equal(kit->control->work_count, 0);
    assert_true(list_is_empty(&kit->control->exchanges));
    fini(&fake);
}

/* The answer waits until the rest has been sent, and costs nothing meanwhile. */
static void test_a_body_that_is_too_large(void **state) {
    struct kit *kit = *state;
    struct fake_stream fake;
    size_t len = API_BODY_BYTES_MAX / 2 + 1;
    char *half = memory_new(len);
    begin(kit, &fake, "POST", kit_path("organizations", &kit->organization, "/projects"), NULL);
    send_body(&fake, half, len);
    run_idle(kit); /* who it is */
    send_body(&fake, half, len);
    assert_int_equal(fake.status, 0);
    send_body(&fake, half, len);
    end_request(&fake);
    assert_int_equal(fake.status, 413);
    assert_int_equal(fake.consumed, 3 * len);
    close_stream(&fake, HTTP_CLOSE_DONE);
    fini(&fake);
    /* Without an end there is an answer after a bound. */
    begin(kit, &fake, "POST", "/v1/nothing", NULL);
    for (size_t i = 0; i * len <= API_EXCHANGE_DROP_BYTES_MAX; i++) {
        assert_int_equal(fake.status, 0);
        send_body(&fake, half, len);
    }
    assert_int_equal(fake.status, 404);
    close_stream(&fake, HTTP_CLOSE_LOST);
    fini(&fake);
    memory_free(half);
}

/* Somebody without a credential hears so before a byte is kept. */
static void test_a_body_of_nobody(void **state) {
    static const char body[64] = "{";
    struct kit *kit = *state;
    struct fake_stream fake;
    begin_as(kit, &fake, "POST", kit_path("organizations", &kit->organization, "/projects"),
             "100-continue", "api." KIT_DOMAIN, NULL);
    assert_int_equal(fake.status, 401);
    assert_true(holds(&fake, "session_missing"));
    close_stream(&fake, HTTP_CLOSE_DONE);
    fini(&fake);
    /* Who does not ask first sends on, for nothing. */
    begin_as(kit, &fake, "POST", kit_path("organizations", &kit->organization, "/projects"), NULL,
             "api." KIT_DOMAIN, NULL);
    send_body(&fake, body, sizeof(body));
    end_request(&fake);
    assert_int_equal(fake.status, 401);
    assert_int_equal(fake.consumed, sizeof(body));
    assert_int_equal(kit->control->work_count, 0);
    close_stream(&fake, HTTP_CLOSE_DONE);
    fini(&fake);
}

/* A token that may be one is looked up once there is more than a small body, and until then no more is taken. */
static void test_a_large_body_waits_for_its_session(void **state) {
    static char body[API_BODY_OPEN_BYTES_MAX + 64];
    struct kit *kit = *state;
    struct fake_stream fake;
    memset(body, ' ', sizeof(body));
    for (int is_good = 0; is_good < 2; is_good++) {
        begin_as(kit, &fake, "POST", kit_path("organizations", &kit->organization, "/projects"),
                 NULL, "api." KIT_DOMAIN, is_good ? kit->token : "not-a-token");
        send_body(&fake, body, API_BODY_OPEN_BYTES_MAX);
        assert_int_equal(kit->control->work_count, 0);
        assert_int_equal(fake.consumed, API_BODY_OPEN_BYTES_MAX);
        send_body(&fake, "{\"name\"", 7);
        assert_int_equal(kit->control->work_count, 1);
        send_body(&fake, ":1}", 3);
        assert_int_equal(fake.consumed, API_BODY_OPEN_BYTES_MAX + 7);
        run_idle(kit);
        assert_int_equal(fake.consumed, API_BODY_OPEN_BYTES_MAX + 10);
        assert_int_equal(fake.status, 0);
        end_request(&fake);
        run_idle(kit);
        assert_int_equal(fake.status, is_good ? 422 : 401);
        assert_true(holds(&fake, is_good ? "/name" : "session_invalid"));
        close_stream(&fake, HTTP_CLOSE_DONE);
        fini(&fake);
    }
    assert_true(list_is_empty(&kit->control->exchanges));
}

static void test_the_end_comes_while_the_session_is_looked_up(void **state) {
    static char body[API_BODY_OPEN_BYTES_MAX + 1];
    struct kit *kit = *state;
    struct fake_stream fake;
    memset(body, ' ', sizeof(body));
    begin(kit, &fake, "POST", kit_path("organizations", &kit->organization, "/projects"), NULL);
    send_body(&fake, body, sizeof(body));
    end_request(&fake);
    run_idle(kit);
    assert_int_equal(fake.status, 400); /* nothing but spaces */
    close_stream(&fake, HTTP_CLOSE_DONE);
    fini(&fake);
    begin(kit, &fake, "POST", kit_path("organizations", &kit->organization, "/projects"), NULL);
    send_body(&fake, body, sizeof(body));
    close_stream(&fake, HTTP_CLOSE_LOST);
    run_idle(kit);
    assert_int_equal(fake.status, 0);
    assert_true(list_is_empty(&kit->control->exchanges));
    fini(&fake);
}

static void test_where_nobody_has_to_be_known_bodies_are_small(void **state) {
    static char body[API_BODY_OPEN_BYTES_MAX + 1];
    struct kit *kit = *state;
    struct fake_stream fake;
    memset(body, ' ', sizeof(body));
    begin(kit, &fake, "POST", "/v1/sessions", NULL);
    send_body(&fake, body, sizeof(body));
    end_request(&fake);
    assert_int_equal(fake.status, 413);
    assert_true(holds(&fake, "16 KiB"));
    close_stream(&fake, HTTP_CLOSE_DONE);
    fini(&fake);
}

static void test_another_host_is_misdirected(void **state) {
    static const char *const hosts[] = {"shop." KIT_DOMAIN, "127.0.0.1", "api." KIT_DOMAIN ".x",
                                        "api." KIT_DOMAIN ":99999", "a/b"};
    struct kit *kit = *state;
    struct fake_stream fake;
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        begin_as(kit, &fake, "GET", "/v1/openapi.json", NULL, hosts[i], NULL);
        end_request(&fake);
        assert_int_equal(fake.status, 421);
        assert_true(holds(&fake, "wrong_host"));
        close_stream(&fake, HTTP_CLOSE_DONE);
        fini(&fake);
    }
    begin_as(kit, &fake, "GET", "/v1/openapi.json", NULL, "API." KIT_DOMAIN ".:8443", NULL);
    end_request(&fake);
    run_idle(kit);
    assert_int_equal(fake.status, 200);
    close_stream(&fake, HTTP_CLOSE_DONE);
    fini(&fake);
}

static void test_who_asks_first_hears_at_once(void **state) {
    struct kit *kit = *state;
    struct fake_stream fake;
    begin(kit, &fake, "PUT", "/v1/me", "100-continue");
    assert_int_equal(fake.status, 405);
    assert_string_equal(fake.allow, "GET, PATCH");
    close_stream(&fake, HTTP_CLOSE_DONE);
    fini(&fake);
}

static void test_logins_wait_for_each_other(void **state) {
    static const char body[] = "{\"email\":\"nobody@example.net\",\"password\":\"x\"}";
    struct kit *kit = *state;
    struct fake_stream fakes[4];
    for (size_t i = 0; i < 4; i++) {
        begin(kit, &fakes[i], "POST", "/v1/sessions", NULL);
        send_body(&fakes[i], body, sizeof(body) - 1);
        end_request(&fakes[i]);
    }
    assert_int_equal(kit->control->login_count, API_EXCHANGE_LOGINS_MAX);
    assert_int_equal(kit->control->waiting_login_count, 2);
    close_stream(&fakes[3], HTTP_CLOSE_LOST); /* one of those that wait */
    assert_int_equal(kit->control->waiting_login_count, 1);
    run_idle(kit);
    assert_int_equal(kit->control->login_count, 0);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(fakes[i].status, i == 3 ? 0 : 401);
        if (i != 3) {
            close_stream(&fakes[i], HTTP_CLOSE_DONE);
        }
        fini(&fakes[i]);
    }
}

static void test_too_much_to_do(void **state) {
    struct kit *kit = *state;
    struct fake_stream fake;
    kit->control->work_count += API_EXCHANGE_WORK_MAX;
    begin(kit, &fake, "GET", "/v1/me", NULL);
    end_request(&fake);
    kit->control->work_count -= API_EXCHANGE_WORK_MAX;
    assert_int_equal(fake.status, 503);
    assert_string_equal(fake.retry_after, "1");
    close_stream(&fake, HTTP_CLOSE_DONE);
    fini(&fake);
}

static void test_what_takes_too_long(void **state) {
    struct kit *kit = *state;
    struct fake_stream fake;
    begin(kit, &fake, "POST", "/v1/sessions", NULL);
    send_body(&fake, "{", 1);
    api_exchange_tick(kit->control);
    assert_int_equal(fake.status, 0);
    kit_skew_ms += API_EXCHANGE_BODY_MS;
    api_exchange_tick(kit->control);
    assert_int_equal(fake.status, 408);
    assert_false(fake.is_released);
    kit_skew_ms += API_EXCHANGE_LINGER_MS;
    api_exchange_tick(kit->control);
    assert_true(fake.is_released);
    assert_true(list_is_empty(&kit->control->exchanges));
    fini(&fake);
}

static void on_ended(void *context) {
    *(unsigned *)context += 1;
}

/* Last: nothing runs after it. */
static void test_the_end(void **state) {
    struct kit *kit = *state;
    struct fake_stream working;
    struct fake_stream late;
    unsigned ended = 0;
    begin(kit, &working, "GET", "/v1/me", NULL);
    begin(kit, &late, "GET", "/v1/me", NULL);
    end_request(&working);
    control_stop(kit->control, on_ended, &ended);
    assert_int_equal(ended, 0);
    end_request(&late);
    assert_int_equal(late.status, 503);
    assert_string_equal(late.retry_after, "5");
    run_idle(kit);
    assert_int_equal(working.status, 200);
    assert_int_equal(ended, 0);
    close_stream(&working, HTTP_CLOSE_DONE);
    assert_int_equal(ended, 0);
    close_stream(&late, HTTP_CLOSE_DONE);
    assert_int_equal(ended, 1);
    fini(&working);
    fini(&late);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_call),
        cmocka_unit_test(test_head_has_no_body),
        cmocka_unit_test(test_the_client_goes_while_we_work),
        cmocka_unit_test(test_the_client_goes_before_the_end),
        cmocka_unit_test(test_a_body_that_is_too_large),
        cmocka_unit_test(test_a_body_of_nobody),
        cmocka_unit_test(test_a_large_body_waits_for_its_session),
        cmocka_unit_test(test_the_end_comes_while_the_session_is_looked_up),
        cmocka_unit_test(test_where_nobody_has_to_be_known_bodies_are_small),
        cmocka_unit_test(test_another_host_is_misdirected),
        cmocka_unit_test(test_who_asks_first_hears_at_once),
        cmocka_unit_test(test_logins_wait_for_each_other),
        cmocka_unit_test(test_too_much_to_do),
        cmocka_unit_test(test_what_takes_too_long),
        cmocka_unit_test(test_the_end),
    };
    return store_test_database_run_group(tests, kit_setup, kit_teardown);
}

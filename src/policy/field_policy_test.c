#include "policy/field_policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

struct fixture {
    struct arena arena;
    struct http_fields fields;
};

static void begin(struct fixture *f) {
    *f = (struct fixture){0};
    arena_init(&f->arena);
}

static void end(struct fixture *f) {
    arena_fini(&f->arena);
}

static void add(struct fixture *f, const char *name, const char *value) {
    http_fields_add(&f->fields, &f->arena, str_from(name), str_from(value));
}

/* "name=value name=value": what is left, in order. */
static void assert_left(const struct fixture *f, const char *expect) {
    char text[1024] = "";
    size_t len = 0;
    for (size_t i = 0; i < f->fields.count; i++) {
        const struct http_field *field = &f->fields.at[i];
        if (i > 0) {
            text[len++] = ' ';
        }
        memcpy(text + len, field->name.at, field->name.len);
        len += field->name.len;
        text[len++] = '=';
        memcpy(text + len, field->value.at, field->value.len);
        len += field->value.len;
    }
    text[len] = '\0';
    assert_string_equal(text, expect);
}

static const char *const platform_names[] = {
    "warpgate-user-id", "mezusphere-environment", "x-forwarded-for", "x-forwarded-uri", "forwarded",
    "x-real-ip",        "x-original-url",         "x-rewrite-url",   "x-original-host", "warpgate-",
};
#define PLATFORM_NAME_COUNT (sizeof platform_names / sizeof platform_names[0])

/* Every spelling of a name: each "-" as another separator, each letter in either case. */
static struct str spell(const char *name, unsigned variant, char out[64]) {
    static const char separators[] = "-_.~!+|";
    size_t len = strlen(name);
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        if (c == '-') {
            c = separators[(variant + i * (variant / 7)) % (sizeof separators - 1)];
        } else if (((variant >> (i % 8)) & 1) != 0 && c >= 'a' && c <= 'z') {
            c = (char)(c - 32);
        }
        out[i] = c;
    }
    return str_make(out, len);
}

static void no_spelling_of_a_platform_name_passes(void **state) {
    (void)state;
    for (size_t i = 0; i < PLATFORM_NAME_COUNT; i++) {
        for (unsigned variant = 0; variant < 256; variant++) {
            struct fixture f;
            char text[64];
            begin(&f);
            struct str name = spell(platform_names[i], variant, text);
            http_fields_add(&f.fields, &f.arena, name, STR("evil"));
            add(&f, "accept", "x");
            struct http_fields original = f.fields;
            field_policy_clean_request(&f.fields);
            assert_left(&f, "accept=x");
            f.fields = original;
            f.fields.at[0] = (struct http_field){name, STR("evil")};
            f.fields.count = 1;
            field_policy_clean_trailers(&f.fields);
            assert_int_equal(f.fields.count, 0);
            f.fields.at[0] = (struct http_field){name, STR("evil")};
            f.fields.count = 1;
            field_policy_clean_response(&f.fields);
            assert_int_equal(f.fields.count, i < 2 || i == 9 ? 0 : 1);
            end(&f);
        }
    }
}

static void requests_keep_the_rest_in_order(void **state) {
    (void)state;
    struct fixture f;
    begin(&f);
    add(&f, "accept", "1");
    add(&f, "x-forwarded-for", "2");
    add(&f, "x-http-method-override", "3");
    add(&f, "content_type", "4");
    add(&f, "x.y", "5");
    add(&f, "warpgate", "6");
    add(&f, "x-forwarded", "7");
    add(&f, "forwarded-for", "8");
    add(&f, "x-real-ip2", "9");
    add(&f, "mezusphere-error", "10");
    add(&f, "cookie", "11");
    field_policy_clean_request(&f.fields);
    assert_left(&f, "accept=1 x-http-method-override=3 warpgate=6 x-forwarded=7 forwarded-for=8 "
                    "x-real-ip2=9 cookie=11");
    f.fields.count = 0;
    field_policy_clean_request(&f.fields);
    assert_int_equal(f.fields.count, 0);
    end(&f);
}

static void tunnel_requests_keep_what_the_edge_wrote_once(void **state) {
    (void)state;
    struct fixture f;
    begin(&f);
    add(&f, FIELD_FORWARDED_FOR, "1");
    add(&f, FIELD_FORWARDED_FOR, "2");
    add(&f, "x_forwarded-for", "3");
    add(&f, "X-Forwarded-For", "4");
    add(&f, FIELD_FORWARDED_PROTO, "5");
    add(&f, FIELD_FORWARDED_HOST, "6");
    add(&f, FIELD_FORWARDED_PORT, "7");
    add(&f, FIELD_REQUEST_ID, "8");
    add(&f, FIELD_REQUEST_ID, "9");
    add(&f, FIELD_TUNNEL_ENVIRONMENT, "10");
    add(&f, FIELD_TUNNEL_ENVIRONMENT, "11");
    add(&f, FIELD_TUNNEL_ERROR, "12");
    add(&f, "warpgate-user-id", "13");
    add(&f, "x-forwarded-uri", "14");
    add(&f, "forwarded", "15");
    add(&f, "a_b", "16");
    add(&f, "accept", "17");
    field_policy_clean_tunnel_request(&f.fields);
    assert_left(&f, "x-forwarded-for=1 warpgate-request-id=8 mezusphere-environment=10 accept=17");
    end(&f);
}

static void responses_lose_platform_names_alone(void **state) {
    (void)state;
    struct fixture f;
    begin(&f);
    add(&f, "set-cookie", "1");
    add(&f, FIELD_TUNNEL_ERROR, "2");
    add(&f, "warpgate_user", "3");
    add(&f, "x-forwarded-for", "4");
    add(&f, "x_y", "5");
    add(&f, "set-cookie", "6");
    field_policy_clean_response(&f.fields);
    assert_left(&f, "set-cookie=1 x-forwarded-for=4 x_y=5 set-cookie=6");
    end(&f);
}

static void the_edge_adds_its_fields(void **state) {
    (void)state;
    struct fixture f;
    begin(&f);
    add(&f, "accept", "x");
    add(&f, FIELD_FORWARDED_FOR, "evil");
    field_policy_clean_request(&f.fields);
    field_policy_add_visitor(&f.fields, &f.arena, STR("192.0.2.1"), STR("req_1"));
    const char *expect = "accept=x x-forwarded-for=192.0.2.1 warpgate-request-id=req_1";
    assert_left(&f, expect);
    field_policy_clean_tunnel_request(&f.fields);
    assert_left(&f, expect);
    end(&f);
}

static void the_warpgate_adds_what_follows_from_the_request(void **state) {
    (void)state;
    static const struct {
        const char *authority;
        const char *expect;
    } cases[] = {
        {"Demo.example:8443",
         "x-forwarded-proto=https x-forwarded-host=Demo.example:8443 x-forwarded-port=8443"},
        {"demo.example",
         "x-forwarded-proto=https x-forwarded-host=demo.example x-forwarded-port=443"},
        {"demo.example:",
         "x-forwarded-proto=https x-forwarded-host=demo.example: x-forwarded-port=443"},
        {"[::1]:9", "x-forwarded-proto=https x-forwarded-host=[::1]:9 x-forwarded-port=9"},
        {"[::1]", "x-forwarded-proto=https x-forwarded-host=[::1] x-forwarded-port=443"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture f;
        begin(&f);
        field_policy_add_forwarded(&f.fields, &f.arena, str_from(cases[i].authority));
        assert_left(&f, cases[i].expect);
        end(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_spelling_of_a_platform_name_passes),
        cmocka_unit_test(requests_keep_the_rest_in_order),
        cmocka_unit_test(tunnel_requests_keep_what_the_edge_wrote_once),
        cmocka_unit_test(responses_lose_platform_names_alone),
        cmocka_unit_test(the_edge_adds_its_fields),
        cmocka_unit_test(the_warpgate_adds_what_follows_from_the_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

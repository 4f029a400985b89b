#include "store/store_statement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Every statement has a text, fits, and uses $1 to $n without a gap: what both databases need. */
static void test_texts(void **state) {
    (void)state;
    for (int i = 0; i < STORE_STATEMENT_COUNT; i++) {
        const char *text = store_statement_text((enum store_statement)i);
        bool used[32] = {false};
        int highest = 0;
        assert_non_null(text);
        assert_true(strlen(text) < STORE_STATEMENT_TEXT_MAX);
        assert_null(strchr(text, '?'));
        assert_null(strchr(text, '\''));
        assert_null(strchr(text, ';'));
        for (const char *at = strchr(text, '$'); at != NULL; at = strchr(at + 1, '$')) {
            int number = 0;
            assert_int_equal(sscanf(at + 1, "%d", &number), 1);
            assert_true(number >= 1 && number < 32);
            used[number] = true;
            highest = number > highest ? number : highest;
        }
        for (int n = 1; n <= highest; n++) {
            if (!used[n]) {
                fail_msg("$%d is missing in: %s", n, text);
            }
        }
    }
}

/* No query leaves its tenant by accident: a table with tenants is only touched with the organization, except where the
 * text says that it is about all of them, in this list. */
static void test_every_query_carries_the_tenant(void **state) {
    (void)state;
    static const char *const tenant_tables[] = {
        "project",  "environment", "route",        "service_account", "service_account_key",
        "warpgate", "audit_event", "usage_rollup", "metric",          "request_log"};
    static const enum store_statement over_all[] = {
        STATEMENT_ENVIRONMENT_FIND_ANY,
        STATEMENT_ENVIRONMENT_LIST_ANY,
        STATEMENT_ENVIRONMENT_LIST_ANY_DOWN,
        STATEMENT_KEY_FIND_ANY,
        STATEMENT_ENVIRONMENT_LIST_ANY_COUNT,
        STATEMENT_WARPGATE_PRUNE_ANY,
        STATEMENT_WARPGATE_SEEN_SINCE_ANY,
        STATEMENT_KEY_NEXT_EXPIRY_ANY,
        STATEMENT_SERVICE_ACCOUNT_NEXT_EXPIRY_ANY,
        STATEMENT_AUDIT_PRUNE_ANY,
        STATEMENT_HOSTNAME_CLAIM_STATE_ANY,
        STATEMENT_HOSTNAME_CLAIM_RELEASE_GONE_ANY,
        STATEMENT_USAGE_PRUNE_ANY,
        STATEMENT_METRIC_PRUNE_ANY,
    };
    for (int i = 0; i < STATEMENT_TENANT_OF_ORGANIZATION_ANY; i++) {
        const char *text = store_statement_text((enum store_statement)i);
        bool is_over_all = false;
        for (size_t k = 0; k < sizeof(over_all) / sizeof(over_all[0]); k++) {
            is_over_all = is_over_all || (int)over_all[k] == i;
        }
        for (size_t k = 0; k < sizeof(tenant_tables) / sizeof(tenant_tables[0]); k++) {
            char from[64];
            char update[64];
            snprintf(from, sizeof(from), "FROM %s WHERE", tenant_tables[k]);
            snprintf(update, sizeof(update), "UPDATE %s SET", tenant_tables[k]);
            if ((strstr(text, from) != NULL || strstr(text, update) != NULL) && !is_over_all &&
                strstr(text, "organization_id = $1") == NULL &&
                strstr(text, "organization_id = $2") == NULL) {
                fail_msg("no tenant: %s", text);
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_every_query_carries_the_tenant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

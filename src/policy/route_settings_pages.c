/* route_settings_pages.c: what the edge writes itself: header fields, redirects, pages. */
#include "policy/route_settings.h"

#include "policy/setting_check.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
#define AT(owner, member) #member, .offset = offsetof(struct owner, member)

#define RULES_MAX 32
#define TITLE_MAX 120
#define MESSAGE_MAX 1000

/* ---- header rules ---- */

static const char *const action_words[] = {"set", "add", "remove", NULL};

static void judge_rule(struct setting_reader *reader, const void *value) {
    const struct route_header_rule *rule = value;
    if (rule->action == ROUTE_HEADER_REMOVE && !str_is_empty(rule->value)) {
        setting_fault(reader, "value", "value_without_use", "has no use where a field is removed");
    }
    if (rule->action != ROUTE_HEADER_REMOVE && str_is_empty(rule->value)) {
        setting_fault(reader, "value", "member_missing", "is missing");
    }
    if (rule->action != ROUTE_HEADER_REMOVE && str_eq(rule->name, STR("set-cookie"))) {
        setting_fault(reader, "name", "member_value",
                      "cannot be set-cookie: cookies are the workload's and the platform's");
    }
}

static const struct setting rule_members[] = {
    {AT(route_header_rule, action), .kind = SETTING_WORD, .words = action_words,
     .about = "set (instead of what is there), add (beside it), remove."},
    {AT(route_header_rule, name), .kind = SETTING_TEXT, .min = 1, .max = 64,
     .check = setting_check_own_field_name, .is_required = true,
     .about = "The field, in lower case; not one that the platform writes itself."},
    {AT(route_header_rule, value), .kind = SETTING_TEXT, .min = 1, .max = 1024,
     .check = setting_check_field_value, .about = "Its value, for set and add."},
};
static const struct setting_shape rule_shape = {"HeaderRule", sizeof(struct route_header_rule),
                                                rule_members, COUNT_OF(rule_members), judge_rule};

static const struct setting rules_members[] = {
    {AT(route_header_rules, request), .kind = SETTING_OBJECTS, .shape = &rule_shape,
     .count_max = RULES_MAX, .about = "On the way to the workload, one after another."},
    {AT(route_header_rules, response), .kind = SETTING_OBJECTS, .shape = &rule_shape,
     .count_max = RULES_MAX, .about = "On the way to the visitor, one after another."},
};
const struct setting_shape route_settings_header_rules = {
    "RouteHeaderRules", sizeof(struct route_header_rules), rules_members, COUNT_OF(rules_members),
    NULL};

/* ---- redirect ---- */

static void judge_redirect(struct setting_reader *reader, const void *value) {
    const struct route_redirect *redirect = value;
    if (redirect->status == 304 || redirect->status == 305 || redirect->status == 306 ||
        redirect->status == 300) {
        setting_fault(reader, "status", "member_value", "has to be 301, 302, 303, 307 or 308");
    }
    bool has_query = str_find(redirect->to, '?') < redirect->to.len;
    bool has_fragment = str_find(redirect->to, '#') < redirect->to.len;
    if ((redirect->keep_path || redirect->keep_query) && (has_query || has_fragment)) {
        setting_fault(reader, "to", "redirect_ends",
                      "ends in a query or fragment: path and query cannot be kept behind it");
    }
}

static const struct setting redirect_members[] = {
    {AT(route_redirect, to), .kind = SETTING_TEXT, .min = 1, .max = 1024,
     .check = setting_check_redirect, .is_required = true,
     .about = "Where to: a path on the same host, or a URL with http or https."},
    {AT(route_redirect, status), .kind = SETTING_INTEGER, .min = 301, .max = 308, .standard = 302,
     .about = "301, 302, 303, 307 or 308."},
    {AT(route_redirect, keep_path), .kind = SETTING_BOOLEAN,
     .about = "Append the request's path, without the `/` between if `to` ends in one."},
    {AT(route_redirect, keep_query), .kind = SETTING_BOOLEAN,
     .about = "Append the request's query."},
};
const struct setting_shape route_settings_redirect = {
    "RouteRedirect", sizeof(struct route_redirect), redirect_members, COUNT_OF(redirect_members),
    judge_redirect};

/* ---- maintenance ---- */

static const struct setting maintenance_members[] = {
    {AT(route_maintenance, enabled), .kind = SETTING_BOOLEAN, .standard = true,
     .about = "Whether visitors get the maintenance page, with status 503."},
    {AT(route_maintenance, title), .kind = SETTING_TEXT, .min = 1, .max = TITLE_MAX,
     .about = "Its title; empty: a text of ours."},
    {AT(route_maintenance, message), .kind = SETTING_TEXT, .min = 1, .max = MESSAGE_MAX,
     .may_have_lines = true, .about = "What it says; empty: a text of ours."},
    {AT(route_maintenance, retry_after_seconds), .kind = SETTING_INTEGER, .min = 1, .max = 604800,
     .standard = 300, .about = "When to come again (Retry-After)."},
    {AT(route_maintenance, allow), .kind = SETTING_CIDRS, .count_max = 64,
     .about = "Addresses and blocks that get through all the same."},
};
const struct setting_shape route_settings_maintenance = {
    "RouteMaintenance", sizeof(struct route_maintenance), maintenance_members,
    COUNT_OF(maintenance_members), NULL};

/* ---- error pages ---- */

static void judge_pages(struct setting_reader *reader, const void *value) {
    const struct route_error_pages *pages = value;
    const struct route_error_page *at = pages->pages.at;
    for (size_t i = 0; i < pages->pages.count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (at[i].status == at[j].status) {
                setting_fault(reader, "pages", "repeated", "has two pages for one status");
                return;
            }
        }
    }
}

static const struct setting page_members[] = {
    {AT(route_error_page, status), .kind = SETTING_INTEGER, .min = 400, .max = 599,
     .may_be_zero = true, .about = "For which status; 0: for all that have no page of their own."},
    {AT(route_error_page, title), .kind = SETTING_TEXT, .min = 1, .max = TITLE_MAX,
     .about = "The title; empty: ours."},
    {AT(route_error_page, message), .kind = SETTING_TEXT, .min = 1, .max = MESSAGE_MAX,
     .may_have_lines = true, .about = "The text; empty: ours."},
};
static const struct setting_shape page_shape = {"ErrorPage", sizeof(struct route_error_page),
                                                page_members, COUNT_OF(page_members), NULL};

static const struct setting pages_members[] = {
    {AT(route_error_pages, background), .kind = SETTING_TEXT, .min = 7, .max = 7,
     .check = setting_check_colour, .about = "The page's colour, like #1a2b3c."},
    {AT(route_error_pages, text), .kind = SETTING_TEXT, .min = 7, .max = 7,
     .check = setting_check_colour, .about = "The text's colour."},
    {AT(route_error_pages, accent), .kind = SETTING_TEXT, .min = 7, .max = 7,
     .check = setting_check_colour, .about = "The colour of what stands out."},
    {AT(route_error_pages, pages), .kind = SETTING_OBJECTS, .shape = &page_shape, .count_max = 16,
     .about = "Texts, by status. They are text: markup is shown as it is written."},
};
const struct setting_shape route_settings_error_pages = {
    "ErrorPages", sizeof(struct route_error_pages), pages_members, COUNT_OF(pages_members),
    judge_pages};

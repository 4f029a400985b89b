#include "policy/route_settings.h"

#include "policy/bundle.h"
#include "policy/setting_check.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
#define AT(owner, member) #member, .offset = offsetof(struct owner, member)
#define PART(member, of, text)                                                                     \
    { AT(route_settings, member), .kind = SETTING_OBJECT, .shape = &(of), .about = (text) }

static const char *const security_words[] = {"off", "basic", "strict", NULL};

static const struct setting timeout_members[] = {
    {AT(route_timeouts, connect_ms), .kind = SETTING_INTEGER, .min = BUNDLE_CONNECT_MS_MIN,
     .max = BUNDLE_CONNECT_MS_MAX, .standard = BUNDLE_CONNECT_MS,
     .about = "Until the workload takes the connection."},
    {AT(route_timeouts, first_byte_ms), .kind = SETTING_INTEGER, .min = BUNDLE_FIRST_BYTE_MS_MIN,
     .max = BUNDLE_FIRST_BYTE_MS_MAX, .standard = BUNDLE_FIRST_BYTE_MS,
     .about = "From the last byte of the request to the head of the answer."},
    {AT(route_timeouts, idle_ms), .kind = SETTING_INTEGER, .min = BUNDLE_IDLE_MS_MIN,
     .max = BUNDLE_IDLE_MS_MAX, .may_be_zero = true,
     .about = "Without a byte either way once the answer has begun; 0: never."},
};
static const struct setting_shape timeouts_shape = {"RouteTimeouts", sizeof(struct route_timeouts),
                                                    timeout_members, COUNT_OF(timeout_members),
                                                    NULL};

static void judge_route(struct setting_reader *reader, const void *value) {
    const struct route_settings *settings = value;
    bool is_protected = settings->access != NULL && settings->access->auth == ROUTE_AUTH_REQUIRED;
    if (is_protected && settings->redirect != NULL) {
        setting_fault(reader, "redirect", "redirect_with_auth",
                      "leads away before anybody could sign in: drop it or access");
    }
}

static const struct setting members[] = {
    {AT(route_settings, name), .kind = SETTING_TEXT, .min = 1, .max = 80,
     .check = setting_check_name, .is_for_people = true, .about = "What people call the route."},
    {AT(route_settings, description), .kind = SETTING_TEXT, .min = 1, .max = 500,
     .may_have_lines = true, .is_for_people = true, .about = "What it is there for."},
    {AT(route_settings, timeouts), .kind = SETTING_OBJECT, .shape = &timeouts_shape,
     .is_always = true, .about = "How long to wait for the workload."},
    {AT(route_settings, sticky), .kind = SETTING_BOOLEAN,
     .about = "A visitor comes back to the same warpgate, by a cookie of the edge's."},
    {AT(route_settings, security_headers), .kind = SETTING_WORD, .words = security_words,
     .about = "Response fields that make browsers careful: off, basic (HSTS, nosniff, "
              "Referrer-Policy) or strict (and framing, permissions, opener)."},
    PART(access, route_settings_access, "Who may use the route."),
    PART(ip, route_settings_ip, "From where it may be used."),
    PART(limits, route_settings_limits, "How much it may be used."),
    PART(cors, route_settings_cors, "Which other sites' scripts may use it."),
    PART(redirect, route_settings_redirect,
         "Answer with a redirect instead of asking the workload."),
    PART(maintenance, route_settings_maintenance, "Answer with a maintenance page."),
    PART(cache, route_settings_cache, "Keep answers at the edge."),
    PART(waf, route_settings_waf, "Inspect requests for attacks."),
    PART(compression, route_settings_compression, "Compress answers."),
    PART(header_rules, route_settings_header_rules, "Set, add and remove header fields."),
    PART(error_pages, route_settings_error_pages, "Texts and colours of the edge's error pages."),
};
const struct setting_shape route_settings_shape = {"RouteSettings", sizeof(struct route_settings),
                                                   members, COUNT_OF(members), judge_route};

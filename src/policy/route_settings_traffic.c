/* route_settings_traffic.c: how much, how long, from where. */
#include "policy/route_settings.h"

#include "policy/setting_check.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
#define AT(owner, member) #member, .offset = offsetof(struct owner, member)

#define CIDRS_MAX 256
#define RATES_MAX 8
#define BYTES_MAX (UINT64_C(1) << 40)

static const char *const key_words[] = {"address", "user", "service_account",
                                        "header",  "all",  NULL};
static const char *const per_words[] = {"second", "minute", "hour", NULL};

static void judge_rate(struct setting_reader *reader, const void *value) {
    const struct route_rate *rate = value;
    bool has_header = !str_is_empty(rate->header);
    if (rate->key == ROUTE_LIMIT_HEADER && !has_header) {
        setting_fault(reader, "header", "member_missing", "is missing: key is \"header\"");
    }
    if (rate->key != ROUTE_LIMIT_HEADER && has_header) {
        setting_fault(reader, "header", "header_without_key",
                      "names a field, but key is not \"header\"");
    }
}

static const struct setting rate_members[] = {
    {AT(route_rate, requests), .kind = SETTING_INTEGER, .min = 1, .max = 1000000,
     .is_required = true, .about = "How many requests in the time that `per` says."},
    {AT(route_rate, per), .kind = SETTING_WORD, .words = per_words, .about = "The time."},
    {AT(route_rate, burst), .kind = SETTING_INTEGER, .min = 1, .max = 1000000, .may_be_zero = true,
     .about = "How many may come at once; 0: as many as `requests`."},
    {AT(route_rate, key), .kind = SETTING_WORD, .words = key_words,
     .about = "What is counted on its own: each address (IPv6: each /64), user, service account, "
              "value of a header field; or all together."},
    {AT(route_rate, header), .kind = SETTING_TEXT, .min = 1, .max = 64,
     .check = setting_check_field_name, .about = "The field's name, where key is header."},
};
static const struct setting_shape rate_shape = {"RateLimit", sizeof(struct route_rate),
                                                rate_members, COUNT_OF(rate_members), judge_rate};

static const struct setting limits_members[] = {
    {AT(route_limits, rates), .kind = SETTING_OBJECTS, .shape = &rate_shape, .count_max = RATES_MAX,
     .about = "Requests in a time; all of them hold."},
    {AT(route_limits, concurrent_requests), .kind = SETTING_INTEGER, .min = 1, .max = 1000000,
     .may_be_zero = true, .about = "Requests under way at one edge; 0: no limit."},
    {AT(route_limits, concurrent_per_address), .kind = SETTING_INTEGER, .min = 1, .max = 100000,
     .may_be_zero = true, .about = "Requests under way from one address; 0: no limit."},
    {AT(route_limits, bandwidth_bytes_per_second), .kind = SETTING_INTEGER, .min = 1024,
     .max = BYTES_MAX, .may_be_zero = true,
     .about = "How fast one answer's body is sent; 0: no limit."},
    {AT(route_limits, body_bytes_max), .kind = SETTING_INTEGER, .min = 1, .max = BYTES_MAX,
     .may_be_zero = true, .about = "How large a request's body may be; 0: no limit."},
};
const struct setting_shape route_settings_limits = {"Limits", sizeof(struct route_limits),
                                                    limits_members, COUNT_OF(limits_members), NULL};

static const struct setting ip_members[] = {
    {AT(route_ip, allow), .kind = SETTING_CIDRS, .count_max = CIDRS_MAX,
     .about = "Addresses and blocks that may come; empty: all."},
    {AT(route_ip, deny), .kind = SETTING_CIDRS, .count_max = CIDRS_MAX,
     .about = "Addresses and blocks that may not, even where allow names them."},
};
const struct setting_shape route_settings_ip = {"IpLists", sizeof(struct route_ip), ip_members,
                                                COUNT_OF(ip_members), NULL};

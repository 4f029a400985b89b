/* usage_record.h: what an edge counted, and which requests it logged: the insides of the feed's record "usage" (feed_message.h).
 *
 *   {"type":"usage","process":"4f…","sequence":7,"at":1795177020000,"counts":[…],"requests":[…]}
 *   count    {"environment":"env_…","project":"prj_…","organization":"org_…","route":"rt_…"|"","status":[0,0,12,0,1,0],
 *             "bytes_in":0,"bytes_out":4711,"unlogged":0,"codes":{"no_route":1},"latency":[88,7,90,6]}
 *   request  {"id":"req_…","environment":"env_…","route":"rt_…"|"","at":…,"method":"GET","host":"…","path":"/…","query":"…",
 *             "status":200,"code":"…","step":"…","reason":"…","protocol":"http/1.1","ip_address":"…","warpgate":"wg_…"|"",
 *             "duration_ms":5,"first_byte_ms":4,"bytes_in":0,"bytes_out":12}
 *
 * Numbers of a count are of this record alone: who takes them adds them up. "status" is by class: no answer, 1xx, 2xx … 5xx. Bytes are of
 * bodies and WebSockets. "latency" is a histogram (base/histogram.h) of microseconds from a request's head to its response's.
 * "at" is the minute, as milliseconds since 1970. "codes" are the platform's own answers. Pure; text is borrowed from the tree read.
 */
#ifndef TUNNEL_USAGE_RECORD_H
#define TUNNEL_USAGE_RECORD_H

#include <jansson.h>

#include "base/histogram.h"
#include "base/id.h"
#include "base/status.h"
#include "base/str.h"

#define USAGE_RECORD_COUNTS_MAX 256   /* in one record */
#define USAGE_RECORD_REQUESTS_MAX 256 /* likewise */
#define USAGE_RECORD_CLASSES 6
#define USAGE_RECORD_CODES_MAX 32
#define USAGE_RECORD_CODE_BYTES_MAX 64
#define USAGE_RECORD_TEXT_MAX 1024 /* of a path or a query: what is longer is cut */
#define USAGE_RECORD_HOST_MAX 255
#define USAGE_RECORD_WORD_MAX 64

/* Whose numbers they are. The route may be none: no route was found, or there were too many to tell them apart. */
struct usage_record_key {
    struct id environment, project, organization, route;
};

struct usage_record_count {
    uint64_t status[USAGE_RECORD_CLASSES]; /* requests */
    uint64_t bytes_in, bytes_out;
    uint64_t unlogged;                      /* requests that were to be logged, and were too many */
    uint32_t codes[USAGE_RECORD_CODES_MAX]; /* of a number that the writer knows a name for */
    struct histogram latency;
};

struct usage_record_request {
    struct id id, environment, route, warpgate;
    uint64_t at_ms; /* wall */
    struct str method, host, path, query;
    unsigned status; /* 0: the visitor went before there was one */
    struct str code; /* of the platform's own answer; empty: the workload's */
    struct str step, reason;
    struct str protocol;
    struct str ip_address;
    uint64_t duration_ms, first_byte_ms;
    uint64_t bytes_in, bytes_out;
};

unsigned usage_record_class(unsigned status);
void usage_record_merge(struct usage_record_count *into, const struct usage_record_count *from);

/* `code_name` gives the names of codes from 1 on. A new object. */
json_t *usage_record_write_count(const struct usage_record_key *key,
                                 const struct usage_record_count *count,
                                 const char *(*code_name)(unsigned code));
/* *codes is the borrowed object of codes, each a name of our alphabet with a positive number; count->codes stays empty.
 * STATUS_INVALID with why. */
enum status usage_record_read_count(const json_t *object, struct usage_record_key *key,
                                    struct usage_record_count *count, const json_t **codes,
                                    struct why *why) MUST_USE;

json_t *usage_record_write_request(const struct usage_record_request *request);
enum status usage_record_read_request(const json_t *object, struct usage_record_request *request,
                                      struct why *why) MUST_USE;

#endif

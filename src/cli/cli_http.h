/* cli_http.h: calls to the API, through libcurl: one handle, kept alive between calls.
 *
 * https only, certificates always verified, no redirects followed, no credentials from anywhere but the token. Answers are at most
 * CLI_HTTP_BYTES_MAX.
 */
#ifndef CLI_CLI_HTTP_H
#define CLI_CLI_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/secret.h"
#include "base/status.h"
#include "base/str.h"

#define CLI_HTTP_BYTES_MAX ((size_t)256 << 20)
#define CLI_HTTP_URL_SIZE 512
#define CLI_HTTP_ETAG_SIZE 80

struct cli_http;

struct cli_http_answer {
    long status;
    json_t *body; /* owned: json_decref; NULL where there is none or it is no JSON */
    char etag[CLI_HTTP_ETAG_SIZE];
};

/* `url` as https://host[:port], without a path; `ca_pem` empty: the system's. STATUS_INVALID (url_invalid), STATUS_FAILED. */
enum status cli_http_new(const char *url, struct str ca_pem, struct str token,
                         struct cli_http **http, struct why *why) MUST_USE;
void cli_http_free(struct cli_http **http);
/* Trusts these from the next connection on, where it does not go by the system's: the platform's roots change. False: it does. */
bool cli_http_trust(struct cli_http *http, struct str ca_pem);
const char *cli_http_url(const struct cli_http *http);

/* One call. `body` and `if_match` may be NULL. An answer of 400 and over is a status with the API's own code and sentence in `why`, and
 * each fault of the body on a line of standard error; then answer->body is NULL.
 *   STATUS_DENIED 401, 403; STATUS_NOT_FOUND 404; STATUS_CONFLICT 409, 412, 428; STATUS_UNAVAILABLE 429, 500 and over, and where
 *   nobody answers (api_unreachable, certificate_untrusted); STATUS_FAILED the rest (answer_malformed, answer_too_large). */
enum status cli_http_call(struct cli_http *http, const char *method, const char *path,
                          const json_t *body, const char *if_match, struct cli_http_answer *answer,
                          struct why *why) MUST_USE;

/* Bytes of a stream as they come. False ends it. */
typedef bool (*cli_http_bytes_fn)(void *context, struct str bytes);
/* GET of an event stream. `last_event_id` may be "". STATUS_END: the other side or the callback ended it; otherwise as cli_http_call. */
enum status cli_http_stream(struct cli_http *http, const char *path, const char *last_event_id,
                            cli_http_bytes_fn on_bytes, void *context, struct why *why) MUST_USE;

/* A part of a path or query, percent-encoded. Returned in a buffer that curl_free frees: see cli_http_escape_free. */
char *cli_http_escape(struct cli_http *http, const char *text);
void cli_http_escape_free(char *text);

#endif

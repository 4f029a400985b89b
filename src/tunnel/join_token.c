#include "tunnel/join_token.h"

#include <string.h>

#include "base/buf.h"
#include "base/text.h"

#define PREFIX STR("mzj1_")
#define CHECKSUM_BYTES 4
#define FIXED_BYTES (JOIN_TOKEN_SECRET_BYTES + DIGEST_BYTES)
#define PAYLOAD_BYTES_MAX 760 /* with the checksum: in base64url it fits a secret */

void join_token_make_secret(const struct random *random, struct join_token *token) {
    random_fill(random, token->secret, sizeof(token->secret));
}

void join_token_fini(struct join_token *token) {
    secret_wipe(token, sizeof(*token));
}

void join_token_secret_text(const struct join_token *token, char out[JOIN_TOKEN_SECRET_SIZE]) {
    size_t len = text_base64url(token->secret, sizeof(token->secret), out);
    out[len] = '\0';
}

void join_token_digest(struct str secret_text, uint8_t out[DIGEST_BYTES]) {
    digest_sha256(secret_text, out);
}

/* A word of a line: printable, and not empty. */
static bool is_word(struct str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] <= ' ' || text.at[i] > '~') {
            return false;
        }
    }
    return text.len > 0;
}

/* Writing */

static enum status append_line(struct buf *payload, const char *line, bool is_first) {
    if (!is_word(str_from(line))) {
        return STATUS_INVALID;
    }
    enum status status = is_first ? STATUS_OK : buf_append_str(payload, STR("\n"));
    return status == STATUS_OK ? buf_append_str(payload, str_from(line)) : status;
}

static enum status write_payload(const struct join_token *token, struct buf *payload) {
    uint8_t digest[DIGEST_BYTES];
    enum status status = buf_append(payload, token->secret, sizeof(token->secret));
    if (status == STATUS_OK) {
        status = buf_append(payload, token->root_sha256, sizeof(token->root_sha256));
    }
    if (status == STATUS_OK) {
        status = append_line(payload, token->server_name, true);
    }
    for (size_t i = 0; i < token->control_count && status == STATUS_OK; i++) {
        status = append_line(payload, token->controls[i], false);
    }
    digest_sha256(buf_str(payload), digest);
    return status == STATUS_OK ? buf_append(payload, digest, CHECKSUM_BYTES) : status;
}

enum status join_token_write(const struct join_token *token, struct secret *text) {
    struct buf payload;
    char out[SECRET_MAX];
    if (token->control_count == 0 || token->control_count > JOIN_TOKEN_CONTROLS_MAX) {
        return STATUS_INVALID;
    }
    buf_init(&payload, PAYLOAD_BYTES_MAX);
    enum status status = write_payload(token, &payload);
    if (status == STATUS_OK) {
        memcpy(out, PREFIX.at, PREFIX.len);
        size_t len = text_base64url(buf_bytes(&payload), buf_len(&payload), out + PREFIX.len);
        status = secret_set(text, str_make(out, PREFIX.len + len));
        secret_wipe(out, sizeof(out));
    }
    buf_fini_wiped(&payload);
    return status;
}

/* Reading */

static enum status read_lines(struct str text, struct join_token *token) {
    struct str line;
    bool has_more = str_cut(text, '\n', &line, &text);
    if (!is_word(line) ||
        str_to_cstr(line, token->server_name, sizeof(token->server_name)) != STATUS_OK) {
        return STATUS_INVALID;
    }
    while (has_more) {
        has_more = str_cut(text, '\n', &line, &text);
        if (token->control_count == JOIN_TOKEN_CONTROLS_MAX || !is_word(line) ||
            str_to_cstr(line, token->controls[token->control_count], JOIN_TOKEN_ADDRESS_SIZE) !=
                STATUS_OK) {
            return STATUS_INVALID;
        }
        token->control_count++;
    }
    return token->control_count > 0 ? STATUS_OK : STATUS_INVALID;
}

static enum status read_payload(const uint8_t *bytes, size_t len, struct join_token *token) {
    memcpy(token->secret, bytes, sizeof(token->secret));
    memcpy(token->root_sha256, bytes + sizeof(token->secret), sizeof(token->root_sha256));
    return read_lines(str_make(bytes + FIXED_BYTES, len - FIXED_BYTES), token);
}

static enum status refuse(struct join_token *token, struct why *why, const char *slug,
                          const char *text) {
    join_token_fini(token);
    return why_set(why, STATUS_INVALID, slug, "%s", text);
}

enum status join_token_read(struct str text, struct join_token *token, struct why *why) {
    uint8_t bytes[SECRET_MAX];
    uint8_t digest[DIGEST_BYTES];
    size_t len = sizeof(bytes);
    memset(token, 0, sizeof(*token));
    struct str encoded = str_sub(text, PREFIX.len, text.len);
    if (!str_eq(str_sub(text, 0, PREFIX.len), PREFIX) || text.len >= SECRET_MAX ||
        text_base64url_decode(encoded, bytes, &len) != STATUS_OK ||
        len < FIXED_BYTES + CHECKSUM_BYTES) {
        return refuse(token, why, "join_token_malformed", "this is not a join token, or not a whole one: copy it again");
    }
    len -= CHECKSUM_BYTES;
    digest_sha256(str_make(bytes, len), digest);
    bool is_whole = secret_equal(digest, CHECKSUM_BYTES, bytes + len, CHECKSUM_BYTES);
    enum status status = is_whole ? read_payload(bytes, len, token) : STATUS_INVALID;
    secret_wipe(bytes, sizeof(bytes));
    if (!is_whole) {
        return refuse(token, why, "join_token_checksum",
                      "the join token is not whole: copy it again");
    }
    return status == STATUS_OK
               ? STATUS_OK
               : refuse(token, why, "join_token_malformed", "the join token is of another version");
}

#include "pki/pem.h"

#include <stdio.h>

#include "base/secret.h"
#include "base/text.h"

#define LINE_LEN ((size_t)64)
#define DER_PER_LINE ((size_t)48)
#define BOUNDARY_SIZE 64 /* longest label, dashes and END */

static struct str write_boundary(char out[BOUNDARY_SIZE], const char *word, struct str label) {
    int len = snprintf(out, BOUNDARY_SIZE, "-----%s %.*s-----", word, STR_ARG(label));
    return str_make(out, (size_t)len);
}

/* Takes one line off `rest`. False at the end of the text. */
static bool take_line(struct str *rest, struct str *line) {
    if (str_is_empty(*rest)) {
        return false;
    }
    (void)str_cut(*rest, '\n', line, rest);
    if (str_ends_with(*line, STR("\r"))) {
        line->len--;
    }
    return true;
}

/* Gathers the base64 digits between the boundaries. */
static enum status read_body(struct str text, struct str begin, struct str end,
                             char body[PEM_BYTES_MAX], size_t *body_len) {
    struct str line;
    bool is_last = false;
    *body_len = 0;
    if (!take_line(&text, &line) || !str_eq(line, begin)) {
        return STATUS_INVALID;
    }
    while (take_line(&text, &line)) {
        if (str_eq(line, end)) {
            return str_is_empty(text) && *body_len > 0 ? STATUS_OK : STATUS_INVALID;
        }
        if (is_last || str_is_empty(line) || line.len > LINE_LEN) {
            return STATUS_INVALID;
        }
        is_last = line.len < LINE_LEN;
        memcpy(body + *body_len, line.at, line.len);
        *body_len += line.len;
    }
    return STATUS_INVALID;
}

enum status pem_read(struct str text, struct str label, uint8_t der[PEM_BYTES_MAX], size_t *len) {
    char begin[BOUNDARY_SIZE];
    char end[BOUNDARY_SIZE];
    char body[PEM_BYTES_MAX];
    size_t body_len;
    *len = PEM_BYTES_MAX;
    if (text.len > PEM_BYTES_MAX) {
        return STATUS_TOO_LARGE;
    }
    enum status status = read_body(text, write_boundary(begin, "BEGIN", label),
                                   write_boundary(end, "END", label), body, &body_len);
    if (status == STATUS_OK) {
        status = text_base64_decode(str_make(body, body_len), der, len);
    }
    secret_wipe(body, sizeof(body)); /* it may have been a private key */
    return status;
}

enum status pem_append(struct buf *out, struct str label, const uint8_t *der, size_t len) {
    char begin[BOUNDARY_SIZE];
    char end[BOUNDARY_SIZE];
    char line[TEXT_BASE64_SIZE(DER_PER_LINE)];
    struct str first = write_boundary(begin, "BEGIN", label);
    struct str last = write_boundary(end, "END", label);
    uint8_t *room;
    size_t lines = (len + DER_PER_LINE - 1) / DER_PER_LINE;
    size_t total = first.len + last.len + 2 + TEXT_BASE64_SIZE(len) - 1 + lines;
    enum status status = buf_reserve(out, total, &room);
    if (status != STATUS_OK) {
        return status;
    }
    /* Written where it stays: a growing buffer would leave copies of a private key behind. */
    char *at = (char *)room;
    memcpy(at, first.at, first.len);
    at += first.len;
    *at++ = '\n';
    for (size_t i = 0; i < len; i += DER_PER_LINE) {
        size_t part = len - i < DER_PER_LINE ? len - i : DER_PER_LINE;
        size_t line_len = text_base64(der + i, part, line);
        memcpy(at, line, line_len);
        at += line_len;
        *at++ = '\n';
    }
    memcpy(at, last.at, last.len);
    at += last.len;
    *at++ = '\n';
    buf_commit(out, (size_t)(at - (char *)room));
    secret_wipe(line, sizeof(line));
    return STATUS_OK;
}

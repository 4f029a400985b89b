/* fuzz_mail.c: names, subject and body as somebody typed them, in lines: whatever they are, the head of the mail has the fields that it
 * should have, each once, and the parts end where they should. */
#include <stdlib.h>
#include <string.h>

#include "identity/identity_mail.h"

static struct str take(struct str *rest) {
    struct str head;
    (void)str_cut(*rest, '\t', &head, rest);
    return head;
}

static unsigned count(struct str text, const char *needle) {
    unsigned found = 0;
    size_t len = strlen(needle);
    for (size_t i = 0; i + len <= text.len; i++) {
        found += str_eq(str_sub(text, i, len), str_make(needle, len));
    }
    return found;
}

static void check(struct str text, const char *id) {
    static const char *const fields[] = {
        "\r\nFrom: ", "\r\nTo: ", "\r\nSubject: ", "\r\nMessage-ID:", "\r\nMIME-Version: "};
    size_t line = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        bool is_break = c == '\n' && i > 0 && text.at[i - 1] == '\r';
        bool is_return = c == '\r' && i + 1 < text.len && text.at[i + 1] == '\n';
        line = is_break ? 0 : line + 1;
        if (line > 79 || c >= 0x7f || (c < 0x20 && !is_break && !is_return)) {
            abort();
        }
    }
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (count(text, fields[i]) != 1) {
            abort();
        }
    }
    if (count(text, id) != 5 || count(text, "\r\n\r\n") != 3) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct str rest = str_make(bytes, len);
    struct identity_mail mail = {.id = {.text = "mail_01jd3m8k6vq2x7r9t4w5y6z8ab"},
                                 .date_ms = INT64_C(1800000000000)};
    struct buf out;
    struct why why;
    if (identity_mail_parse_address(take(&rest), &mail.from, &why) != STATUS_OK ||
        identity_mail_parse_address(take(&rest), &mail.to, &why) != STATUS_OK) {
        return 0;
    }
    mail.subject = take(&rest);
    mail.text = rest;
    mail.html = rest;
    buf_init(&out, IDENTITY_MAIL_BYTES_MAX);
    if (identity_mail_write(&mail, &out, &why) == STATUS_OK) {
        check(buf_str(&out), mail.id.text);
    }
    buf_fini(&out);
    return 0;
}

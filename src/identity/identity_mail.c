#include "identity/identity_mail.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

#define CRLF "\r\n"
#define WORD_BYTES 39 /* of text in one encoded word: 52 characters, and "Subject: " before it */
#define PLAIN_MAX 60  /* characters that stay as they are on one line */
#define LINE_BYTES 57 /* of a body in one line of base64: 76 characters */
#define ENCODED_SIZE TEXT_BASE64_SIZE(LINE_BYTES)

/* Nothing of this can end a line or a header. */
static bool is_header_text(struct str text) {
    if (text.len > IDENTITY_MAIL_NAME_MAX || !text_is_utf8(text)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

/* Printable ASCII that nobody could take for an encoded word. */
static bool is_plain(struct str text) {
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.at[i] >= 0x7f ||
            (text.at[i] == '=' && i + 1 < text.len && text.at[i + 1] == '?')) {
            return false;
        }
    }
    return text.len <= PLAIN_MAX;
}

/* As much as fits in one word and does not cut a character. */
static size_t word_length(struct str text) {
    return text.len <= WORD_BYTES ? text.len : text_utf8_prefix(str_make(text.at, WORD_BYTES));
}

/* RFC 2047 §2: words with a line break between. */
static enum status write_words(struct str text, struct buf *out) {
    char encoded[TEXT_BASE64_SIZE(WORD_BYTES)];
    const char *gap = "";
    enum status status = STATUS_OK;
    while (text.len > 0 && status == STATUS_OK) {
        size_t len = word_length(text);
        text_base64(text.at, len, encoded);
        status = buf_printf(out, "%s=?UTF-8?B?%s?=", gap, encoded);
        text = str_sub(text, len, SIZE_MAX);
        gap = CRLF " ";
    }
    return status;
}

static enum status write_quoted(struct str text, struct buf *out) {
    enum status status = buf_append_str(out, STR("\""));
    for (size_t i = 0; i < text.len && status == STATUS_OK; i++) {
        bool is_special = text.at[i] == '"' || text.at[i] == '\\';
        status = buf_printf(out, "%s%c", is_special ? "\\" : "", text.at[i]);
    }
    return status == STATUS_OK ? buf_append_str(out, STR("\"")) : status;
}

static enum status write_address(const char *field, const struct identity_mail_address *address,
                                 struct buf *out) {
    enum status status = buf_printf(out, "%s: ", field);
    if (status == STATUS_OK && address->name.len > 0) {
        status = is_plain(address->name) ? write_quoted(address->name, out)
                                         : write_words(address->name, out);
        if (status == STATUS_OK) {
            status = buf_append_str(out, STR(CRLF " "));
        }
    }
    return status == STATUS_OK
               ? buf_printf(out, "<%.*s>" CRLF, STR_ARG(identity_email_str(&address->email)))
               : status;
}

static enum status write_subject(struct str subject, struct buf *out) {
    enum status status = buf_append_str(out, STR("Subject: "));
    if (status == STATUS_OK) {
        status = is_plain(subject) ? buf_append_str(out, subject) : write_words(subject, out);
    }
    return status == STATUS_OK ? buf_append_str(out, STR(CRLF)) : status;
}

/* RFC 5322 §3.3, in UTC. */
static enum status write_date(int64_t date_ms, struct buf *out) {
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(date_ms / 1000);
    struct tm tm = {0};
    (void)gmtime_r(&seconds, &tm);
    return buf_printf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000" CRLF, days[tm.tm_wday],
                      tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
                      tm.tm_sec);
}

static enum status write_body(const char *type, const struct id *id, struct str body,
                              struct buf *out) {
    char encoded[ENCODED_SIZE];
    enum status status = buf_printf(out,
                                    "--=_%s" CRLF "Content-Type: text/%s; charset=utf-8" CRLF
                                    "Content-Transfer-Encoding: base64" CRLF CRLF,
                                    id->text, type);
    for (size_t at = 0; at < body.len && status == STATUS_OK; at += LINE_BYTES) {
        struct str line = str_sub(body, at, LINE_BYTES);
        text_base64(line.at, line.len, encoded);
        status = buf_printf(out, "%s" CRLF, encoded);
    }
    return status;
}

static enum status write_head(const struct identity_mail *mail, struct buf *out) {
    enum status status = write_date(mail->date_ms, out);
    if (status == STATUS_OK) {
        status = write_address("From", &mail->from, out);
    }
    if (status == STATUS_OK) {
        status = write_address("To", &mail->to, out);
    }
    if (status == STATUS_OK) {
        status = write_subject(mail->subject, out);
    }
    if (status == STATUS_OK) {
        /* A "_" in the boundary with "=" before it stands in no base64. */
        status = buf_printf(
            out,
            "Message-ID:" CRLF " <%s@%.*s>" CRLF "MIME-Version: 1.0" CRLF
            "Auto-Submitted: auto-generated" CRLF "Content-Type: multipart/alternative;" CRLF
            " boundary=\"=_%s\"" CRLF CRLF,
            mail->id.text, STR_ARG(identity_email_domain(&mail->from.email)), mail->id.text);
    }
    return status;
}

enum status identity_mail_write(const struct identity_mail *mail, struct buf *out,
                                struct why *why) {
    if (!is_header_text(mail->subject) || !is_header_text(mail->from.name) ||
        !is_header_text(mail->to.name)) {
        return why_set(why, STATUS_INVALID, "mail_header_invalid",
                       "a name or the subject of a mail is too long, or no text for one line");
    }
    enum status status = write_head(mail, out);
    if (status == STATUS_OK) {
        status = write_body("plain", &mail->id, mail->text, out);
    }
    if (status == STATUS_OK) {
        status = write_body("html", &mail->id, mail->html, out);
    }
    if (status == STATUS_OK) {
        status = buf_printf(out, "--=_%s--" CRLF, mail->id.text);
    }
    return status == STATUS_OK
               ? status
               : why_set(why, STATUS_TOO_LARGE, "mail_too_large", "a mail would be too large");
}

enum status identity_mail_parse_address(struct str text, struct identity_mail_address *address,
                                        struct why *why) {
    struct str name = STR_EMPTY;
    struct str rest;
    struct str email = text;
    *address = (struct identity_mail_address){.name = STR_EMPTY};
    if (str_ends_with(text, STR(">")) && str_cut(text, '<', &name, &rest)) {
        email = str_sub(rest, 0, rest.len - 1);
    }
    name = str_trim(name);
    if (identity_email_parse(email, &address->email, NULL) != STATUS_OK || !is_header_text(name)) {
        return why_set(why, STATUS_INVALID, "mail_address_invalid",
                       "this is neither name@example.com nor Name <name@example.com>");
    }
    address->name = name;
    return STATUS_OK;
}

enum status identity_mail_escape(struct str text, struct buf *html) {
    static const struct {
        char special;
        struct str escaped;
    } rows[] = {
        {'&', STR_INIT("&amp;")},  {'<', STR_INIT("&lt;")},   {'>', STR_INIT("&gt;")},
        {'"', STR_INIT("&quot;")}, {'\'', STR_INIT("&#39;")},
    };
    enum status status = STATUS_OK;
    for (size_t i = 0; i < text.len && status == STATUS_OK; i++) {
        struct str piece = str_sub(text, i, 1);
        for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
            if (text.at[i] == rows[k].special) {
                piece = rows[k].escaped;
            }
        }
        status = buf_append_str(html, piece);
    }
    return status;
}

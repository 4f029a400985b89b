#include "identity/identity_email.h"

#include <string.h>

#define LOCAL_MAX 64
#define LABEL_MAX 63

static bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* atext of RFC 5322 §3.2.3. */
static bool is_atom_byte(char c) {
    return is_letter_or_digit(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* Dot-atom: atoms of at least one byte, with one dot between. */
static bool is_local_part(struct str local) {
    if (local.len == 0 || local.len > LOCAL_MAX) {
        return false;
    }
    bool may_end = false;
    for (size_t i = 0; i < local.len; i++) {
        bool is_dot = local.at[i] == '.';
        if (is_dot ? !may_end : !is_atom_byte(local.at[i])) {
            return false;
        }
        may_end = !is_dot;
    }
    return may_end;
}

static bool is_label(struct str label) {
    if (label.len == 0 || label.len > LABEL_MAX || label.at[0] == '-' ||
        label.at[label.len - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < label.len; i++) {
        if (!is_letter_or_digit(label.at[i]) && label.at[i] != '-') {
            return false;
        }
    }
    return true;
}

static bool is_number(struct str label) {
    for (size_t i = 0; i < label.len; i++) {
        if (label.at[i] < '0' || label.at[i] > '9') {
            return false;
        }
    }
    return true;
}

static bool is_domain(struct str domain) {
    struct str rest = domain;
    struct str label;
    size_t count = 0;
    bool has_more = true;
    while (has_more) {
        has_more = str_cut(rest, '.', &label, &rest);
        if (!is_label(label)) {
            return false;
        }
        count++;
    }
    return !is_number(label) && (count > 1 || str_eq_nocase(label, STR("localhost")));
}

enum status identity_email_parse(struct str text, struct identity_email *email, struct why *why) {
    struct str local;
    struct str domain;
    *email = (struct identity_email){0};
    if (text.len >= IDENTITY_EMAIL_SIZE) {
        return why_set(why, STATUS_TOO_LARGE, "email_too_long",
                       "an e-mail address has at most %d bytes", IDENTITY_EMAIL_SIZE - 1);
    }
    if (!str_cut(text, '@', &local, &domain) || !is_local_part(local) || !is_domain(domain)) {
        return why_set(why, STATUS_INVALID, "email_invalid",
                       "this is not an e-mail address of the form name@example.com");
    }
    memcpy(email->text, text.at, text.len);
    email->len = text.len;
    email->domain_at = local.len + 1;
    str_lower(domain, email->text + email->domain_at);
    return STATUS_OK;
}

struct str identity_email_str(const struct identity_email *email) {
    return str_make(email->text, email->len);
}

struct str identity_email_domain(const struct identity_email *email) {
    return str_make(email->text + email->domain_at, email->len - email->domain_at);
}

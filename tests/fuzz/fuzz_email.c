/* fuzz_email.c: what somebody types as an e-mail address: what is accepted is its own normal form, with one "@". */
#include <stdlib.h>

#include "identity/identity_email.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct identity_email email;
    struct identity_email again;
    struct why why;
    if (identity_email_parse(str_make(bytes, len), &email, &why) != STATUS_OK) {
        return 0;
    }
    struct str text = identity_email_str(&email);
    struct str domain = identity_email_domain(&email);
    if (email.len != len || !str_eq_nocase(text, str_make(bytes, len)) ||
        identity_email_parse(text, &again, &why) != STATUS_OK ||
        !str_eq(text, identity_email_str(&again)) || str_find(text, '@') + 1 != email.domain_at ||
        str_find(domain, '@') != domain.len) {
        abort();
    }
    return 0;
}

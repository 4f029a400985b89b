#include "identity/identity_invitation.h"

#include <stdio.h>

#include "base/text.h"

#define TOKEN_BYTES 32
#define HTML_BYTES_MAX 16384

void identity_invitation_token(const struct random *random, struct secret *token,
                               uint8_t digest[DIGEST_BYTES]) {
    uint8_t bytes[TOKEN_BYTES];
    random_fill(random, bytes, sizeof(bytes));
    secret_init(token);
    token->len = text_base64url(bytes, sizeof(bytes), token->text);
    secret_wipe(bytes, sizeof(bytes));
    digest_sha256(secret_str(token), digest);
}

enum status identity_invitation_digest(struct str token, uint8_t digest[DIGEST_BYTES]) {
    if (token.len != IDENTITY_INVITATION_TOKEN_LENGTH) {
        return STATUS_INVALID;
    }
    digest_sha256(token, digest);
    return STATUS_OK;
}

void identity_invitation_url(struct str base, struct str token,
                             char out[IDENTITY_INVITATION_URL_SIZE]) {
    (void)snprintf(out, IDENTITY_INVITATION_URL_SIZE, "%.*s/invitations/accept#%.*s", STR_ARG(base),
                   STR_ARG(token));
}

/* "2026-11-27" */
static struct str day_of(int64_t wall_ms, struct arena *arena) {
    char text[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(wall_ms, text);
    return arena_str(arena, str_sub(str_from(text), 0, 10));
}

static enum status write_html(const struct identity_invitation_words *words, struct str day,
                              struct buf *html) {
    const struct {
        const char *before;
        struct str text;
    } parts[] = {
        {"<!doctype html><html lang=\"en\"><body style=\"font-family:sans-serif\"><p>",
         words->inviter},
        {" invites you to the organization <strong>", words->organization},
        {"</strong> on Mezusphere, as ", words->role},
        {".</p><p><a href=\"", words->url},
        {"\">Accept the invitation</a></p><p>The link works once, until ", day},
        {". Whoever has it can accept: do not pass it on. If you did not expect this mail, ignore "
         "it.</p></body></html>",
         STR_EMPTY},
    };
    enum status status = STATUS_OK;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && status == STATUS_OK; i++) {
        status = buf_append_str(html, str_from(parts[i].before));
        if (status == STATUS_OK) {
            status = identity_mail_escape(parts[i].text, html);
        }
    }
    return status;
}

enum status identity_invitation_write(const struct identity_invitation_words *words,
                                      struct arena *arena, struct identity_letter *letter) {
    struct buf html;
    struct str day = day_of(words->expires_at_ms, arena);
    letter->subject =
        arena_printf(arena, "Invitation to %.*s on Mezusphere", STR_ARG(words->organization));
    letter->text = arena_printf(
        arena,
        "%.*s invites you to the organization %.*s on Mezusphere, as %.*s.\n\n"
        "To accept, open:\n\n%.*s\n\n"
        "The link works once, until %.*s. Whoever has it can accept: do not pass it on.\n"
        "If you did not expect this mail, ignore it.\n",
        STR_ARG(words->inviter), STR_ARG(words->organization), STR_ARG(words->role),
        STR_ARG(words->url), STR_ARG(day));
    buf_init(&html, HTML_BYTES_MAX);
    enum status status = write_html(words, day, &html);
    if (status == STATUS_OK) {
        letter->html = arena_str(arena, buf_str(&html));
    }
    buf_fini_wiped(&html);
    return status;
}

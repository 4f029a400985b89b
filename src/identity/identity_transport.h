/* identity_transport.h: how mails leave: to an SMTP server (libcurl), or into a folder, for development.
 *
 *   smtp://host[:port]    with STARTTLS, which is demanded of every server but one on this machine (587; 25 works as well)
 *   smtps://host[:port]   TLS from the beginning (465)
 *   file:DIR              one file NAME.eml for each mail; DIR is there
 *
 * User and password are sent over TLS alone, and stand in no log. A transport may be used by one thread at a time; sending blocks for a
 * minute at the most, and ends within a second when it is told to.
 */
#ifndef IDENTITY_IDENTITY_TRANSPORT_H
#define IDENTITY_IDENTITY_TRANSPORT_H

#include <stdatomic.h>

#include "base/secret.h"
#include "base/status.h"
#include "base/str.h"
#include "identity/identity_email.h"

struct identity_transport;

struct identity_transport_config {
    const char *url;
    const char *ca_file;       /* PEM, besides the system's; NULL: the system's alone */
    const struct secret *user; /* empty or NULL: does not sign in; copied */
    const struct secret *password;
};

/* STATUS_INVALID (mail_url, mail_ca_file: says what is wrong with the option), STATUS_FAILED. */
enum status identity_transport_new(const struct identity_transport_config *config,
                                   struct identity_transport **transport, struct why *why) MUST_USE;
void identity_transport_free(struct identity_transport **transport);

/* `name` is the mail's own, [a-z0-9_]. STATUS_UNAVAILABLE (mail_unreachable, mail_deferred: again later; why tells what the server or the
 * network said); STATUS_DENIED (mail_refused: the server will never take it). */
enum status identity_transport_send(struct identity_transport *transport, const char *name,
                                    const struct identity_email *from,
                                    const struct identity_email *to, struct str message,
                                    const atomic_bool *is_stopping, struct why *why) MUST_USE;

#endif

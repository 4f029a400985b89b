/* mail_option.h: the options by which a control plane is told how its mails leave: one row each in the command's table (MAIL_OPTIONS). */
#ifndef CMD_MAIL_OPTION_H
#define CMD_MAIL_OPTION_H

#include "base/option.h"
#include "control/control.h"

#define MAIL_OPTIONS(target)                                                                       \
    {"mail",                                                                                       \
     "URL",                                                                                        \
     OPTION_TEXT,                                                                                  \
     &(target).url,                                                                                \
     NULL,                                                                                         \
     "Where mails go: smtp://host[:port] (STARTTLS), smtps://host[:port] or file:DIR; without it " \
     "none are sent."},                                                                            \
        {"mail-from",                                                                              \
         "ADDRESS",                                                                                \
         OPTION_TEXT,                                                                              \
         &(target).from,                                                                           \
         NULL,                                                                                     \
         "Sender of mails: name@example.com or \"Name <name@example.com>\" (default: noreply@ "    \
         "the "                                                                                    \
         "domain)."},                                                                              \
        {"mail-user", "NAME", OPTION_SECRET, &(target).user, NULL, "User at the mail server."},    \
        {"mail-password",    "PASSWORD", OPTION_SECRET,                                            \
         &(target).password, NULL,       "That user's password."},                                 \
    {                                                                                              \
        "mail-ca-file", "PEM", OPTION_TEXT, &(target).ca_file, NULL,                               \
            "Certificates that the mail server's is verified by, instead of the system's."         \
    }

#endif

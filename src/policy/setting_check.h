/* setting_check.h: which texts settings may hold (setting.h): NULL, or what the text has to be, in words that follow its name. Any thread. */
#ifndef POLICY_SETTING_CHECK_H
#define POLICY_SETTING_CHECK_H

#include "base/str.h"

/* "https://app.example.com", "*.example.com" behind the scheme, or "*"; lower case, no path. */
const char *setting_check_origin(struct str text);
/* A request method, upper case; not CONNECT or TRACE. */
const char *setting_check_method(struct str text);
/* A field name (RFC 9110 §5.1) in lower case. */
const char *setting_check_field_name(struct str text);
/* The same or "*". */
const char *setting_check_field_name_or_any(struct str text);
/* A field name that customers may set, add or remove: not what frames a message, nor what folds to a platform name. */
const char *setting_check_own_field_name(struct str text);
/* A field value: visible ASCII, spaces and tabs inside. */
const char *setting_check_field_value(struct str text);
/* Where a redirect leads: an absolute path, or a URL with http or https and a host; printable ASCII. */
const char *setting_check_redirect(struct str text);
/* "#1a2b3c" */
const char *setting_check_colour(struct str text);
/* A role's or group's key: a-z, 0-9, "-", "_", ".". */
const char *setting_check_key(struct str text);
/* "orders:read" */
const char *setting_check_permission(struct str text);
/* A canonical host name with a dot, as it stands behind the "@". */
const char *setting_check_email_domain(struct str text);
/* "text/html", or a whole type with "*" behind the slash. */
const char *setting_check_media_type(struct str text);
/* A query parameter's name: visible ASCII without "&", "=", "#" and "%". */
const char *setting_check_query_name(struct str text);
/* What people call a route: no space at either end. */
const char *setting_check_name(struct str text);

#endif

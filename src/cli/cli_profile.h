/* cli_profile.h: what `mezusphere login` keeps for the commands after it: one JSON file of the person who signed in.
 *
 * $XDG_CONFIG_HOME/mezusphere/profile.json, or ~/.config/mezusphere/profile.json; the folder 0700, the file 0600, replaced as a whole:
 *   {"url": "https://…", "ca": "PEM", "token": "…", "organization": "org_…"}    all but the url may be missing
 */
#ifndef CLI_CLI_PROFILE_H
#define CLI_CLI_PROFILE_H

#include "base/arena.h"
#include "base/secret.h"
#include "base/status.h"

#define CLI_PROFILE_PATH_SIZE 4096

struct cli_profile {
    struct str url;          /* empty: nobody has signed in */
    struct str ca_pem;       /* empty: the system's */
    struct str organization; /* empty: none chosen */
    struct secret token;     /* empty: none */
};

/* Where it is. STATUS_INVALID (home_missing, path_too_long). */
enum status cli_profile_path(char path[CLI_PROFILE_PATH_SIZE], struct why *why) MUST_USE;
/* Text lives in the arena; the token is the caller's to fini, in any case. No file is no fault. STATUS_INVALID
 * (profile_malformed, profile_unreadable). */
enum status cli_profile_load(struct cli_profile *profile, struct arena *arena,
                             struct why *why) MUST_USE;
/* STATUS_FAILED (profile_not_written). */
enum status cli_profile_save(const struct cli_profile *profile, struct why *why) MUST_USE;
/* Removes it. None there is no fault. STATUS_FAILED. */
enum status cli_profile_remove(struct why *why) MUST_USE;

#endif

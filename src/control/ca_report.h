/* ca_report.h: whom edges and warpgates trust, and whose certificates they have, as they say themselves: what a rotation waits for.
 *
 * In memory, for all threads: it has a lock of its own. Nothing is known after a start until they have reported anew, and what is not
 * known counts as not yet done. At most CA_REPORTS_MAX are kept, each for CA_REPORT_KEEP_MS after it was last said: longer than any of their
 * certificates lives.
 */
#ifndef CONTROL_CA_REPORT_H
#define CONTROL_CA_REPORT_H

#include "base/clock.h"
#include "base/id.h"
#include "base/str.h"
#include "pki/ca_rotation.h"

#define CA_REPORTS_MAX 200000
#define CA_REPORT_KEEP_MS (INT64_C(8) * 24 * 3600 * 1000)

struct ca_reports;

/* Names as ca_rotation_anchors_name makes them; empty: not known. */
struct ca_report {
    char anchors[CA_ANCHORS_SIZE]; /* the roots that it trusts */
    char root[CA_ANCHORS_SIZE];    /* that its own certificate is of */
};

struct ca_reports *ca_report_new(const struct clock *clock);
void ca_report_free(struct ca_reports **reports);

/* Of an edge or a warpgate. Names that are longer than any are none. */
void ca_report_take(struct ca_reports *reports, const struct id *peer, struct str anchors,
                    struct str root);
void ca_report_get(struct ca_reports *reports, const struct id *peer, struct ca_report *report);
/* Hourly: forgets what has not been said for long. */
void ca_report_sweep(struct ca_reports *reports);

#endif

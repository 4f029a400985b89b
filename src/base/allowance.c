#include "base/allowance.h"

#define SECOND_MS 1000

void allowance_init(struct allowance *allowance, const struct allowance_rate *rate,
                    int64_t now_ms) {
    *allowance = (struct allowance){.counted_at_ms = now_ms, .left = rate->burst};
}

static void earn(struct allowance *allowance, const struct allowance_rate *rate, int64_t now_ms) {
    int64_t full_ms = (int64_t)rate->burst * SECOND_MS / rate->per_second + SECOND_MS;
    int64_t elapsed_ms = now_ms - allowance->counted_at_ms;
    if (allowance->left >= rate->burst || elapsed_ms >= full_ms) {
        allowance->left = allowance->left > rate->burst ? allowance->left : rate->burst;
        allowance->counted_at_ms = now_ms;
        return;
    }
    int64_t earned = elapsed_ms > 0 ? elapsed_ms * rate->per_second / SECOND_MS : 0;
    if (earned == 0) {
        return; /* counted from the same moment the next time */
    }
    allowance->left += (uint64_t)earned;
    allowance->counted_at_ms += earned * SECOND_MS / rate->per_second;
    if (allowance->left > rate->burst) {
        allowance->left = rate->burst;
    }
}

bool allowance_take(struct allowance *allowance, const struct allowance_rate *rate,
                    int64_t now_ms) {
    earn(allowance, rate, now_ms);
    if (allowance->left == 0) {
        return false;
    }
    allowance->left--;
    return true;
}

uint64_t allowance_left(const struct allowance *allowance, const struct allowance_rate *rate,
                        int64_t now_ms) {
    struct allowance now = *allowance;
    earn(&now, rate, now_ms);
    return now.left;
}

void allowance_grant(struct allowance *allowance) {
    allowance->left++;
}

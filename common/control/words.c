#include "common/control/words.h"
#include "common/base/fields.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- numbers ---- */

const char *rt__words_number(double number, char text[RT__WORDS])
{
    char digits[32];
    if (!(fabs(number) < 1e18))
        return memcpy(text, "-", 2);
    int n = snprintf(digits, sizeof digits, "%.0f", number), used = 0;
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0 && digits[i - 1] != '-')
            text[used++] = ',';
        text[used++] = digits[i];
    }
    text[used] = '\0';
    return text;
}

const char *rt__words_duration(double seconds, char text[RT__WORDS])
{
    if (!(seconds >= 0 && seconds < 1e10))
        return memcpy(text, "-", 2);
    long long s = (long long)(seconds + 0.5);
    if (s >= 48 * 3600)
        snprintf(text, RT__WORDS, "%lld d %lld h", s / 86400, s / 3600 % 24);
    else if (s >= 3600)
        snprintf(text, RT__WORDS, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, RT__WORDS, "%lld:%02lld", s / 60, s % 60);
    return text;
}

const char *rt__words_seconds(double seconds, char text[RT__WORDS])
{
    if (seconds >= 99.5 || !(seconds >= 0))
        return rt__words_duration(seconds, text);
    snprintf(text, RT__WORDS, "%.*f s", seconds < 1 ? 2 : seconds < 10 ? 1 : 0, seconds);
    return text;
}

const char *rt__words_bytes(double bytes, char text[RT__WORDS])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    int unit = 0;
    if (!(bytes >= 0 && bytes < 1e18))
        return memcpy(text, "-", 2);
    for (; bytes >= 1000 && unit < 5; unit++)
        bytes /= 1024;
    snprintf(text, RT__WORDS, "%.*f %s", unit > 0 && bytes < 9.95 ? 1 : 0, bytes, units[unit]);
    return text;
}

const char *rt__words_clock(const char *iso, double now, char text[RT__WORDS])
{
    struct tm utc = {0}, then, today;
    text[0] = '\0';
    if (!strptime(iso, "%Y-%m-%dT%H:%M:%S", &utc))
        return text;
    time_t at = timegm(&utc), whole = (time_t)now;
    localtime_r(&at, &then);
    localtime_r(&whole, &today);
    bool same_day = then.tm_yday == today.tm_yday && then.tm_year == today.tm_year;
    strftime(text, RT__WORDS, same_day ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &then);
    return text;
}

/* ---- text from elsewhere ---- */

void rt__words_add(rt_text *out, const char *text)
{
    char *line = rt_strdup_printf("%.*s", (int)strcspn(text, "\r\n"), text);
    if (line)
        rt_text_add_printable(out, line);
    else
        out->failed = true;
    rt_mem_free(line);
}

void rt__words_verifying(const json_t *verifying, rt_text *out)
{
    char size[RT__WORDS];
    double bytes = rt__field_number(verifying, "bytes"), of = rt__field_number(verifying, "of");
    rt__words_add(out, rt__field_text(verifying, "checkpoint"));
    rt_text_add(out, ", %.0f %% of %s", of > 0 ? floor(100 * bytes / of) : 0,
                rt__words_bytes(of, size));
}

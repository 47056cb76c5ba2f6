/* Lines and tables cut to the width of a screen.
 *
 *     rt__screen s = rt__screen_of_stdout();
 *     rt__screen_line(&s, &out, rt__bold, "%s: training", name);
 *     rt__column columns[] = {{"host"}, {"slots", .right = true, .drop = 1}, {"state"}};
 *     rt__table t = {columns, 3, host_cell};
 *     rt__table_lay_out(&t, rows, n, s.width);
 *     rt__table_row(&t, NULL, rt__bold, &s, &out);             // the titles
 *     rt__table_row(&t, rows[0], NULL, &s, &out);
 */
#ifndef RINGTORCH_LAUNCH_SCREEN_H
#define RINGTORCH_LAUNCH_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include "common/text.h"

typedef struct rt__screen {
    int width;  /* columns, at least 20 */
    int height; /* lines; 0: as many as it takes */
    bool color; /* escapes of ANSI (ECMA-48) may be used */
    double now; /* wall clock */
} rt__screen;

/* Returns the size of the terminal that standard output is, or COLUMNS and LINES if that is not
 * known; a pipe is 100 wide and endless. */
rt__screen rt__screen_of_stdout(void);

/* Returns the columns of a terminal that UTF-8 text takes: East Asian wide characters two, combining ones none. */
int rt__columns_of(const char *text);
/* Returns how many bytes of it take at most so many columns. */
size_t rt__columns_fit(const char *text, int columns);

/* Styles: what stands between ESC[ and m. */
extern const char rt__bold[], rt__red[], rt__yellow[], rt__dim[];

/* Adds one line, cut to the width; style NULL: none. */
__attribute__((format(printf, 4, 5))) void rt__screen_line(const rt__screen *screen, rt_text *out,
                                                           const char *style, const char *fmt, ...);

enum { RT__CELL = 512 }; /* room of a cell's text */

/* Writes text from elsewhere without what a terminal might obey; returns out. */
const char *rt__cell_clean(const char *text, char out[RT__CELL]);

typedef struct rt__column {
    const char *title;
    bool right; /* aligned */
    int drop;   /* 0: never; the lowest number goes first when the screen is narrow */
    bool dropped;
    int width; /* set by rt__table_lay_out */
} rt__column;

/* Gives the cell of a row its text. */
typedef void rt__cell(const void *row, int column, char out[RT__CELL]);

typedef struct rt__table {
    rt__column *columns; /* the last takes what is left of a line */
    int count;
    rt__cell *cell;
} rt__table;

/* Sets the widths that these rows need, then drops columns until they fit. */
void rt__table_lay_out(rt__table *t, const void *const *rows, size_t n, int width);
/* Adds a row; NULL: the titles. */
void rt__table_row(const rt__table *t, const void *row, const char *style, const rt__screen *screen,
                   rt_text *out);

#endif

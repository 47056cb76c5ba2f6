/* A line of progress. It consists of parts, some of which are dropped on a narrow screen; on a terminal it is redrawn in
 * place.
 *
 *     rt__live l = {0};
 *     rt__part parts[] = {{"step 830/37,500"}, {"loss 0.2377"}, {"ETA 3:20", .drop = 2}};
 *     rt__live_draw(&l, parts, 3, 80, stdout);
 *     rt__live_fit(&l, width, stdout);           // now and then: redraws it if the width has changed
 *     rt__live_erase(&l, width, stdout);         // before anything else is printed
 */
#ifndef RINGTORCH_LAUNCH_TUI_LIVE_H
#define RINGTORCH_LAUNCH_TUI_LIVE_H

#include <stdio.h>

/* None of these functions flushes; the caller does. */
enum { RT__PARTS = 12, RT__PART = 120, RT__LIVE_TEXT = RT__PARTS * (RT__PART + 2) };

typedef struct rt__part {
    char text[RT__PART];
    int drop; /* 0: never dropped; the part with the highest number is dropped first if the line is too long */
} rt__part;

typedef struct rt__live {
    rt__part part[RT__PARTS];
    int parts;
    int columns; /* taken by the line on the screen; 0: there is none */
    int width;   /* of the terminal when the line was drawn */
} rt__live;

/* Joins the parts with two blanks. Drops parts until the line takes at most `columns` columns, then cuts it if it is still
 * too long; columns 0: no limit. Returns `text`. */
const char *rt__live_text(const rt__part *parts, int count, int columns, char text[RT__LIVE_TEXT]);

/* Draws the line in place of the current one. Leaves one column free, so that no terminal wraps the line. */
void rt__live_draw(rt__live *l, const rt__part *parts, int count, int width, FILE *to);
/* Redraws the line if the width has changed. */
void rt__live_fit(rt__live *l, int width, FILE *to);
/* Erases the line. A terminal that has become narrower has wrapped it, so this erases all of its rows. */
void rt__live_erase(rt__live *l, int width, FILE *to);

#endif

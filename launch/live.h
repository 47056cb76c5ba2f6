/* A line of progress: parts that give way to the width, and on a terminal one line that is drawn over again and again.
 *
 *     rt__live l = {0};
 *     rt__part parts[] = {{"step 830/37,500"}, {"loss 0.2377"}, {"ETA 3:20", .drop = 2}};
 *     rt__live_draw(&l, parts, 3, 80, stdout);
 *     rt__live_fit(&l, width, stdout);           // now and then: draws it again if the width is another
 *     rt__live_erase(&l, width, stdout);         // before anything else is printed
 */
#ifndef RINGTORCH_LAUNCH_LIVE_H
#define RINGTORCH_LAUNCH_LIVE_H

#include <stdio.h>

/* Whoever draws flushes. */
enum { RT__PARTS = 12, RT__PART = 120, RT__LIVE_TEXT = RT__PARTS * (RT__PART + 2) };

typedef struct rt__part {
    char text[RT__PART];
    int drop; /* 0: never; the highest number goes first when the line is too long */
} rt__part;

typedef struct rt__live {
    rt__part part[RT__PARTS];
    int parts;
    int columns; /* that the line on the screen takes; 0: there is none */
    int width;   /* of the terminal when it was drawn */
} rt__live;

/* Joins the parts by two blanks, without those that must go for at most `columns` columns, and cut if that is not enough;
 * columns 0: any number. Returns `text`. */
const char *rt__live_text(const rt__part *parts, int count, int columns, char text[RT__LIVE_TEXT]);

/* Draws the line in place of the one that is there; one column stays free, so that no terminal wraps it. */
void rt__live_draw(rt__live *l, const rt__part *parts, int count, int width, FILE *to);
/* Draws it again if the width has changed. */
void rt__live_fit(rt__live *l, int width, FILE *to);
/* Takes it off the screen. A terminal that has become narrower has wrapped it: all its rows go. */
void rt__live_erase(rt__live *l, int width, FILE *to);

#endif

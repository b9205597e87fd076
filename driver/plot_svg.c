/* See plot.h: points over axes with round numbers. */
#include <math.h>

#include "driver/plot.h"

enum {
  WIDTH = 720,
  HEIGHT = 420,
  LEFT = 80,
  RIGHT = 24,
  TOP = 48,
  BOTTOM = 56
};
enum { TICKS = 6 };

/* Values lo..hi lie at pixels from..to. */
typedef struct Scale {
  double lo, hi, step;
  int from, to;
} Scale;

/* 1, 2 or 5 times a power of ten, about TICKS of which make the span. */
static double round_step(double span) {
  double rough = span / (double)TICKS, power = pow(10, floor(log10(rough)));
  double factor = rough / power;
  return power * (factor > 5 ? 10 : factor > 2 ? 5 : factor > 1 ? 2 : 1);
}

static Scale scale_of(double lo, double hi, int from, int to) {
  if (!(hi > lo)) {
    lo -= 1;
    hi += 1;
  }
  double step = round_step(hi - lo);
  return (Scale){floor(lo / step) * step, ceil(hi / step) * step, step, from,
                 to};
}

static double place(const Scale *s, double x) {
  return s->from + (x - s->lo) / (s->hi - s->lo) * (s->to - s->from);
}

static void add_text(Str *out, double x, double y, const char *anchor,
                     const char *text) {
  str_printf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n",
             x, y, anchor, text);
}

static void add_line(Str *out, double x1, double y1, double x2, double y2) {
  str_printf(out,
             "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" "
             "stroke=\"#ddd\"/>\n",
             x1, y1, x2, y2);
}

static const char *number(Arena *a, double x, double step) {
  return arena_printf(a, "%.*g", fabs(x) < 1e15 ? 12 : 6,
                      round(x / step) * step);
}

static void add_axes(Str *out, const Scale *x, const Scale *y) {
  Arena *a = arena_new();
  for (int i = 0; x->lo + i * x->step <= x->hi + x->step / 2; i++) {
    double v = x->lo + i * x->step, at = place(x, v);
    add_line(out, at, y->from, at, y->to);
    add_text(out, at, y->from + 18, "middle", number(a, v, x->step));
  }
  for (int i = 0; y->lo + i * y->step <= y->hi + y->step / 2; i++) {
    double v = y->lo + i * y->step, at = place(y, v);
    add_line(out, x->from, at, x->to, at);
    add_text(out, x->from - 8, at + 4, "end", number(a, v, y->step));
  }
  arena_free(a);
}

static void add_point(Str *out, const Scale *x, const Scale *y,
                      const PlotPoint *p) {
  double cx = place(x, p->x), cy = place(y, p->y);
  bool meant = p->mark == '@';
  str_printf(out,
             "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%d\" fill=\"%s\" "
             "stroke=\"%s\"><title>%s: %.6g, %.12g</title></circle>\n",
             cx, cy, meant ? 7 : 4, p->mark == '.' ? "none" : "#1f6feb",
             p->mark == '.' ? "#888" : "#1f6feb", p->name, p->y, p->x);
  if (!meant)
    return;
  bool is_left = cx < (x->from + x->to) / 2.0;
  add_text(out, cx + (is_left ? 12 : -12), cy + 4, is_left ? "start" : "end",
           p->name);
}

void plot_svg(Str *out, const PlotPoint *points, int n, const char *x_name,
              const char *y_name, const char *legend) {
  double lo[2] = {INFINITY, INFINITY}, hi[2] = {-INFINITY, -INFINITY};
  for (int i = 0; i < n; i++) {
    lo[0] = fmin(lo[0], points[i].x);
    hi[0] = fmax(hi[0], points[i].x);
    lo[1] = fmin(lo[1], points[i].y);
    hi[1] = fmax(hi[1], points[i].y);
  }
  Scale x = scale_of(lo[0], hi[0], LEFT, WIDTH - RIGHT);
  Scale y = scale_of(lo[1], hi[1], HEIGHT - BOTTOM, TOP);
  str_printf(out,
             "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
             "height=\"%d\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" "
             "font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" "
             "fill=\"white\"/>\n",
             WIDTH, HEIGHT, WIDTH, HEIGHT);
  add_text(out, LEFT, TOP - 28, "start", y_name);
  add_text(out, LEFT, TOP - 12, "start", legend);
  add_text(out, WIDTH - RIGHT, HEIGHT - 12, "end", x_name);
  add_axes(out, &x, &y);
  for (int i = 0; i < n; i++)
    add_point(out, &x, &y, &points[i]);
  str_add(out, "</svg>\n");
}

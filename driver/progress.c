/* The line is written by the handler of an alarm that rings every second, so
 * that work without steps of its own (LLVM) shows too. The handler uses only
 * write(2) and the static state below. */
#include "driver/progress.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char line[96];
static volatile sig_atomic_t percent = -1, shown, seconds;

/* Digits of x to out; how many. */
static size_t put_number(char *out, int x) {
  char digits[12];
  size_t n = 0, i = 0;
  do
    digits[n++] = (char)('0' + x % 10);
  while ((x /= 10) > 0);
  while (n)
    out[i++] = digits[--n];
  return i;
}

static void on_alarm(int signal_number) {
  char text[160];
  size_t n = strlen(line);
  (void)signal_number;
  memcpy(text, line, n);
  n += put_number(text + n, percent >= 0 ? percent : ++seconds);
  memcpy(text + n, percent >= 0 ? " %" : " s", 2);
  ssize_t written = write(STDERR_FILENO, text, n + 2);
  shown = written > 0;
  alarm(1);
}

Progress progress_begin(const char *label) {
  Progress p = {.on = isatty(STDERR_FILENO) == 1};
  if (!p.on)
    return p;
  snprintf(line, sizeof line, "\r%s ... ", label);
  percent = -1;
  shown = seconds = 0;
  struct sigaction act = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
  sigemptyset(&act.sa_mask);
  sigaction(SIGALRM, &act, NULL);
  alarm(1);
  return p;
}

void progress_step(const Progress *p, int64_t done, int64_t total) {
  if (p->on && total > 0)
    percent = (sig_atomic_t)(100 * done / total);
}

void progress_end(const Progress *p) {
  if (!p->on)
    return;
  alarm(0);
  if (shown)
    fputs("\r\033[K", stderr);
  fflush(stderr);
}

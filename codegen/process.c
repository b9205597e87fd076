/* fork, exec and a deadline: standard input and output are files, so that
 * neither side ever waits for the other. */
#include "codegen/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/clock.h"
#include "support/file.h"

static void redirect(const char *file, int flags, int fd) {
  int f = open(file ? file : "/dev/null", flags, 0600);
  if (f < 0 || dup2(f, fd) < 0)
    _exit(127);
  close(f);
}

static void start(const Process *p) {
  if (chdir(p->dir) != 0)
    _exit(127);
  redirect(p->in, O_RDONLY, 0);
  redirect(p->out, p->out ? O_WRONLY | O_CREAT | O_TRUNC : O_WRONLY, 1);
  redirect(p->err, p->err ? O_WRONLY | O_CREAT | O_TRUNC : O_WRONLY, 2);
  /* execv takes its strings as modifiable and modifies none */
  union {
    const char *const *in;
    char *const *out;
  } argv = {p->argv};
  execv(p->argv[0], argv.out);
  _exit(127);
}

static int wait_until(pid_t child, double deadline) {
  int status = 0;
  struct timespec nap = {0, 1000000};
  for (;;) {
    pid_t r = waitpid(child, &status, WNOHANG);
    if (r == child)
      return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (r < 0 && errno != EINTR)
      return -1;
    if (clock_seconds() > deadline) {
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      return -1;
    }
    nanosleep(&nap, NULL);
  }
}

int process_run(const Process *p) {
  pid_t child = fork();
  if (child == 0)
    start(p);
  return child < 0 ? -1 : wait_until(child, clock_seconds() + p->timeout_s);
}

static const char *executable(Arena *a, const char *dir, const char *name) {
  const char *path = path_join(a, dir, name);
  return access(path, X_OK) == 0 ? path : NULL;
}

static const char *find_in(Arena *a, const char *dir,
                           const char *const *names) {
  for (; *names; names++) {
    const char *path = executable(a, dir, *names);
    if (path)
      return path;
  }
  return NULL;
}

const char *tool_find(Arena *a, const char *const *names,
                      const char *extra_dir) {
  const char *path = getenv("PATH"), *found = NULL;
  while (path && *path && !found) {
    size_t n = strcspn(path, ":");
    if (n)
      found = find_in(a, arena_strndup(a, path, n), names);
    path += n + (path[n] == ':');
  }
  return found || !extra_dir ? found : find_in(a, extra_dir, names);
}

const char *temp_dir_new(Arena *a, Diag *d) {
  const char *base = getenv("TMPDIR");
  char *dir = path_join(a, base && *base ? base : "/tmp", "kiln-XXXXXX");
  if (mkdtemp(dir))
    return dir;
  diag_error(d, E0003, (Loc){.file = dir}, "%s", strerror(errno));
  return NULL;
}

void temp_dir_free(const char *dir) {
  DIR *list = opendir(dir);
  for (struct dirent *f; list && (f = readdir(list));)
    unlinkat(dirfd(list), f->d_name, 0);
  if (list)
    closedir(list);
  rmdir(dir);
}

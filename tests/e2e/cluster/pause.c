/*
 * The process that does nothing, reaps what it inherits, and ends when told to:
 *   pause               a pod's first process: until SIGTERM
 *   pause --while-read  a node's first process: until standard input ends
 *   pause NUMBER        a job of no work: at once, with that exit code
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void end(int number) { (void)number; _exit(0); }

static void reap(int number) {
  (void)number;
  while (waitpid(-1, NULL, WNOHANG) > 0) {}
}

int main(int count, char **arguments) {
  struct sigaction ending = {.sa_handler = end};
  struct sigaction reaping = {.sa_handler = reap, .sa_flags = SA_NOCLDSTOP | SA_RESTART};
  sigaction(SIGINT, &ending, NULL);
  sigaction(SIGTERM, &ending, NULL);
  sigaction(SIGCHLD, &reaping, NULL);
  reap(SIGCHLD);
  if (count > 1 && strcmp(arguments[1], "--while-read") == 0) {
    char byte;
    while (read(0, &byte, 1) > 0) {}
    return 0;
  }
  if (count > 1) return atoi(arguments[1]);
  for (;;) pause();
}

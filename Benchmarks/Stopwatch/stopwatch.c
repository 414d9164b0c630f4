// Runs a command and writes what it took of the machine: stopwatch REPORT COMMAND...
//
// The report is one line: wall seconds until the command ended, user and system seconds of all processes that it started,
// peak memory of the largest of them in KiB. Exits as the command does.
//
// It is a small program in C because a process begins with the peak memory of the one that made it (getrusage(2)). And it
// adopts what the command leaves behind: unison does not wait for its ssh, whose time would be nobody's.
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double seconds(struct timeval time) { return (double)time.tv_sec + (double)time.tv_usec / 1e6; }

int main(int count, char **words) {
    if (count < 3) {
        fprintf(stderr, "usage: stopwatch REPORT COMMAND...\n");
        return 2;
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    double start = now();
    pid_t command = fork();
    if (command < 0) return 125;
    if (command == 0) {
        execvp(words[2], words + 2);
        _exit(127);
    }
    double wall = 0, cpu = 0;
    long peak = 0;
    int status = 0, ended = 0;
    struct rusage usage;
    for (;;) {
        pid_t child = wait4(-1, &ended, 0, &usage);
        if (child < 0 && errno == EINTR) continue;
        if (child < 0) break;
        if (child == command) {
            wall = now() - start;
            status = ended;
        }
        cpu += seconds(usage.ru_utime) + seconds(usage.ru_stime);
        if (usage.ru_maxrss > peak) peak = usage.ru_maxrss;
    }
    FILE *report = fopen(words[1], "w");
    if (!report || fprintf(report, "%.6f %.6f %ld\n", wall, cpu, peak) < 0 || fclose(report) != 0) return 125;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

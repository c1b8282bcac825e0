/* How the programs of bench/load and bench/attack end on an error. */
#ifndef LOAD_DIE_H
#define LOAD_DIE_H

/* The program's name, printed in front of its messages; "load" unless main sets another. */
extern const char *load_program;

/* Prints a message to stderr and exits with status 1. */
void load_die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif

/* What a C program needs of an emulated board: a counter of instructions, and a host to print to. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

/* Starts the counter. */
void board_start_counter(void);

/* This moment, in ticks of the counter. */
uint64_t board_now(void);

/* Prints on the host. */
void board_print(const char *text);
void board_print_number(uint64_t number);
void board_print_hexadecimal(uint32_t number);

/* Where the stack ends. It grows down from its other end, the linker's `stack_top`. */
extern uint32_t stack_bottom[];

#endif

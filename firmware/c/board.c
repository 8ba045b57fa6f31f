#include "board.h"

int main(void);

/* The linker's. */
extern uint32_t stack_top[], bss_start[], bss_end[];

static volatile uint32_t *const SYSTICK = (volatile uint32_t *)0xe000e010;
static volatile uint32_t *const INTERRUPT_CONTROL = (volatile uint32_t *)0xe000ed04;
static const uint32_t MASK = 0xffffff, SYSTICK_IS_PENDING = 1u << 26;

/* How often the counter came to 0. */
static volatile uint32_t wraps;

/* A request to the host by semihosting. */
static uint32_t ask_host(uint32_t request, const void *argument)
{
    register uint32_t r0 __asm__("r0") = request;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static void end(int is_success)
{
    /* SYS_EXIT: the application's exit, or a run-time error. */
    ask_host(0x18, (const void *)(is_success ? 0x20026 : 0x20023));
    for (;;) {
    }
}

void board_print(const char *text)
{
    /* SYS_OPEN of the host's terminal, for writing; SYS_WRITE. */
    static const uint32_t terminal[3] = {(uint32_t)":tt", 4, 3};
    static uint32_t handle;
    uint32_t request[3], length = 0;
    if (handle == 0) {
        handle = ask_host(0x01, terminal);
    }
    while (text[length] != 0) {
        length++;
    }
    request[0] = handle;
    request[1] = (uint32_t)text;
    request[2] = length;
    ask_host(0x05, request);
}

void board_print_number(uint64_t number)
{
    char digits[21];
    uint32_t place = 20;
    digits[place] = 0;
    do {
        digits[--place] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    board_print(digits + place);
}

void board_print_hexadecimal(uint32_t number)
{
    char digits[9];
    uint32_t place;
    for (place = 0; place < 8; place++) {
        digits[place] = "0123456789abcdef"[number >> (28 - 4 * place) & 15];
    }
    digits[8] = 0;
    board_print(digits);
}

void board_start_counter(void)
{
    SYSTICK[1] = MASK;
    SYSTICK[2] = 0;
    SYSTICK[0] = 7;
}

uint64_t board_now(void)
{
    uint32_t left, round;
    __asm__ volatile("cpsid i" ::: "memory");
    left = SYSTICK[2];
    round = wraps;
    /* The counter came to 0, and its exception waits for the end of this section. */
    if ((*INTERRUPT_CONTROL & SYSTICK_IS_PENDING) != 0) {
        left = SYSTICK[2];
        round++;
    }
    __asm__ volatile("cpsie i" ::: "memory");
    /* 0 begins a round: the counter is then about to be reloaded, and its exception counts as taken. */
    return ((uint64_t)round << 24) + ((0 - left) & MASK);
}

static void on_systick(void)
{
    wraps++;
}

static void on_fault(void)
{
    board_print("fault\n");
    end(0);
}

void on_reset(void);
void on_reset(void)
{
    uint32_t *word;
#if defined(__ARM_FP)
    *(volatile uint32_t *)0xe000ed88 |= 0xfu << 20;
    __asm__ volatile("dsb\n isb" ::: "memory");
#endif
    for (word = bss_start; word < bss_end; word++) {
        *word = 0;
    }
    end(main() == 0);
}

/* The processor's table: where the stack begins, and where each exception leads. Another interrupt is not enabled. */
__attribute__((section(".vectors"), used)) static const void *const VECTORS[16] = {
    stack_top, (const void *)on_reset, (const void *)on_fault, (const void *)on_fault, (const void *)on_fault,
    (const void *)on_fault, (const void *)on_fault, 0, 0, 0, 0, (const void *)on_fault, (const void *)on_fault, 0,
    (const void *)on_fault, (const void *)on_systick,
};

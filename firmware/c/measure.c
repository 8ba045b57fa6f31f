/* What a prediction of an exported network takes: instructions and stack. The counterpart of src/bin/measure.rs, with the same lines. */

#include "board.h"
#include "net.h"

#define SHOWN 10
#define PAINT 0xc5a3c5a3u

/* The samples' file, from its first sample on. */
__asm__(".section .rodata.samples, \"a\"\n.global samples\nsamples: .incbin \"samples.idx\", " SAMPLES_START "\n.text\n");
extern const uint8_t samples[];

static LOGIT logits[NET_CLASSES];

/* A prediction. Its function's entry and return are where `cargo xtask bench device` begins and ends to follow it. */
__attribute__((noinline)) uint16_t measure_followed(const uint8_t *sample)
{
    return net_classify(sample);
}

/* Paints the free stack, predicts, and returns the bytes that are painted over. That is no call of measure_followed, whose first calls are
 * followed. */
static uint32_t depth(void)
{
    volatile uint32_t here = 0;
    volatile uint32_t *word;
    for (word = stack_bottom; word + 8 < &here; word++) {
        *word = PAINT;
    }
    net_classify(samples);
    for (word = stack_bottom; *word == PAINT;) {
        word++;
    }
    return (uint32_t)((uint32_t)&here - (uint32_t)word);
}

int main(void)
{
    uint64_t least = UINT64_MAX, most = 0, total = 0, shown[SHOWN];
    uint32_t sample, class;
    board_print("stack: ");
    board_print_number(depth());
    board_print(" bytes\n");
    board_start_counter();
    for (sample = 0; sample < COUNT; sample++) {
        const uint64_t start = board_now();
        const uint16_t predicted = measure_followed(samples + (uint64_t)sample * NET_INPUTS);
        const uint64_t count = (board_now() - start) * 1000000000u / CLOCK_HZ;
        (void)predicted;
        if (sample < SHOWN) {
            shown[sample] = count;
        }
        least = count < least ? count : least;
        most = count > most ? count : most;
        total += count;
    }
    board_print("prediction: mean ");
    board_print_number(total / COUNT);
    board_print(", least ");
    board_print_number(least);
    board_print(", most ");
    board_print_number(most);
    board_print(" instructions, of ");
    board_print_number(COUNT);
    board_print(" samples\nfirst samples: [");
    for (sample = 0; sample < SHOWN && sample < COUNT; sample++) {
        board_print(sample == 0 ? "" : ", ");
        board_print_number(shown[sample]);
    }
    board_print("] instructions\n");
    for (sample = 0; sample < COUNT; sample++) {
        const uint8_t *input = samples + (uint64_t)sample * NET_INPUTS;
        net_logits(input, logits);
        board_print("logits of sample ");
        board_print_number(sample);
        board_print(", class ");
        board_print_number(net_classify(input));
        board_print(":");
        for (class = 0; class < NET_CLASSES; class++) {
            uint32_t bits;
            __builtin_memcpy(&bits, &logits[class], sizeof bits);
            board_print(" ");
            board_print_hexadecimal(bits);
        }
        board_print("\n");
    }
    return 0;
}

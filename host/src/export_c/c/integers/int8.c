#if defined(__GNUC__)
#define NAME_NOT_INLINED __attribute__((noinline))
#else
#define NAME_NOT_INLINED
#endif

/* Lists a layer's inputs: see NAME_entry. An entry without inputs ends the list. */
static void NAME_list(const uint8_t *input, uint32_t inputs, NAME_entry *entries)
{
    entries = NAME_pairs(input, inputs, 16, 4, entries);
    entries->inputs = 0;
    entries->offset = 0;
}

/* A word of weights holds in each half 256 * upper + lower, the weights of two rows for one input of the pair.
 * NAME_add adds the products of both halves to 256 * (the upper row's sum) + (the lower row's sum), modulo 2^32.
 * NAME_add_lower adds those of the lower row alone. */
#if defined(__ARM_FEATURE_DSP)
static inline uint32_t NAME_add(uint32_t sum, uint32_t word, uint32_t inputs)
{
    return (uint32_t)__smlad((int16x2_t)word, (int16x2_t)inputs, (int32_t)sum);
}

static inline uint32_t NAME_add_lower(uint32_t sum, uint32_t word, uint32_t inputs)
{
    return (uint32_t)__smlad(__sxtb16((int8x4_t)word), (int16x2_t)inputs, (int32_t)sum);
}
#else
static inline uint32_t NAME_add(uint32_t sum, uint32_t word, uint32_t inputs)
{
    const uint32_t even = (uint32_t)(int32_t)(int16_t)(word & 0xffff), odd = (uint32_t)((int32_t)word >> 16);
    return sum + even * (inputs & 0xffff) + odd * (inputs >> 16);
}

static inline uint32_t NAME_add_lower(uint32_t sum, uint32_t word, uint32_t inputs)
{
    const uint32_t even = (uint32_t)(int32_t)(int8_t)(word & 0xff), odd = (uint32_t)(int32_t)(int8_t)(word >> 16 & 0xff);
    return sum + even * (inputs & 0xffff) + odd * (inputs >> 16);
}
#endif

/* Sums of eight rows times the listed inputs. `sums` are 256 * (the upper row's sum) + (the lower row's sum), and the lower row's sum, of
 * four pairs of rows. By itself the loop has all its numbers in registers. */
NAME_NOT_INLINED static void NAME_sums(const NAME_entry *entry, const uint32_t *block, uint32_t sums[8])
{
    uint32_t both0 = 0, both1 = 0, both2 = 0, both3 = 0, lower0 = 0, lower1 = 0, lower2 = 0, lower3 = 0;
    uint32_t inputs;
    for (; (inputs = entry->inputs) != 0; entry++) {
        const uint32_t *words = block + entry->offset;
        both0 = NAME_add(both0, words[0], inputs);
        lower0 = NAME_add_lower(lower0, words[0], inputs);
        both1 = NAME_add(both1, words[1], inputs);
        lower1 = NAME_add_lower(lower1, words[1], inputs);
        both2 = NAME_add(both2, words[2], inputs);
        lower2 = NAME_add_lower(lower2, words[2], inputs);
        both3 = NAME_add(both3, words[3], inputs);
        lower3 = NAME_add_lower(lower3, words[3], inputs);
    }
    sums[0] = both0;
    sums[1] = lower0;
    sums[2] = both1;
    sums[3] = lower1;
    sums[4] = both2;
    sums[5] = lower2;
    sums[6] = both3;
    sums[7] = lower3;
}

/* Eight rows, which are a block: their biases, their multipliers, and four words of weights for each pair of inputs. The sum of
 * an upper row is exact modulo 2^24, and so exact: the file was checked to keep it below 2^23. */
static void NAME_rows(const NAME_entry *entry, const uint32_t *block, int32_t rows[8])
{
    uint32_t sums[8], row;
    NAME_sums(entry, block, sums);
    for (row = 0; row < 8; row += 2) {
        const uint32_t both = sums[row], lower = sums[row + 1];
        rows[row] = NAME_rescale((int32_t)lower, block, row);
        rows[row + 1] = NAME_rescale((int32_t)(both - lower) >> 8, block, row + 1);
    }
}


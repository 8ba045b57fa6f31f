/* Lists a layer's inputs, 64 columns at a time: see NAME_entry. Where any of the 64 is not zero, two entries end their pairs. The
 * first has no inputs and says where the scales are; the second has eight times the sum of the inputs. An entry that says neither
 * ends the list. */
static void NAME_list(const uint8_t *input, uint32_t inputs, NAME_entry *entries)
{
    uint32_t scales = 16;
    while (inputs > 0) {
        const uint32_t columns = inputs < 64 ? inputs : 64;
        NAME_entry *end = NAME_pairs(input, columns, scales + 2, 2, entries);
        if (end != entries) {
            uint32_t sum = 0, column;
            for (column = 0; column < columns; column++) {
                sum += input[column];
            }
            end[0].inputs = 0;
            end[0].offset = scales;
            end[1].inputs = 8 * sum;
            end[1].offset = 0;
            entries = end + 2;
        }
        input += columns;
        inputs -= columns;
        scales += 66;
    }
    entries->inputs = 0;
    entries->offset = 0;
}

/* Adds the products of both halves of a word, which are signed, and a pair of inputs. */
#if defined(__ARM_FEATURE_DSP)
static inline uint32_t NAME_add(uint32_t sum, uint32_t word, uint32_t inputs)
{
    return (uint32_t)__smlad((int16x2_t)word, (int16x2_t)inputs, (int32_t)sum);
}
#else
static inline uint32_t NAME_add(uint32_t sum, uint32_t word, uint32_t inputs)
{
    const uint32_t even = (uint32_t)(int32_t)(int16_t)(word & 0xffff), odd = (uint32_t)((int32_t)word >> 16);
    return sum + even * (inputs & 0xffff) + odd * (inputs >> 16);
}
#endif

/* Adds four rows' sums of 64 columns, times the rows' scales, to their totals. A word of weights holds in each half
 * 4096 * q3 + 256 * (q2 + 8) + 16 * (q1 + 8) + (q0 + 8). `all` are the products of the word, the other three those of its lower
 * digits alone. `excess` is eight times the sum of the inputs. */
static void NAME_scale(uint32_t all, uint32_t first, uint32_t second, uint32_t third, uint32_t excess, uint32_t scales,
                       int32_t totals[4])
{
    totals[0] += (int32_t)(scales & 255) * (int32_t)(first - excess);
    totals[1] += (int32_t)(scales >> 8 & 255) * (int32_t)((second >> 4) - excess);
    totals[2] += (int32_t)(scales >> 16 & 255) * (int32_t)((third >> 8) - excess);
    totals[3] += (int32_t)(scales >> 24) * ((int32_t)(all - first - second - third) >> 12);
}

/* Eight rows, which are a block: their biases, their multipliers, and for each 64 columns two words of scales and two words of
 * weights for each pair of inputs. */
static void NAME_rows(const NAME_entry *entry, const uint32_t *block, int32_t rows[8])
{
    int32_t totals[8] = {0, 0, 0, 0, 0, 0, 0, 0};
    uint32_t row;
    for (;;) {
        uint32_t all0 = 0, first0 = 0, second0 = 0, third0 = 0, all1 = 0, first1 = 0, second1 = 0, third1 = 0;
        uint32_t inputs, word;
        const uint32_t *words;
        for (; (inputs = entry->inputs) != 0; entry++) {
            words = block + entry->offset;
            word = words[0];
            all0 = NAME_add(all0, word, inputs);
            first0 = NAME_add(first0, word & 0x000f000f, inputs);
            second0 = NAME_add(second0, word & 0x00f000f0, inputs);
            third0 = NAME_add(third0, word & 0x0f000f00, inputs);
            word = words[1];
            all1 = NAME_add(all1, word, inputs);
            first1 = NAME_add(first1, word & 0x000f000f, inputs);
            second1 = NAME_add(second1, word & 0x00f000f0, inputs);
            third1 = NAME_add(third1, word & 0x0f000f00, inputs);
        }
        if (entry->offset == 0) {
            break;
        }
        words = block + entry->offset;
        NAME_scale(all0, first0, second0, third0, entry[1].inputs, words[0], totals);
        NAME_scale(all1, first1, second1, third1, entry[1].inputs, words[1], totals + 4);
        entry += 2;
    }
    for (row = 0; row < 8; row++) {
        rows[row] = NAME_rescale(totals[row], block, row);
    }
}


/* Lists the pairs of inputs that are not both zero. The first pair's weights begin at the word `offset` of a block, and each next
 * pair's `step` words further. Returns the end of the list. */
static NAME_entry *NAME_pairs(const uint8_t *input, uint32_t inputs, uint32_t offset, uint32_t step, NAME_entry *entry)
{
    for (; inputs >= 2; inputs -= 2, input += 2, offset += step) {
        const uint32_t pair = input[0] | (uint32_t)input[1] << 16;
        if (pair != 0) {
            entry->inputs = pair;
            entry->offset = offset;
            entry++;
        }
    }
    if (inputs != 0 && input[0] != 0) {
        entry->inputs = input[0];
        entry->offset = offset;
        entry++;
    }
    return entry;
}


/* The last layer. */
static void NAME_last(const NAME_entry *entries, const uint32_t *block, uint32_t block_words, uint32_t outputs, int32_t *output)
{
    int32_t rows[8];
    uint32_t row = 8, place;
    for (place = 0; place < outputs; place++, row++) {
        if (row == 8) {
            NAME_rows(entries, block, rows);
            block += block_words;
            row = 0;
        }
        output[place] = rows[row];
    }
}


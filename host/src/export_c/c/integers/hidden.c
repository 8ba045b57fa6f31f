/* A layer with ReLU after it: its outputs, limited to 0 to 255. */
static void NAME_hidden(const NAME_entry *entries, const uint32_t *block, uint32_t block_words, uint32_t outputs, uint8_t *output)
{
    int32_t rows[8];
    uint32_t row = 8, place;
    for (place = 0; place < outputs; place++, row++) {
        if (row == 8) {
            NAME_rows(entries, block, rows);
            block += block_words;
            row = 0;
        }
        output[place] = (uint8_t)(rows[row] < 0 ? 0 : rows[row] > 255 ? 255 : rows[row]);
    }
}


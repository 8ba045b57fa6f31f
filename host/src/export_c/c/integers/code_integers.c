/* A sample's values as the network's inputs, from 0 to 255: floor(((v - low) * factor + 2^15) / 2^16), where v is the value within
 * low to high. A range is low, high and factor. The file was checked: the sum is below 2^24. */
static void NAME_code(const ELEMENT *input, const uint32_t *range, uint8_t *codes)
{
    uint32_t place;
    for (place = 0; place < MACRO_INPUTS; place++, range += 3) {
        const int32_t low = (int32_t)range[0], high = (int32_t)range[1];
        int32_t value = input[place];
        value = value > high ? high : value;
        value = value < low ? low : value;
        codes[place] = (uint8_t)(((uint32_t)(value - low) * range[2] + 0x8000u) >> 16);
    }
}


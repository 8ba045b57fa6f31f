/* A sample's values as the network's inputs, from 0 to 255: floor((v - low) * factor + 1/2) in three roundings, where v is the value
 * within low to high, and low where the value is no number. A range is low, high and factor. The file was checked: the sum is below
 * 256. */
static void NAME_code(const float *input, const float *range, uint8_t *codes)
{
    uint32_t place;
    for (place = 0; place < MACRO_INPUTS; place++, range += 3) {
        const float low = range[0], high = range[1];
        float value = input[place];
        value = value > high ? high : value;
        value = value > low ? value : low;
        codes[place] = (uint8_t)(NAME_multiply(value - low, range[2]) + 0.5f);
    }
}


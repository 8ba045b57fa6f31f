/* A sample's values as the network's inputs: value + 128. */
static void NAME_code(const int8_t *input, uint8_t *codes)
{
    uint32_t place;
    for (place = 0; place < MACRO_INPUTS; place++) {
        codes[place] = (uint8_t)(input[place] + 128);
    }
}


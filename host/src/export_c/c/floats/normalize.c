/* A sample's bytes as the network's inputs: byte / 255. */
static void NAME_normalize(const uint8_t *input, float *output)
{
    uint32_t place;
    for (place = 0; place < MACRO_INPUTS; place++) {
        output[place] = (float)input[place] / 255.0f;
    }
}


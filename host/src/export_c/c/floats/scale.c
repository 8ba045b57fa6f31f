/* A sample's values as the network's inputs: value * scale + shift, rounded once. The next input's scale and shift are `row` floats
 * further. */
static void NAME_scale(const ELEMENT *input, const float *scale, uint32_t row, float *output)
{
    uint32_t place;
    for (place = 0; place < MACRO_INPUTS; place++, scale += row) {
        output[place] = NAME_fma((float)input[place], scale[0], scale[1]);
    }
}


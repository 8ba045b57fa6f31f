/* (1 - t) / (1 + t) with t = e^(-2|x|) and the sign of x; below 1/4 in size, its series. */
static void NAME_tanh(float *x, uint32_t width)
{
    for (; width > 0; width--, x++) {
        const uint32_t sign = NAME_bits(*x) & 0x80000000u;
        const float size = NAME_of_bits(NAME_bits(*x) & 0x7fffffffu);
        float y;
        if (size < 0.25f) {
            const float square = NAME_multiply(*x, *x);
            float sum = 62.0f / 2835.0f;
            sum = NAME_fma(sum, square, -17.0f / 315.0f);
            sum = NAME_fma(sum, square, 2.0f / 15.0f);
            sum = NAME_fma(sum, square, -1.0f / 3.0f);
            y = NAME_fma(NAME_multiply(*x, square), sum, *x);
        } else {
            const float t = NAME_exp(-2.0f * size);
            y = (1.0f - t) / (1.0f + t);
        }
        *x = NAME_of_bits((NAME_bits(y) & 0x7fffffffu) | sign);
    }
}


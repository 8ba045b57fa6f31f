/* 1 / (1 + e^-x) */
static void NAME_sigmoid(float *x, uint32_t width)
{
    for (; width > 0; width--, x++) {
        *x = 1.0f / (1.0f + NAME_exp(-*x));
    }
}


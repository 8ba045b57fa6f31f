/* x / (1 + e^-2u) with u = sqrt(2 / pi) * (x + 0.044715 * x^3) */
static void NAME_gelu(float *x, uint32_t width)
{
    for (; width > 0; width--, x++) {
        const float cube = NAME_multiply(NAME_multiply(NAME_multiply(0.044715f, *x), *x), *x);
        const float gate = 1.0f / (1.0f + NAME_exp(-NAME_multiply(1.5957692f, *x + cube)));
        *x = gate == 0.0f ? 0.0f : *x * gate;
    }
}


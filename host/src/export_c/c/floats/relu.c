static void NAME_relu(float *x, uint32_t width)
{
    for (; width > 0; width--, x++) {
        *x = *x < 0.0f ? 0.0f : *x;
    }
}


/* (x - mean) * factor + bias. `values` are all factors, then all biases, then all means. */
static void NAME_batch_norm(float *x, uint32_t width, const float *values)
{
    uint32_t place;
    for (place = 0; place < width; place++) {
        x[place] = NAME_multiply(x[place] - values[2 * width + place], values[place]) + values[width + place];
    }
}


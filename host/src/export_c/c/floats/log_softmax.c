/* x - ln(sum of e^x), shifted by the largest. */
static void NAME_log_softmax(float *x, uint32_t width)
{
    float largest = NAME_of_bits(0xff800000u), sum = 0.0f;
    uint32_t place;
    for (place = 0; place < width; place++) {
        largest = x[place] > largest ? x[place] : largest;
    }
    for (place = 0; place < width; place++) {
        sum += NAME_exp(x[place] - largest);
    }
    sum = NAME_ln(sum);
    for (place = 0; place < width; place++) {
        x[place] = (x[place] - largest) - sum;
    }
}


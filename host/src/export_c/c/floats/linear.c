/* output[o] = biases[o] + sum of input[k] * weights[o][k]: one fused multiply-add for each k, ascending. Four rows go at a time. */
static void NAME_linear(const float *input, uint32_t inputs, const NAME_weight *weights, const float *biases, uint32_t outputs,
                        float *output)
{
    uint32_t k;
    for (; outputs >= 4; outputs -= 4, biases += 4, output += 4) {
        const NAME_weight *row0 = weights, *row1 = row0 + inputs, *row2 = row1 + inputs, *row3 = row2 + inputs;
        float sum0 = biases[0], sum1 = biases[1], sum2 = biases[2], sum3 = biases[3];
        for (k = 0; k < inputs; k++) {
            const float x = input[k];
            sum0 = NAME_fma(x, NAME_widen(row0[k]), sum0);
            sum1 = NAME_fma(x, NAME_widen(row1[k]), sum1);
            sum2 = NAME_fma(x, NAME_widen(row2[k]), sum2);
            sum3 = NAME_fma(x, NAME_widen(row3[k]), sum3);
        }
        output[0] = sum0;
        output[1] = sum1;
        output[2] = sum2;
        output[3] = sum3;
        weights = row3 + inputs;
    }
    for (; outputs > 0; outputs--, biases++, output++, weights += inputs) {
        float sum = biases[0];
        for (k = 0; k < inputs; k++) {
            sum = NAME_fma(input[k], NAME_widen(weights[k]), sum);
        }
        output[0] = sum;
    }
}


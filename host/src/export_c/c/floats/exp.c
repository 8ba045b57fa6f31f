/* e^x */
static float NAME_exp(float x)
{
    const uint32_t size = NAME_bits(x) & 0x7fffffffu;
    const int is_negative = NAME_bits(x) >> 31 != 0;
    float hi = x, lo = 0.0f, square, c, y;
    int32_t k = 0;
    if (size > 0x7f800000u) {
        return x;
    }
    if (size >= 0x42b17218u && !is_negative) {
        return x * 0x1p127f;
    }
    if (size >= 0x42cff1b5u && is_negative) {
        return 0.0f;
    }
    if (size <= 0x39000000u) {
        return 1.0f + x;
    }
    if (size > 0x3eb17218u) {
        if (size > 0x3f851592u) {
            k = (int32_t)(NAME_multiply(0x1.715476p+0f, x) + (is_negative ? -0.5f : 0.5f));
        } else {
            k = is_negative ? -1 : 1;
        }
        hi = x - NAME_multiply((float)k, 0x1.62e4p-1f);
        lo = NAME_multiply((float)k, 0x1.7f7d1cp-20f);
        x = hi - lo;
    }
    square = NAME_multiply(x, x);
    c = x - NAME_multiply(square, 0x1.55551ep-3f + NAME_multiply(square, -0x1.6aa42ap-9f));
    y = 1.0f + (NAME_multiply(x, c) / (2.0f - c) - lo + hi);
    if (k > 127) {
        y *= 0x1p127f;
        k -= 127;
    } else if (k < -126) {
        y *= 0x1p-102f;
        k += 102;
    }
    return y * NAME_of_bits((uint32_t)(k + 127) << 23);
}


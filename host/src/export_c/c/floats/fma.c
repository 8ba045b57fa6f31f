#if defined(NAME_HAS_FMA)
/* a * b + c, rounded once: one instruction here. */
static inline float NAME_fma(float a, float b, float c)
{
#if defined(NAME_HAS_VFMA)
    __asm__("vfma.f32 %0, %1, %2" : "+t"(c) : "t"(a), "t"(b));
    return c;
#else
    return fmaf(a, b, c);
#endif
}
#else
/* A finite number other than zero: significand * 2^exponent, the significand of 24 bits. */
static uint32_t NAME_significand(float x, int32_t *exponent)
{
    const uint32_t field = NAME_bits(x) >> 23 & 0xff;
    uint32_t fraction = NAME_bits(x) & 0x007fffffu;
    if (field != 0) {
        *exponent = (int32_t)field - 150;
        return fraction | 0x00800000u;
    }
    *exponent = -149;
    while (fraction < 0x00800000u) {
        fraction <<= 1;
        *exponent -= 1;
    }
    return fraction;
}

/* x >> shift, with the last bit set where a bit was lost. */
static uint64_t NAME_shift_to_odd(uint64_t x, uint32_t shift)
{
    if (shift == 0) {
        return x;
    }
    return shift > 63 ? 1 : x >> shift | (x << (64 - shift) != 0);
}

/* magnitude * 2^exponent as a float, to the nearest, halves to even. The magnitude is not 0. */
static float NAME_round(uint32_t sign, uint64_t magnitude, int32_t exponent)
{
    int32_t highest = 63, shift, field;
    uint64_t significand = 0, rest;
    /* It is one of the first, but where terms cancelled. */
    for (rest = magnitude; rest >> 63 == 0; rest <<= 1) {
        highest--;
    }
    shift = highest - 23 > -149 - exponent ? highest - 23 : -149 - exponent;
    if (shift <= 0) {
        significand = magnitude << -shift;
    } else if (shift <= 62) {
        const uint64_t half = (uint64_t)1 << (shift - 1);
        significand = magnitude >> shift;
        rest = magnitude & (((uint64_t)1 << shift) - 1);
        significand += rest > half || (rest == half && (significand & 1) == 1);
    }
    field = exponent + shift + 149;
    if (field > 253) {
        return NAME_of_bits(sign | 0x7f800000u);
    }
    /* The significand's highest bit, where it has 24, counts the exponent's field up by one. */
    return NAME_of_bits(sign | (((uint32_t)field << 23) + (uint32_t)significand));
}

/* a * b + c, rounded once, in integers: this processor has no instruction for it. */
static float NAME_fma(float a, float b, float c)
{
    const uint32_t infinity = 0x7f800000u, size = 0x7fffffffu;
    const int a_is_finite = (NAME_bits(a) & size) < infinity, b_is_finite = (NAME_bits(b) & size) < infinity;
    const int c_is_finite = (NAME_bits(c) & size) < infinity;
    const uint32_t product_sign = (NAME_bits(a) ^ NAME_bits(b)) & 0x80000000u, c_sign = NAME_bits(c) & 0x80000000u;
    uint64_t product, addend;
    int32_t a_exponent, b_exponent, c_exponent, distance;
    if (!c_is_finite && a_is_finite && b_is_finite) {
        return c;
    }
    if (!a_is_finite || !b_is_finite || (NAME_bits(a) & size) == 0 || (NAME_bits(b) & size) == 0) {
        return a * b + c;
    }
    if ((NAME_bits(c) & size) == 0) {
        return a * b;
    }
    /* Both terms with their highest bit at 60 or 61: room for a carry above, for the bits to be rounded below. */
    product = (uint64_t)NAME_significand(a, &a_exponent) * NAME_significand(b, &b_exponent) << 14;
    addend = (uint64_t)NAME_significand(c, &c_exponent) << 38;
    distance = (a_exponent + b_exponent - 14) - (c_exponent - 38);
    if (distance > 0) {
        addend = NAME_shift_to_odd(addend, (uint32_t)distance);
        c_exponent = a_exponent + b_exponent - 14;
    } else {
        product = NAME_shift_to_odd(product, (uint32_t)-distance);
        c_exponent -= 38;
    }
    if (product_sign == c_sign) {
        return NAME_round(product_sign, product + addend, c_exponent);
    }
    if (product == addend) {
        return 0.0f;
    }
    return product > addend ? NAME_round(product_sign, product - addend, c_exponent)
                            : NAME_round(c_sign, addend - product, c_exponent);
}
#endif


/* The natural logarithm of a positive number, or of one that is no number. */
static float NAME_ln(float x)
{
    uint32_t bits = NAME_bits(x);
    int32_t k = 0;
    float f, s, z, w, t1, t2, r, half_square;
    if (bits >= 0x7f800000u || bits == 0x3f800000u) {
        return bits == 0x3f800000u ? 0.0f : x;
    }
    bits += 0x3f800000u - 0x3f3504f3u;
    k += (int32_t)(bits >> 23) - 0x7f;
    f = NAME_of_bits((bits & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
    s = f / (2.0f + f);
    z = NAME_multiply(s, s);
    w = NAME_multiply(z, z);
    t1 = NAME_multiply(w, 0x1.999c26p-2f + NAME_multiply(w, 0x1.f13c4cp-3f));
    t2 = NAME_multiply(z, 0x1.555554p-1f + NAME_multiply(w, 0x1.23d3dcp-2f));
    r = t2 + t1;
    half_square = NAME_multiply(NAME_multiply(0.5f, f), f);
    return NAME_multiply(s, half_square + r) + NAME_multiply((float)k, 0x1.2fefa2p-17f) - half_square + f
           + NAME_multiply((float)k, 0x1.62e3p-1f);
}


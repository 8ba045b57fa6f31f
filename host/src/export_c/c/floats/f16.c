typedef uint16_t NAME_weight;

/* A finite f16 (binary16 of IEEE 754) as a float. It is exact. */
static inline float NAME_widen(NAME_weight weight)
{
#if defined(NAME_HAS_VFMA)
    float x;
    __asm__("vcvtb.f32.f16 %0, %1" : "=t"(x) : "t"(NAME_of_bits(weight)));
    return x;
#else
    const uint32_t sign = (uint32_t)(weight & 0x8000u) << 16, size = (uint32_t)(weight & 0x7fffu) << 13;
    return NAME_of_bits(sign | size) * 0x1p112f;
#endif
}


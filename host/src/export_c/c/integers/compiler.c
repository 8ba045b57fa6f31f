/* C leaves these to the compiler. Where it does not shift and convert so, this line is refused. */
typedef char NAME_compiler_shifts_and_converts
    [(-1 >> 1) == -1 && (-(int64_t)1 >> 1) == -1 && (int32_t)0xffffffffu == -1 && (int16_t)0x8000u < 0 && (int8_t)0x80u < 0
         ? 1
         : -1];


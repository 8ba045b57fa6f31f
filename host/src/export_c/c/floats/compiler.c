#if defined(__FAST_MATH__)
#error "NAME.c: -ffast-math changes what is computed; compile this file without it"
#endif
#if FLT_EVAL_METHOD != 0 || FLT_RADIX != 2 || FLT_MANT_DIG != 24
#error "NAME.c: float is not computed in 32 bits by IEEE-754 here (on x86, -mfpmath=sse -msse2 does it)"
#endif


void NAME_values_in(NAME_scratch *scratch, const ELEMENT input[MACRO_INPUTS], float values[MACRO_OUTPUTS])
{
    const float *scale = NAME_target_scales;
    uint32_t place;
    NAME_logits_in(scratch, input, scratch->logits);
    for (place = 0; place < MACRO_OUTPUTS; place++, scale += 2) {
        values[place] = NAME_fma(STANDARDIZED, scale[0], scale[1]);
    }
}

uint16_t NAME_classify_in(NAME_scratch *scratch, const ELEMENT input[MACRO_INPUTS])
{
    uint32_t place, best = 0;
    NAME_logits_in(scratch, input, scratch->logits);
    for (place = 1; place < MACRO_CLASSES; place++) {
        const LOGIT largest = scratch->logits[best], logit = scratch->logits[place];
        if (IS_LARGER) {
            best = place;
        }
    }
    return (uint16_t)best;
}

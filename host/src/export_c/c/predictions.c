void NAME_logits_in(NAME_scratch *scratch, const ELEMENT input[MACRO_INPUTS], LOGIT logits[MACRO_CLASSES])
{
    STEPS
}

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

static NAME_scratch NAME_memory;

void NAME_logits(const ELEMENT input[MACRO_INPUTS], LOGIT logits[MACRO_CLASSES])
{
    NAME_logits_in(&NAME_memory, input, logits);
}

uint16_t NAME_classify(const ELEMENT input[MACRO_INPUTS])
{
    return NAME_classify_in(&NAME_memory, input);
}

void NAME_logits_in(NAME_scratch *scratch, const ELEMENT input[MACRO_INPUTS], LOGIT logits[MACRO_COUNT])
{
    STEPS
}

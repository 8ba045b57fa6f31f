static NAME_scratch NAME_memory;

void NAME_logits(const ELEMENT input[MACRO_INPUTS], LOGIT logits[MACRO_COUNT])
{
    NAME_logits_in(&NAME_memory, input, logits);
}

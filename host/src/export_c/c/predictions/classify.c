uint16_t NAME_classify(const ELEMENT input[MACRO_INPUTS])
{
    return NAME_classify_in(&NAME_memory, input);
}

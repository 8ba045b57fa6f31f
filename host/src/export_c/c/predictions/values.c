void NAME_values(const ELEMENT input[MACRO_INPUTS], float values[MACRO_OUTPUTS])
{
    NAME_values_in(&NAME_memory, input, values);
}
